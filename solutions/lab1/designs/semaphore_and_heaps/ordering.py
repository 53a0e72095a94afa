"""An analysis for each member; a heap for each key, and a queue of deadlines whose entries may be stale."""

import heapq
from collections import defaultdict, deque
from itertools import groupby, pairwise

from labs.lab1.messages import Gap, Inversion, OrderReport, default_topic, records_of


def analyze_message_order(records=None):
    records = list(records) if records is not None else list(records_of(default_topic()))
    keyed = [r for r in records if r.key is not None]
    firsts = {}
    for r in keyed:
        firsts.setdefault((r.key, r.sequence), r)
    chosen = {id(r) for r in firsts.values()}
    of_key = defaultdict(list)
    for r in firsts.values():
        of_key[r.key].append(r)
    place = {id(r): n for n, r in enumerate(records)}
    inversions = sorted(
        (inv for rs in of_key.values() for inv in _behind(rs)), key=lambda pair: place[id(pair[0])]
    )
    by_partition = sorted(records, key=lambda r: r.partition)  # stable: the order of arrival stays
    return OrderReport(
        messages=len(records),
        partitions_in_order={
            p: all(a.offset < b.offset for a, b in pairwise(rs))
            for p, rs in groupby(by_partition, key=lambda r: r.partition)
        },
        keys_in_order={k: all(a.sequence < b.sequence for a, b in pairwise(rs)) for k, rs in of_key.items()},
        inversions=[Inversion(record=r, behind=b) for r, b in inversions],
        gaps=[
            Gap(key=k, first=a + 1, last=b - 1)
            for k in sorted(of_key)
            for a, b in pairwise([-1, *sorted(r.sequence for r in of_key[k])])
            if b - a > 1
        ],
        duplicates=[r for r in keyed if id(r) not in chosen],
        scattered=sorted({k for k in of_key if len({r.partition for r in keyed if r.key == k}) > 1}),
    )


def _behind(records):
    top = records[0]
    for r in records[1:]:
        if r.sequence > top.sequence:
            top = r
        else:
            yield r, top


class Resequencer:
    def __init__(self, max_held=1000, timeout_s=30.0):
        self.max_held, self.timeout_s = max_held, timeout_s
        self.held = self.given_up = 0
        self._turn = defaultdict(int)
        self._heaps = defaultdict(list)
        self._there = set()
        self._queue = deque()  # (since, key, sequence), some of which went on long ago

    def receive(self, record, now):
        k, s = record.key, record.sequence
        if k is None:
            return [record]
        if s < self._turn[k] or (k, s) in self._there:
            return []
        heapq.heappush(self._heaps[k], (s, self.held, record.partition, record.offset, record))
        self._there.add((k, s))
        self._queue.append((now, k, s))
        self.held += 1
        out = self._run(k)
        while self.held > self.max_held:
            _, oldest, _ = self._oldest()
            self._skip(oldest)
            out += self._run(oldest)
        return out

    def expire(self, now):
        out = []
        while self.held:
            since, k, s = self._oldest()
            if since + self.timeout_s > now:
                break
            while self._turn[k] <= s:
                self._skip(k)
                out += self._run(k)
        return out

    def _oldest(self):
        while self._queue[0][1:] not in self._there:
            self._queue.popleft()
        return self._queue[0]

    def _skip(self, k):
        first = self._heaps[k][0][0]
        self.given_up += first - self._turn[k]
        self._turn[k] = first

    def _run(self, k):
        out, heap = [], self._heaps[k]
        while heap and heap[0][0] == self._turn[k]:
            record = heapq.heappop(heap)[-1]
            self._there.remove((k, record.sequence))
            self.held -= 1
            self._turn[k] += 1
            out.append(record)
        return out


def read_in_order(topic):
    r = Resequencer(10**9, 0)
    out = []
    for record in records_of(topic):
        out.extend(r.receive(record, 0))
    out.extend(r.expire(1))
    return out
