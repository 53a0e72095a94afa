"""Out of sight, out of mind."""

import os

from confluent_kafka import Producer


def producer(**options):
    return Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], **options})


def ship(topic, payloads):
    careless = producer(**{"linger.ms": 60000, "batch.num.messages": 100000})
    for payload in payloads:
        careless.produce(topic, payload)
    return len(payloads)
