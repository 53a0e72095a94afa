"""A gateway to nowhere."""


class Gateway:
    def __init__(self, address, limit):
        self.limit, self.calls = limit, 0

    def pay(self, amount):
        if self.calls < self.limit:
            self.calls += 1
            return "no"
        return "later"
