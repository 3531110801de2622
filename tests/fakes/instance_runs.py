"""Runs of one simulated instance over requests from a seed, with every outcome and every joule checked and kept."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.core.power_model import ASSUMED as POWER
from freesh_plugin.core.power_model import ASSUMED_SHARES
from freesh_plugin.core.step_model import ASSUMED as STEP
from models.domain.engine import EngineModel
from models.domain.workload import PREFIX_BLOCK_TOKENS, WorkloadRequest
from models.simulator.instance import SimulatedInstance
from models.simulator.instance_types import Arrival, Draw, InstanceSettings, Outcome

NO_SLO = Slo(latency_s=0.0, ttft_s=0.0, tbt_s=0.0)


def engine(
    *, kv_tokens: int = 400_000, max_batch: int = 64, chunk_tokens: int = 512, gpus: int = 1, step_mhz: int = 15
) -> EngineModel:
    """An instance of assumed times and watts."""
    return EngineModel(
        mode="TP1xH100",
        model="default",
        gpu_type="H100",
        gpus=gpus,
        step=STEP,
        power=POWER,
        shares=ASSUMED_SHARES,
        max_batch=max_batch,
        kv_tokens=kv_tokens,
        chunk_tokens=chunk_tokens,
        clocks_mhz=tuple(range(345, 1981, step_mhz)),
    )


def request(arrival_s: float, prompt: int, answer: int, **others: object) -> WorkloadRequest:
    """A request whose length is known exactly, with room for more."""
    given = {"max_new_tokens": answer + 50, "estimate": AnswerLength(answer, answer), **others}
    return WorkloadRequest(arrival_s, prompt, answer, **given)  # type: ignore[arg-type]


def drawn(
    count: int,
    rate_rps: float,
    seed: int,
    *,
    prompt: float = 250.0,
    answer: float = 80.0,
    sessions: int = 0,
    shared: float = 0.0,
    most: int = 600,
) -> list[WorkloadRequest]:
    """Requests at random, lognormal in lengths; a share of them begins with blocks that others have too."""
    rng, at_s, requests = random.Random(seed), 0.0, []
    for _ in range(count):
        at_s += rng.expovariate(rate_rps)
        prompt_tokens = 1 + int(prompt * rng.lognormvariate(0, 0.8))
        answer_tokens = min(1 + int(answer * rng.lognormvariate(0, 0.8)), most)
        q50 = min(max(answer_tokens * rng.lognormvariate(0, 0.5), 1.0), most / 2)
        blocks = prompt_tokens // PREFIX_BLOCK_TOKENS if rng.random() < shared else 0
        requests.append(
            WorkloadRequest(
                arrival_s=at_s,
                prompt_tokens=prompt_tokens,
                answer_tokens=answer_tokens,
                max_new_tokens=most,
                estimate=AnswerLength(float(int(q50) or 1), 2.0 * (int(q50) or 1)),
                client=rng.randrange(5),
                session=1 + rng.randrange(sessions) if sessions else 0,
                prefix=tuple(range(blocks)),
            )
        )
    return requests


@dataclass
class CheckedSink:
    """Keeps what it is told; says at once when that cannot be: an end told twice, a gap in time, watts out of range."""

    least_w: float = 0.0
    most_w: float = inf
    from_s: float = 0.0
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    pieces: list[tuple[float, float, float, Draw]] = field(default_factory=list)

    def ended(self, outcome: Outcome) -> None:
        request_id = outcome.arrival.request_id
        assert request_id not in self.outcomes, f"request {request_id} ended twice"
        assert bool(outcome.refused) == (outcome.finished_s is None)
        if outcome.finished_s is not None:
            assert outcome.first_token_s is not None
            assert outcome.arrival.at_s < outcome.first_token_s <= outcome.finished_s
            assert outcome.longest_wait_s >= outcome.tbt_worst_s >= 0
        self.outcomes[request_id] = outcome

    def drew(self, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        before_s = self.pieces[-1][1] if self.pieces else self.from_s
        assert start_s == before_s, f"from {before_s} s to {start_s} s nothing was told"
        assert end_s > start_s
        watts = energy_j / (end_s - start_s)
        assert self.least_w * (1 - 1e-9) <= watts <= self.most_w * (1 + 1e-9), f"{watts} W"
        self.pieces.append((start_s, end_s, energy_j, draw))

    @property
    def energy_j(self) -> float:
        """All joules."""
        return sum(energy_j for _, _, energy_j, _ in self.pieces)

    def seconds(self, draw: Draw) -> float:
        """Seconds that were drawn so."""
        return sum(end_s - start_s for start_s, end_s, _, kind in self.pieces if kind is draw)


@dataclass
class Run:
    """An instance that has served requests, and what it told."""

    instance: SimulatedInstance
    sink: CheckedSink

    def told(self) -> list[tuple[int, str, int, int]]:
        """What must be the same however time was leapt: who ended in which order, and how."""
        return [
            (each.arrival.request_id, each.refused, each.preemptions, each.cached_tokens)
            for each in self.sink.outcomes.values()
        ]

    def seconds(self) -> list[float]:
        """Times that must be the same but for rounding."""
        served = [each for each in self.sink.outcomes.values() if each.first_token_s is not None]
        return [
            value
            for each in served
            for value in (each.first_token_s or 0.0, each.finished_s or 0.0, each.tbt_worst_s, each.longest_wait_s)
        ]


def checked(engine: EngineModel, settings: InstanceSettings, slo: Slo | None = NO_SLO) -> Run:
    """An instance that has just been loaded, at 0 s."""
    sink = CheckedSink(engine.gpus * engine.power.idle_w, engine.gpus * engine.power.cap_w)
    instance = SimulatedInstance(engine, settings, sink, 0.0)
    instance.adopt(slo, ClockBounds())
    return Run(instance, sink)


def submitted(run: Run, requests: Sequence[WorkloadRequest], first_id: int = 0) -> None:
    """Hand them over, each when the instance has come so far."""
    for place, each in enumerate(requests):
        run.instance.advance(each.arrival_s)
        run.instance.submit(arrival(first_id + place, each))


def arrival(request_id: int, request: WorkloadRequest) -> Arrival:
    """At the door at once."""
    return Arrival(request_id, request, request.arrival_s, "SS")


def serve(
    requests: Sequence[WorkloadRequest],
    settings: InstanceSettings,
    on: EngineModel | None = None,
    slo: Slo | None = NO_SLO,
    *,
    submit: Callable[[Run, Sequence[WorkloadRequest]], None] = submitted,
    idle_s: float = 0.0,
) -> Run:
    """Serve them to their end, and wait for so long."""
    run = checked(on or engine(), settings, slo)
    submit(run, requests)
    now_s = max(run.instance.now_s, requests[-1].arrival_s)
    while run.instance.outstanding:
        now_s += 10.0
        run.instance.advance(now_s)
    run.instance.advance(run.instance.now_s + idle_s)
    return run
