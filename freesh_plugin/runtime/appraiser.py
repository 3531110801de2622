"""Appraises requests: how long their remaining work takes, and their place in the order."""

from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.fairness import FairShares
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.order import Order, Times
from freesh_plugin.runtime.pace import Pace


class Appraiser:
    """Turns what is known of a request into `service_s` and `key`."""

    def __init__(self, pace: Pace, memory: Memory, order: Order, shares: FairShares) -> None:
        self._pace = pace
        self._memory = memory
        self._order = order
        self._shares = shares

    def appraise(self, entry: Entry, now_s: float, delay_s: float) -> None:
        """Set an entry's service and key, as of now, were it to wait for `delay_s` if it does not run."""
        job, pace = entry.job, self._pace
        start_s = pace.service_s(job, self._memory.prefill_tokens(entry.request_id), 0)
        tbt_s = pace.service_s(job, 0, 1)
        self.charge(entry)
        entry.start_s, entry.tbt_s = start_s, tbt_s
        times = Times(pace.service_s(job, job.prompt_tokens, 0), start_s, tbt_s, self._shares.weight(job.client))
        to_start_s = 0.0 if entry.place is Place.RUNNING else start_s
        entry.service_s = to_start_s + entry.remaining_tokens * tbt_s
        entry.key = self._order.key(entry, now_s, delay_s, times)
        entry.appraised_s = now_s

    def charge(self, entry: Entry) -> None:
        """Charge its client for the tokens that it got since this was last done."""
        if entry.generated > entry.charged:
            self._shares.charge(entry.job.client, (entry.generated - entry.charged) * entry.tbt_s)
            entry.charged = entry.generated
