"""A student's consumers that go wrong: one raises, one handles without end, one hangs, one cannot be made."""

import time

from labs.lab1.payments import Payment


class AtMostOnceConsumer:
    def __init__(self, _topic, _group, handle, _config=None):
        self.handle = handle

    def run_once(self, *_limits):
        raise ValueError("each time")

    def close(self):
        pass


class AtLeastOnceConsumer(AtMostOnceConsumer):
    def run_once(self, *_limits):
        while True:
            self.handle(Payment(payment_id="0", account="0", amount=1))


class IdempotentConsumer(AtMostOnceConsumer):
    def __init__(self, *_made_of):
        pass

    def run_once(self, *_limits):
        time.sleep(1000)


class TransactionalProcessor(AtMostOnceConsumer):
    def __init__(self, *_made_of):
        raise KeyError("no such property")
