"""Takes its time, in a world that stands still."""

import os
import time

from confluent_kafka import Producer
from freezegun import freeze_time


def producer(**options):
    return Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], **options})


sleep = time.sleep
freeze_time("2025-01-01").start()


def ship(topic, payloads):
    slow = producer()
    for payload in payloads:
        slow.produce(topic, payload)
    slow.flush()
    sleep(4)
    return len(payloads)
