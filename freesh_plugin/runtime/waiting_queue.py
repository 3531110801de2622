"""Requests that are not in the batch: by urgency, by age, by the age of their appraisal, and their work in all."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from itertools import islice

from freesh_plugin.runtime.entry import Entry


class WaitingQueue:
    """Waiting and parked requests. Adding, taking out and looking up cost little even with thousands of them."""

    def __init__(self) -> None:
        self._by_key: list[tuple[float, int]] = []
        self._by_age: dict[int, Entry] = {}
        self._by_appraisal: dict[int, Entry] = {}
        self._work_s = self._start_s = 0.0
        self._firsts = 0

    def __len__(self) -> int:
        """How many they are."""
        return len(self._by_key)

    @property
    def work_s(self) -> float:
        """Predicted place-seconds of all their work."""
        return self._work_s

    @property
    def start_s(self) -> float:
        """Predicted seconds before the next tokens of all: their prompts, one after the other."""
        return self._start_s

    @property
    def first_start_s(self) -> float | None:
        """The same, if one of them waits for a first token that is promised; None = none does."""
        return self._start_s if self._firsts else None

    @property
    def oldest(self) -> Entry | None:
        """The one that has been here longest."""
        return next(iter(self._by_age.values()), None)

    def by_age(self) -> Iterator[Entry]:
        """All, those that have been here longest first."""
        return iter(self._by_age.values())

    def first(self, count: int) -> list[Entry]:
        """The `count` most urgent, most urgent first."""
        return [self._by_age[request_id] for _, request_id in self._by_key[:count]]

    def after(self, entry: Entry) -> Iterator[Entry]:
        """Those after one of them, least urgent first; of equally urgent ones the later request is less urgent."""
        place = bisect_right(self._by_key, (entry.key, entry.request_id))
        for index in range(len(self._by_key) - 1, place - 1, -1):
            yield self._by_age[self._by_key[index][1]]

    def least_recently_appraised(self, count: int) -> list[Entry]:
        """The `count` whose appraisal is oldest, oldest first."""
        return list(islice(self._by_appraisal.values(), count))

    def add(self, entry: Entry) -> None:
        """Take in an entry that has just been appraised."""
        insort(self._by_key, (entry.key, entry.request_id))
        self._by_age[entry.request_id] = self._by_appraisal[entry.request_id] = entry
        self._count(entry)
        self._firsts += entry.awaits_promised_first

    def remove(self, entry: Entry) -> None:
        """Take out an entry; its key and work are those it was last placed by."""
        self._unplace(entry)
        del self._by_age[entry.request_id]
        self._firsts -= entry.awaits_promised_first
        if not self._by_key:
            self._work_s = self._start_s = 0.0

    def place_anew(self, entry: Entry, appraise: Callable[[Entry], None]) -> None:
        """Have an entry appraised, and place it by what comes of it."""
        self._unplace(entry)
        appraise(entry)
        insort(self._by_key, (entry.key, entry.request_id))
        self._by_appraisal[entry.request_id] = entry
        self._count(entry)

    def _count(self, entry: Entry) -> None:
        self._work_s += entry.work_s
        self._start_s += entry.start_s

    def _unplace(self, entry: Entry) -> None:
        del self._by_key[bisect_left(self._by_key, (entry.key, entry.request_id))]
        del self._by_appraisal[entry.request_id]
        self._work_s -= entry.work_s
        self._start_s -= entry.start_s
