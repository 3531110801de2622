"""Appraises requests: how long their remaining work takes, and their place in the order."""

from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.fairness import FairShares
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.order import Order, Times
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.settings import SchedulerSettings


class Appraiser:
    """Turns what is known of a request into `service_s` and `key`."""

    def __init__(
        self, settings: SchedulerSettings, pace: Pace, memory: Memory, order: Order, shares: FairShares
    ) -> None:
        self._floor_s = settings.delay_floor_s
        self._per_backlog = settings.delay_per_backlog
        self._backlog_s = self._prompts_s = 0.0
        self._places = 1
        self._pace = pace
        self._memory = memory
        self._order = order
        self._shares = shares

    def see(self, backlog_s: float, prompts_s: float, places: int) -> None:
        """Take note of what waits, its work in place-seconds and its prompts in seconds, and of how many are served."""
        self._backlog_s, self._prompts_s = backlog_s, prompts_s
        self._places = max(places, 1)

    @property
    def delay_s(self) -> float:
        """How long a request with little work of its own would wait if it did not run now."""
        return self._delay_s(self._backlog_s)

    def appraise(self, entry: Entry, now_s: float) -> None:
        """Set an entry's service and key, as of now."""
        job, pace = entry.job, self._pace
        running = entry.place is Place.RUNNING
        tokens = (self._memory.resume_tokens if running else self._memory.prefill_tokens)(entry.request_id)
        start_s = pace.service_s(job, tokens, 0)
        tbt_s = pace.service_s(job, 0, 1)
        if entry.generated > entry.charged:
            self.charge_tokens(entry)
        entry.start_tokens, entry.start_s, entry.tbt_s = tokens, start_s, tbt_s
        prompt_s = pace.service_s(job, job.prompt_tokens, 0)
        to_decode_s = entry.remaining_tokens * tbt_s
        if running:
            own_s, start_work_s, entry.service_s, entry.work_s = 0.0, 0.0, to_decode_s, to_decode_s
        else:
            entry.service_s, start_work_s = start_s + to_decode_s, start_s * pace.held_up
            own_s = entry.work_s = start_work_s + to_decode_s
        # It does not wait for itself.
        delay_s, prompts_s = self._delay_s(max(self._backlog_s - own_s, 0.0)), max(self._prompts_s - start_s, 0.0)
        times = Times(prompt_s, start_s, start_work_s, tbt_s, prompts_s, self._shares.weight(job.client))
        entry.key, entry.claim = self._order.urgency(entry, now_s, delay_s, times)
        entry.appraised_s = now_s

    def _delay_s(self, backlog_s: float) -> float:
        return self._floor_s + self._per_backlog * backlog_s / self._places

    def start_work_s(self, entry: Entry) -> float:
        """Place-seconds that it takes until its next token is begun."""
        return entry.start_s * self._pace.held_up

    def charge_start(self, entry: Entry) -> None:
        """Charge its client for what it takes to start or resume it."""
        self._shares.charge(entry.job.client, self.start_work_s(entry))

    def charge_tokens(self, entry: Entry) -> None:
        """Charge its client for the tokens that it got since this was last done."""
        if entry.generated > entry.charged:
            self._shares.charge(entry.job.client, (entry.generated - entry.charged) * entry.tbt_s)
            entry.charged = entry.generated
