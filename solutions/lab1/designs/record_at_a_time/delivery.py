"""One record at a time; what has been added is remembered by a mark for each record, with a time to live."""

import os
import threading
import time

import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from labs.lab1.payments import BALANCES, Cost, Payment, StateLost

TWO_DAYS_S = 2 * 86_400


def servers():
    return {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"]}


class Reader:
    """A consumer that gives one record after another."""

    def __init__(self, topic, group, config, **more):
        self.topic, self.group = topic, group
        properties = {"group.id": group, "auto.offset.reset": "earliest", **more, **(config or {})}
        self.consumer = Consumer({**servers(), **properties, "enable.auto.commit": "false"})
        self.consumer.subscribe([topic])

    def run_once(self, wait_s=1.0, limit=100):
        count, end = 0, time.monotonic() + wait_s
        while count < limit:
            record = self.consumer.poll(max(0.0, end - time.monotonic()) if count == 0 else 0.02)
            if record is None:
                if count or time.monotonic() >= end:
                    break
            elif record.error():
                if record.error().code() != KafkaError._PARTITION_EOF and record.error().fatal():
                    raise KafkaException(record.error())
            else:
                self.take(record)
                count += 1
        return count

    def take(self, record):
        raise TypeError

    def commit(self, record):
        self.consumer.commit(message=record, asynchronous=False)

    def again(self, record):
        try:
            self.consumer.seek(TopicPartition(record.topic(), record.partition(), record.offset()))
        except KafkaException:
            pass

    def close(self):
        self.consumer.close()


class AtMostOnceConsumer(Reader):
    def __init__(self, topic, group, handle, config=None):
        super().__init__(topic, group, config)
        self.handle = handle

    def take(self, record):
        self.commit(record)
        self.handle(Payment.decoded(record.value()))


class AtLeastOnceConsumer(Reader):
    def __init__(self, topic, group, handle, config=None):
        super().__init__(topic, group, config)
        self.handle = handle
        self.letters = Producer(servers())

    def take(self, record):
        try:
            payment = Payment.decoded(record.value())
        except ValueError as error:
            self.bury(record, error)
        else:
            try:
                self.handle(payment)
            except BaseException:
                self.again(record)
                raise
        self.commit(record)

    def bury(self, record, error):
        headers = list(record.headers() or []) + [("reason", type(error).__name__)]
        buried = threading.Event()
        self.letters.produce(
            self.topic + ".dlq",
            record.value(),
            record.key(),
            headers=headers,
            on_delivery=lambda problem, _: problem or buried.set(),
        )
        self.letters.flush(20)
        if not buried.is_set():
            self.again(record)
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


ADD = """
if ARGV[1] == 'expected' and redis.call('EXISTS', KEYS[1]) == 0 then
  return 'lost'
end
redis.call('SET', KEYS[1], 'yes')
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then
  redis.call('HINCRBY', KEYS[3], ARGV[3], ARGV[4])
end
return 'well'
"""


class IdempotentConsumer(Reader):
    def __init__(self, topic, group, config=None):
        super().__init__(topic, group, config)
        self.redis = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
        self.places = []
        self.is_known = f"{group}/{topic}/known"

    def take(self, record):
        try:
            self.add(record)
        except BaseException:
            self.again(record)
            raise
        self.commit(record)

    def add(self, record):
        payment = Payment.decoded(record.value())
        mark = f"{self.group}/{record.topic()}/{record.partition()}/{record.offset()}"
        expected = "expected" if self.has_committed() else "new"
        told = self.redis.eval(
            ADD,
            3,
            self.is_known,
            mark,
            BALANCES,
            expected,
            TWO_DAYS_S,
            payment.account,
            payment.amount,
        )
        if told == "lost":
            raise StateLost(f"the marks of {self.group} are gone")

    def has_committed(self):
        if not self.places:
            partitions = self.consumer.list_topics(self.topic, 10).topics[self.topic].partitions
            self.places = [TopicPartition(self.topic, number) for number in partitions]
        places = self.consumer.committed(self.places, 10)
        return any(place.offset > 0 for place in places)


class TransactionalProcessor(Reader):
    def __init__(self, source, target, group, transactional_id, transform, config=None):
        self.producer = Producer({**servers(), "transactional.id": transactional_id, "linger.ms": 0})
        self.producer.init_transactions()
        super().__init__(source, group, config)
        self.target, self.transform = target, transform

    def take(self, record):
        self.producer.begin_transaction()
        try:
            for output in self.transform(Payment.decoded(record.value())):
                self.producer.produce(self.target, output.encoded(), output.account.encode())
            place = TopicPartition(record.topic(), record.partition(), record.offset() + 1)
            self.producer.send_offsets_to_transaction([place], self.consumer.consumer_group_metadata())
            self.producer.commit_transaction()
        except BaseException:
            self.again(record)
            self.producer.abort_transaction()
            raise


def producer_config(guarantee):
    match guarantee:
        case "acks=0":
            return {"acks": "0"}
        case "acks=1":
            return {"acks": "1"}
        case "acks=all":
            return {"acks": "-1", "enable.idempotence": "false"}
        case "idempotent":
            return {"enable.idempotence": "true"}
        case "transactional":
            return {"transactional.id": os.urandom(8).hex()}
    raise ValueError(guarantee)


def measure(guarantee, topic, count, size=200, config=None):
    """A thread polls for delivery reports meanwhile; a transaction has all records that there are."""
    producer = Producer({**servers(), "linger.ms": 1, **producer_config(guarantee), **(config or {})})
    is_transaction = guarantee == "transactional"
    if is_transaction:
        producer.init_transactions()
        producer.begin_transaction()
    begun, ended = [0.0] * count, {}
    done = threading.Event()

    def polls():
        while not done.is_set():
            producer.poll(0.005)

    polling = threading.Thread(target=polls, daemon=True)
    polling.start()
    for number in range(count):

        def told(error, _message, number=number):
            if error is None:
                ended[number] = time.perf_counter()

        while True:
            begun[number] = time.perf_counter()
            try:
                producer.produce(topic, os.urandom(size), on_delivery=told)
                break
            except BufferError:
                time.sleep(0.001)
    producer.flush()
    done.set()
    polling.join()
    if is_transaction:
        producer.commit_transaction()
        now = time.perf_counter()
        ended = dict.fromkeys(ended, now)
    latencies = [1000 * (end - begun[number]) for number, end in ended.items()]
    lasted = max(ended.values()) - begun[0] if ended else 0.0
    return Cost(acknowledged=len(ended), seconds=lasted, latencies_ms=latencies)
