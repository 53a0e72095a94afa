"""
Lab 1, part B: at most once, at least once, exactly once.

A consumer does two things with a record: it handles it, and it commits that it has. A crash may come between
any two steps. Which of the two comes first decides what a crash does, and if both have to happen or neither,
they have to be one step: one write of Redis, or one transaction of Kafka.

    payments ──> AtMostOnceConsumer      ──> handle
             ──> AtLeastOnceConsumer     ──> handle, and what is no payment to a dead letter topic
             ──> IdempotentConsumer      ──> balances in Redis
             ──> TransactionalProcessor  ──> another topic

What each must be, whatever breaks, stands in README.md.

Run the checks:  pytest labs/lab1        A hint:  labkit hint lab1 B1
"""

import os  # noqa: F401 - KAFKA_BOOTSTRAP_SERVERS and REDIS_URL say where they are
from collections.abc import Callable, Mapping
from typing import Any

import redis  # noqa: F401
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition  # noqa: F401

from labs.lab1.payments import BALANCES, GUARANTEES, Cost, Payment, StateLost  # noqa: F401


class AtMostOnceConsumer:
    """
    Handles each payment once at most. Promises B1.1 to B1.6 in README.md.

    Args:
        topic: The topic to read.
        group: The consumer group to be a member of.
        handle: Is called with each payment.
        config: Properties of librdkafka to add to your own; they win over yours.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        handle: Callable[[Payment], Any],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError("TODO B1: make a Consumer, and subscribe it to the topic")

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        """Take up to *limit* records, waiting up to *wait_s* for the first; how many they were."""
        # TODO B1: what comes first, the handler or the commit?
        raise NotImplementedError("TODO B1: run_once takes records and handles them")

    def close(self) -> None:
        """Leave the group."""
        raise NotImplementedError("TODO B1: close leaves the group")


class AtLeastOnceConsumer:
    """
    Handles each payment once at least. Promises B2.1 to B2.10 in README.md.

    Arguments as of `AtMostOnceConsumer`.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        handle: Callable[[Payment], Any],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError("TODO B2: make a Consumer, and subscribe it to the topic")

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        """Take up to *limit* records, waiting up to *wait_s* for the first; how many they were."""
        # TODO B2: a payment whose handler raises comes again; what is no payment goes to TOPIC.dlq.
        raise NotImplementedError("TODO B2: run_once takes records and handles them")

    def close(self) -> None:
        """Leave the group."""
        raise NotImplementedError("TODO B2: close leaves the group")


class IdempotentConsumer:
    """
    Adds each payment to its account in Redis, exactly once. Promises B3.1 to B3.10 in README.md.

    The balance of an account is a field of the hash `balances`.
    """

    def __init__(self, topic: str, group: str, config: Mapping[str, Any] | None = None) -> None:
        # redis.Redis.from_url(os.environ["REDIS_URL"]) finds a database of your own.
        raise NotImplementedError("TODO B3: make a Consumer, and a client of Redis")

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        """Take up to *limit* records, waiting up to *wait_s* for the first; how many they were."""
        # TODO B3: which single step of Redis adds an amount, and remembers that it has been added?
        # TODO B3: raise StateLost if Redis has lost what the group had written there.
        raise NotImplementedError("TODO B3: run_once adds payments to their accounts")

    def close(self) -> None:
        """Leave the group."""
        raise NotImplementedError("TODO B3: close leaves the group")


class TransactionalProcessor:
    """
    Makes payments into others, in transactions of Kafka. Promises B4.1 to B4.8 in README.md.

    Args:
        source: The topic to read.
        target: The topic to write.
        group: The consumer group to be a member of.
        transactional_id: What this processor has in common with the one before it, which may live yet.
        transform: Gives what a payment becomes.
        config: Properties of librdkafka to add to those of your consumer; they win over yours.
    """

    def __init__(
        self,
        source: str,
        target: str,
        group: str,
        transactional_id: str,
        transform: Callable[[Payment], list[Payment]],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        raise NotImplementedError("TODO B4: make a Consumer and a transactional Producer")

    def run_once(self, wait_s: float = 1.0, limit: int = 100) -> int:
        """Take up to *limit* records, waiting up to *wait_s* for the first; how many they were."""
        # TODO B4: outputs and offsets are one transaction; what was aborted comes again.
        raise NotImplementedError("TODO B4: run_once makes records into others")

    def close(self) -> None:
        """Leave the group."""
        raise NotImplementedError("TODO B4: close leaves the group")


def producer_config(guarantee: str) -> dict[str, Any]:
    """The properties of librdkafka that make a producer promise *guarantee*, one of `GUARANTEES`: B5.1."""
    raise NotImplementedError("TODO B5: producer_config says what makes a guarantee")


def measure(
    guarantee: str, topic: str, count: int, size: int = 200, config: Mapping[str, Any] | None = None
) -> Cost:
    """Send *count* records of *size* bytes under *guarantee*, and say what it cost: B5.2 to B5.4."""
    raise NotImplementedError("TODO B5: measure sends records, and takes the time")
