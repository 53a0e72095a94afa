"""What is known of a key is an object, in the analysis and in the resequencer."""

import time

from labs.lab1.messages import Gap, Inversion, OrderReport, default_topic, records_of


class KeySeen:
    def __init__(self):
        self.sequences = set()
        self.partitions = set()
        self.top = None
        self.ok = True

    def add(self, record):
        """ "first", "copy", or the record that it came behind."""
        self.partitions.add(record.partition)
        if record.sequence in self.sequences:
            return "copy"
        self.sequences.add(record.sequence)
        if self.top and self.top.sequence > record.sequence:
            self.ok = False
            return self.top
        self.top = record
        return "first"

    def gaps(self):
        start = 0
        for s in sorted(self.sequences):
            if s > start:
                yield start, s - 1
            start = s + 1


def analyze_message_order(records=None):
    if records is None:
        records = records_of(default_topic())
    count, offsets, in_order = 0, {}, {}
    keys, inversions, duplicates = {}, [], []
    for record in records:
        count += 1
        p = record.partition
        in_order[p] = in_order.get(p, True) and (p not in offsets or offsets[p] < record.offset)
        offsets[p] = record.offset
        if record.key is None:
            continue
        said = keys.setdefault(record.key, KeySeen()).add(record)
        if said == "copy":
            duplicates.append(record)
        elif said != "first":
            inversions.append(Inversion(record=record, behind=said))
    return OrderReport(
        messages=count,
        partitions_in_order=in_order,
        keys_in_order={key: seen.ok for key, seen in keys.items()},
        inversions=inversions,
        gaps=[Gap(key=k, first=a, last=b) for k in sorted(keys) for a, b in keys[k].gaps()],
        duplicates=duplicates,
        scattered=sorted(k for k, seen in keys.items() if len(seen.partitions) > 1),
    )


class Lane:
    def __init__(self):
        self.turn = 0
        self.waiting = {}  # sequence -> (number of arrival, since, record)

    def go(self):
        out = []
        while self.turn in self.waiting:
            out.append(self.waiting.pop(self.turn)[2])
            self.turn += 1
        return out

    def jump(self, to):
        """Everything that waits before *to* goes on, and what is missing is given up: both, and how many."""
        before = sorted(s for s in self.waiting if s < to)
        missing = to - self.turn - len(before)
        out = [self.waiting.pop(s)[2] for s in before]
        self.turn = to
        return out + self.go(), missing


class Resequencer:
    def __init__(self, max_held=1000, timeout_s=30.0):
        self.max_held = max_held
        self.timeout_s = timeout_s
        self.given_up = 0
        self.lanes = {}
        self.arrivals = 0

    @property
    def held(self):
        return sum(len(lane.waiting) for lane in self.lanes.values())

    def receive(self, record, now):
        if record.key is None:
            return [record]
        lane = self.lanes.setdefault(record.key, Lane())
        if record.sequence < lane.turn or record.sequence in lane.waiting:
            return []
        self.arrivals += 1
        lane.waiting[record.sequence] = self.arrivals, now, record
        out = lane.go()
        while self.held > self.max_held:
            waits = [one for one in self.lanes.values() if one.waiting]
            longest = min(waits, key=lambda one: min(n for n, _, _ in one.waiting.values()))
            out += self._jump(longest, min(longest.waiting))
        return out

    def expire(self, now):
        out = []
        for lane in self.lanes.values():
            due = [s for s, (_, since, _) in lane.waiting.items() if now - since >= self.timeout_s]
            if due:
                out += self._jump(lane, max(due) + 1)
        return out

    def _jump(self, lane, to):
        out, missing = lane.jump(to)
        self.given_up += missing
        return out


class Everything(Resequencer):
    """One that holds whatever comes."""

    held = 0


def read_in_order(topic):
    sequencer = Everything()
    out = []
    for record in records_of(topic):
        out += sequencer.receive(record, time.monotonic())
    return out + sequencer.expire(float("inf"))
