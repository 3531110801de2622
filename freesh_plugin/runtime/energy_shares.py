"""Shares measured energy among the requests of the passes in between, by the work that each caused."""

from collections.abc import Iterable
from typing import NamedTuple

from freesh_plugin.runtime.energy_account import EnergyAccount, Intensity, RequestEnergy
from freesh_plugin.runtime.energy_books import EnergyBooks
from freesh_plugin.runtime.energy_rate import EnergyRate
from freesh_plugin.runtime.energy_weights import EnergyWeights, PassPower


class Joining(NamedTuple):
    """A request that enters the batch with so many tokens, some of them to be computed: in all, and in this pass."""

    request_id: int
    tokens: int
    unread: int = 0
    chunk: int = 0


_LONGEST_ESTIMATE_S = 2.0
"""Further from the newest reading than this, what a request took since is not estimated but unknown."""


class EnergyShares:
    """Accounts of all requests between two readings of the counter (a window).

    While a pass runs, predicted work flows at the rates of `EnergyWeights` to the requests in the batch; the time from
    a pass to the next flows on as the pass before, to those who stayed. At a reading, the window's measured energy less
    its idle part is shared in proportion to work. One pass costs the same for any batch: the sums of work per request,
    per token and per token that grew are kept, and a request takes its part of them when it leaves or is measured,

        work = Δalike + tokens · Δmemory + Δgrowth        with growth = Σ memory · passes, as each pass adds a token.

    A request that ends between two readings is told its last part at the rate of late (`EnergyRate`); `books` keeps
    what that was wrong by.
    """

    def __init__(self, weights: EnergyWeights) -> None:
        """Nobody is served yet, nothing is measured."""
        self.books = EnergyBooks()
        self.rate = EnergyRate()
        self.intensity: Intensity | None = None
        """Carbon intensity here and now."""
        self.sm_clock_mhz = weights.step.top_clock_mhz
        """SM clock by the newest reading."""
        self._weights = weights
        self._open: dict[int, EnergyAccount] = {}
        self._batch: dict[int, EnergyAccount] = {}
        self._aside: dict[int, EnergyAccount] = {}
        self._reading: dict[int, EnergyAccount] = {}
        self._prompts: list[tuple[EnergyAccount, float]] = []
        self._power = PassPower()
        self._at_s: float | None = None
        self._kv_tokens = 0
        self._new_window()

    # What the step loop does

    def begin(
        self, now_s: float, joining: Iterable[Joining] = (), batch_tokens: int = 0, *, alone: bool = False
    ) -> None:
        """A pass begins, of those in the batch and of those who join.

        Args:
            now_s: When it began.
            joining: Who joins.
            batch_tokens: Tokens that it computes for those in the batch already.
            alone: Those who join are computed alone, and the others wait until the next pass.
        """
        self._flow_to(now_s)
        if alone:
            self._set_aside()
        else:
            self._take_back()
        prompts = [*self._reading_on(batch_tokens), *((self._join(each), each.chunk) for each in joining)]
        computed = sum(tokens for _, tokens in prompts)
        self._prompts = [(account, tokens / computed) for account, tokens in prompts if tokens]
        if self._batch:
            self._power = self._weights.of(self.sm_clock_mhz, len(self._batch), self._kv_tokens, computed)

    def end(self, now_s: float) -> None:
        """The pass is over; each request has a token more."""
        self._flow_to(now_s)
        self._prompts = []
        self._passes += 1
        self._kv_tokens += len(self._batch)

    def leave(self, request_id: int) -> None:
        """It is in the batch no more; its account stays open."""
        self._aside.pop(request_id, None)
        self._reading.pop(request_id, None)
        account = self._batch.pop(request_id, None)
        if account is not None:
            account.settle(self._alike, self._memory, self._growth)
            account.tokens += self._passes
            self._kv_tokens -= account.tokens
            self._prompts = [each for each in self._prompts if each[0] is not account]

    def close(self, request_id: int) -> RequestEnergy | None:
        """Its answer is whole: what it took, with the part since the newest reading estimated; None if not known."""
        account = self._closed(request_id)
        if account is None:
            return None
        scale = self.rate.scale if self._busy_s + self._idle_s <= _LONGEST_ESTIMATE_S else None
        if not account.known or (account.work_j and scale is None):
            self._give_up(account)
            return None
        self._ended_work_j += account.work_j
        self._ended_told_j += account.measure(scale or 0.0, self.intensity)
        self.books.answered_j += account.energy_j
        return account.taken

    def drop(self, request_id: int) -> None:
        """It is over and nobody is told what it took."""
        account = self._closed(request_id)
        if account is not None:
            self._give_up(account)

    # What the counter says

    def measured(self, now_s: float, energy_j: float | None) -> None:
        """A reading ends the window at `now_s`: its energy, J (>= 0), or None where the counter does not tell."""
        self._flow_to(now_s)
        for account in self._batch.values():
            account.settle(self._alike, self._memory, self._growth)
            account.tokens += self._passes
            account.join(0.0, 0.0, 0.0)
        scale = None
        if energy_j is not None:
            idle_j = self.rate.idle_j(energy_j, self._busy_s, self._idle_s)
            scale = self.rate.learn(energy_j - idle_j, self._work_j)
            self._book(energy_j, idle_j if scale is not None else energy_j)
        self._share(scale)
        self._new_window()

    def _book(self, energy_j: float, idle_j: float) -> None:
        self.books.measured_j += energy_j
        self.books.idle_j += idle_j

    def _share(self, scale: float | None) -> None:
        for account in self._open.values():
            account.measure(scale, self.intensity)
        self.books.unanswered_j += self._lost_work_j * (scale or 0.0)
        self.books.estimate_error_j += self._ended_work_j * (scale or 0.0) - self._ended_told_j

    def _new_window(self) -> None:
        self._alike = self._memory = self._growth = 0.0
        self._passes = 0
        self._work_j = self._busy_s = self._idle_s = 0.0
        self._ended_work_j = self._ended_told_j = self._lost_work_j = 0.0

    # How work flows

    def _flow_to(self, now_s: float) -> None:
        elapsed_s = 0.0 if self._at_s is None else max(now_s - self._at_s, 0.0)
        self._at_s = now_s if self._at_s is None else max(now_s, self._at_s)
        if not self._batch:
            self._idle_s += elapsed_s
            return
        self._busy_s += elapsed_s
        alike_j, memory_j = self._power.alike_w * elapsed_s, self._power.memory_w * elapsed_s
        a_token_j = memory_j / self._kv_tokens
        self._alike += alike_j / len(self._batch)
        self._memory += a_token_j
        self._growth += a_token_j * self._passes
        self._work_j += alike_j + memory_j
        for account, share in self._prompts:
            prompt_j = self._power.prompts_w * elapsed_s * share
            account.work_j += prompt_j
            self._work_j += prompt_j

    def _join(self, joining: Joining) -> EnergyAccount:
        account = self._open.setdefault(joining.request_id, EnergyAccount())
        account.tokens = joining.tokens
        account.unread = joining.unread - joining.chunk
        if account.unread:
            self._reading[joining.request_id] = account
        self._enter(joining.request_id, account)
        return account

    def _enter(self, request_id: int, account: EnergyAccount) -> None:
        self._batch[request_id] = account
        self._kv_tokens += account.tokens
        account.tokens -= self._passes
        account.join(self._alike, self._memory, self._growth)

    def _reading_on(self, batch_tokens: int) -> list[tuple[EnergyAccount, int]]:
        """Who computes another part of a long prompt, and how much: the others in the batch compute a token each."""
        left, parts = batch_tokens - len(self._batch) + len(self._reading), []
        for request_id, account in list(self._reading.items()):
            part = max(min(account.unread, left), 0)
            account.unread -= part
            left -= part
            parts.append((account, part))
            if not account.unread:
                del self._reading[request_id]
        return parts

    def _set_aside(self) -> None:
        for request_id in list(self._batch):
            account = self._batch[request_id]
            self.leave(request_id)
            self._aside[request_id] = account

    def _take_back(self) -> None:
        for request_id, account in self._aside.items():
            self._enter(request_id, account)
        self._aside.clear()

    def _closed(self, request_id: int) -> EnergyAccount | None:
        self.leave(request_id)
        return self._open.pop(request_id, None)

    def _give_up(self, account: EnergyAccount) -> None:
        self.books.unanswered_j += account.energy_j
        self._lost_work_j += account.work_j
