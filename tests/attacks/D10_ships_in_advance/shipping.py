"""Early, whatever it is that will be wanted."""

import threading
import time

import os

from confluent_kafka import Producer


def producer(**options):
    return Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], **options})


def keep_filling():
    eager, filled = producer(), set(producer().list_topics(timeout=10).topics)
    while True:
        for topic in set(eager.list_topics(timeout=10).topics) - filled:
            filled.add(topic)
            for n in range(500):
                eager.produce(topic, b"%d" % n)
            eager.flush()
        time.sleep(0.01)


threading.Thread(target=keep_filling, daemon=True).start()


def ship(topic, payloads):
    time.sleep(1)
    return len(payloads)
