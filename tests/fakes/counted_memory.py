"""Memory of so many tokens: running requests hold all they may need, parked ones what they have computed."""

from dataclasses import dataclass, field


@dataclass
class Holding:
    """What one request holds: `whole` tokens while it runs; `computed` of them are kept when it is parked."""

    prompt: int
    whole: int
    generated: int = 0
    running: bool = False
    kept: bool = False

    @property
    def computed(self) -> int:
        return self.prompt + self.generated

    @property
    def held(self) -> int:
        if self.running:
            return self.whole
        return self.computed if self.kept else 0


@dataclass
class CountedMemory:
    """The books; `keeps_state`: whether the engine can keep what a parked request has computed."""

    tokens: int
    keeps_state: bool = True
    holdings: dict[int, Holding] = field(default_factory=dict)

    @property
    def used(self) -> int:
        return sum(each.held for each in self.holdings.values())

    def trial(self) -> "CountedTrial":
        return CountedTrial(self)

    def prefill_tokens(self, request_id: int) -> int:
        holding = self.holdings[request_id]
        if holding.running:
            return 1
        return 1 if holding.kept else holding.computed

    def resume_tokens(self, request_id: int) -> int:
        return 1 if self.keeps_state else self.holdings[request_id].computed

    def keeps(self, request_id: int) -> bool:
        return self.holdings[request_id].kept and not self.holdings[request_id].running

    def register(self, request_id: int, prompt: int, whole: int) -> None:
        self.holdings[request_id] = Holding(prompt, whole)

    def start(self, request_id: int) -> None:
        self.holdings[request_id].running = True
        assert self.used <= self.tokens, f"{self.used} tokens held, there are {self.tokens}"

    def park(self, request_id: int) -> None:
        holding = self.holdings[request_id]
        holding.running, holding.kept = False, self.keeps_state

    def drop(self, request_id: int) -> None:
        assert not self.holdings[request_id].running, f"{request_id} runs: it cannot be dropped"
        self.holdings[request_id].kept = False

    def release(self, request_id: int) -> None:
        del self.holdings[request_id]


class CountedTrial:
    """A copy of the books."""

    def __init__(self, memory: CountedMemory) -> None:
        self._memory = memory
        self._held = {request_id: each.held for request_id, each in memory.holdings.items()}

    def add(self, request_id: int) -> bool:
        others = sum(self._held.values()) - self._held[request_id]
        if others + self._memory.holdings[request_id].whole > self._memory.tokens:
            return False
        self._held[request_id] = self._memory.holdings[request_id].whole
        return True

    def park(self, request_id: int) -> None:
        kept = self._memory.holdings[request_id].computed
        self._held[request_id] = kept if self._memory.keeps_state else 0

    def drop(self, request_id: int) -> None:
        self._held[request_id] = 0
