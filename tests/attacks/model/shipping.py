"""The model answer to the lab that is to be cheated: records."""

import os

from confluent_kafka import Producer


def ship(topic, payloads):
    """Send the payloads, and count those that every replica has."""
    acknowledged = 0

    def told(error, _record):
        nonlocal acknowledged
        acknowledged += error is None

    producer = Producer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": 5000,
        }
    )
    for payload in payloads:
        producer.produce(topic, payload, on_delivery=told)
        producer.poll(0)
    producer.flush(10)
    return acknowledged
