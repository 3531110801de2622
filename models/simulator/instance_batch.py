"""What a simulated instance computes: prompts in chunks, and a token a pass for each request that decodes."""

from bisect import bisect_left
from heapq import heappop, heappush
from typing import NamedTuple

from models.simulator.instance_request import InstanceRequest, PassCount


class PassWork(NamedTuple):
    """What the next pass computes.

    Attributes:
        size: Requests that get a token.
        kv_tokens: Tokens of all requests that are in memory after it.
        prefill_tokens: Prompt tokens, and tokens that are computed anew.
    """

    size: int
    kv_tokens: int
    prefill_tokens: int


class InstanceBatch:
    """The running batch, as a shard keeps it.

    Requests that decode cost nothing from pass to pass: their tokens are counted by passes, and a heap holds the pass
    at which each reaches its mark, the end of its answer or of its leg.

    Attributes:
        count: Passes so far.
        prefilling: Requests whose prompt is not computed wholly, in the order in which they joined.
        decoding: Those that get a token a pass, by id.
        kv_tokens: Tokens of these, prompts and answers.
        joining_tokens: Tokens that the next pass computes for those who join in it.
        current_tokens: Tokens that the next pass computes for those in the batch, as of the end of the last pass.
        continuing_tokens: Of these the prompt tokens, but for one of each prompt, as a router can tell.
    """

    def __init__(self, chunk_tokens: int) -> None:
        """Nobody is in it; a pass computes at most so many tokens."""
        self._chunk_tokens = chunk_tokens
        self.count = PassCount()
        self.prefilling: list[InstanceRequest] = []
        self.decoding: dict[int, InstanceRequest] = {}
        self.kv_tokens = 0
        self.joining_tokens = 0
        self.current_tokens = self.continuing_tokens = 0
        self._done: list[InstanceRequest] = []
        self._marks: list[tuple[int, int, InstanceRequest]] = []
        self._slowest = _SlowestPasses()
        self._stays = 0

    def __len__(self) -> int:
        """How many requests are in it."""
        return len(self.prefilling) + len(self.decoding)

    def join(self, request: InstanceRequest, computed: int, chunk: int) -> None:
        """A leg begins: so many of its tokens are in memory, so many more are computed in the next pass."""
        self._stays += 1
        request.begin_leg(self._stays, computed, chunk)
        self.joining_tokens += chunk
        self.prefilling.append(request)

    def leave(self, request: InstanceRequest, now_s: float) -> None:
        """A request that decodes is out of the batch, for whatever reason."""
        del self.decoding[request.request_id]
        self.kv_tokens -= request.tokens
        request.end_leg(now_s, self._slowest.since(request.began_pass + 1))
        if not self.decoding:
            self._slowest.clear()

    @property
    def passes_to_mark(self) -> int:
        """Passes until the first of those that decode reaches its mark; somebody must."""
        marks = self._marks
        while marks[0][2].place != marks[0][1]:
            heappop(marks)
        return marks[0][0] - self.count.passes

    def compute(self) -> PassWork:
        """Compute what the next pass computes of prompts."""
        prefill_tokens = in_memory = 0
        done: list[InstanceRequest] = []
        for request in self.prefilling:
            prefill_tokens += request.chunk
            request.computed += request.chunk
            in_memory += request.computed
            if request.computed >= request.leg_tokens:
                done.append(request)
        if done:
            self.prefilling = [each for each in self.prefilling if each.computed < each.leg_tokens]
        self._done = done
        return PassWork(len(self.decoding) + len(done), self.kv_tokens + in_memory, prefill_tokens)

    def passed(self, passes: int, slowest_s: float) -> None:
        """So many passes are over, the last of which took longest."""
        self.joining_tokens = 0
        self.count.passes += passes
        self.kv_tokens += passes * len(self.decoding)
        if self.decoding:
            self._slowest.add(self.count.passes, slowest_s)

    def begin_decoding(self, leg_tokens: int, now_s: float) -> list[InstanceRequest]:
        """Give those whose prompts are computed their first token; their legs have at most `leg_tokens`."""
        done, self._done = self._done, []
        for request in done:
            request.first_of_leg(now_s)
            left = request.answer_tokens - request.leg_began_at
            mark = self.count.passes - 1 + min(left, leg_tokens)
            self.decoding[request.request_id] = request
            self.kv_tokens += request.tokens
            heappush(self._marks, (mark, request.place, request))
        return done

    def at_mark(self) -> list[InstanceRequest]:
        """Those that have reached their mark, in the order in which they joined; they are still in the batch."""
        marks, passes = self._marks, self.count.passes
        reached: list[InstanceRequest] = []
        while marks and marks[0][0] <= passes:
            _, place, request = heappop(marks)
            if request.place == place:
                reached.append(request)
        return reached

    def share_out(self, ended: int) -> None:
        """Share the next pass out, as TGI does: prompts that came last first, one token for each other request.

        Those that have just ended, so many, are counted until they are filtered out; a batch of none but them is gone.
        """
        size = len(self)
        budget = self._chunk_tokens - (size - 1)
        tokens = len(self.decoding)
        for request in reversed(self.prefilling):
            request.chunk = max(min(request.leg_tokens - request.computed, budget), 1)
            budget -= request.chunk
            tokens += request.chunk
        self.current_tokens = 0 if ended == size else tokens
        self.continuing_tokens = tokens - size


class _SlowestPasses:
    """The slowest pass since any pass that still matters: only those slower than all after them are kept."""

    def __init__(self) -> None:
        self._passes: list[int] = []
        self._seconds: list[float] = []

    def add(self, number: int, took_s: float) -> None:
        """The newest pass."""
        passes, seconds = self._passes, self._seconds
        while seconds and seconds[-1] <= took_s:
            seconds.pop()
            passes.pop()
        passes.append(number)
        seconds.append(took_s)

    def since(self, number: int) -> float:
        """Seconds of the slowest pass from this one on; 0 without one."""
        index = bisect_left(self._passes, number)
        return self._seconds[index] if index < len(self._seconds) else 0.0

    def clear(self) -> None:
        """Nobody asks for what was any more."""
        self._passes.clear()
        self._seconds.clear()
