"""Positions in arrays; a resequencer that keeps a plain list; a topic is sorted rather than resequenced."""

from operator import attrgetter

from labs.lab1.messages import Gap, Inversion, OrderReport, default_topic, records_of


def analyze_message_order(records=None):
    records = [*(records_of(default_topic()) if records is None else records)]
    seen, first = set(), []
    for r in records:
        first.append(r.key is not None and (r.key, r.sequence) not in seen)
        seen.add((r.key, r.sequence))
    keys = sorted({r.key for r in records if r.key is not None})
    inversions = {}
    gaps = []
    for key in keys:
        mine = [n for n, r in enumerate(records) if first[n] and r.key == key]
        best = mine[0]
        for n in mine:
            if records[n].sequence < records[best].sequence:
                inversions[n] = best
            else:
                best = n
        numbers = sorted(records[n].sequence for n in mine)
        for before, after in zip([-1, *numbers], numbers, strict=False):
            if after > before + 1:
                gaps.append(Gap(key=key, first=before + 1, last=after - 1))
    partitions = {}
    for r in records:
        partitions.setdefault(r.partition, []).append(r.offset)
    return OrderReport(
        messages=len(records),
        partitions_in_order={p: sorted(set(offsets)) == offsets for p, offsets in partitions.items()},
        keys_in_order={k: not any(records[n].key == k for n in inversions) for k in keys},
        inversions=[Inversion(record=records[n], behind=records[inversions[n]]) for n in sorted(inversions)],
        gaps=gaps,
        duplicates=[r for n, r in enumerate(records) if r.key is not None and not first[n]],
        scattered=[k for k in keys if len({r.partition for r in records if r.key == k}) > 1],
    )


class Resequencer:
    def __init__(self, max_held=1000, timeout_s=30.0):
        self.max_held, self.timeout_s = max_held, timeout_s
        self.given_up = 0
        self._turn = {}
        self._list = []  # (record, since), as they came

    @property
    def held(self):
        return len(self._list)

    def receive(self, record, now):
        if record.key is None:
            return [record]
        turn = self._turn.get(record.key, 0)
        if record.sequence < turn:
            return []
        if record.sequence == turn:
            self._turn[record.key] = turn + 1
            return [record, *self._next_of(record.key)]
        if any(r.key == record.key and r.sequence == record.sequence for r, _ in self._list):
            return []
        self._list.append((record, now))
        out = []
        while len(self._list) > self.max_held:
            key = self._list[0][0].key
            out += self._over(key, min(r.sequence for r, _ in self._list if r.key == key))
        return out

    def expire(self, now):
        out = []
        while due := [r for r, since in self._list if since <= now - self.timeout_s]:
            out += self._over(due[0].key, due[0].sequence)
        return out

    def _over(self, key, sequence):
        """Go on with *key* at *sequence* or, one after another, at what is held before it."""
        out = []
        while self._turn.get(key, 0) <= sequence:
            at = min(r.sequence for r, _ in self._list if r.key == key)
            self.given_up += at - self._turn.get(key, 0)
            self._turn[key] = at
            out += self._next_of(key)
        return out

    def _next_of(self, key):
        out = []
        mine = sorted((r for r, _ in self._list if r.key == key), key=attrgetter("sequence"))
        for record in mine:
            if record.sequence != self._turn.get(key, 0):
                break
            out.append(record)
            self._turn[key] = record.sequence + 1
        if out:
            self._list = [(r, since) for r, since in self._list if r not in out]
        return out


def read_in_order(topic):
    once = {}
    for record in records_of(topic):
        once.setdefault((record.key, record.sequence), record)
    return sorted(once.values(), key=lambda r: (r.key or "", r.sequence))
