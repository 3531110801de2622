"""Energy of requests through the real step loop: it adds up to the counter, is told to clients, and leaks nothing."""

import asyncio
import json
import random
import signal
from functools import partial
from pathlib import Path

import httpx
import msgspec
import pytest

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.gpu.simulated import simulated_gpus
from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.server import simulated_shards
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.generation import GenerationRequest
from freesh_plugin.core.plan import CarbonStep
from freesh_plugin.core.units import epoch_at
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.services.governor_loop import EngineLoad
from freesh_plugin.services.gpu_side import GpuSide
from freesh_plugin.services.guarded_scheduler import MakeScheduler
from tests.fakes.meddler import Meddler
from tests.fakes.plans import sample_plan
from tests.fakes.router_process import RouterProcess, router_process, wait_until
from tests.fakes.running_router import running_router

FLAGS = ("--max-input-tokens", "900", "--max-total-tokens", "1500", "--max-batch-prefill-tokens", "1000")
MODELS = {
    "flashinfer": SimulatedModel(step_model=None, memory_tokens=6_000),
    "not chunked": SimulatedModel(step_model=None, memory_tokens=6_000, chunking=False),
    "padded": SimulatedModel(step_model=None, padded=True),
}


def requests(count: int, seed: int, new_tokens: int = 60) -> list[GenerationRequest]:
    rng = random.Random(seed)
    made = []
    for number in range(count):
        text = " ".join(rng.choice(("the", "grid", "is", "clean", "now")) for _ in range(rng.randint(1, 300)))
        ids = VOCABULARY.encode(text, True)[-900:]
        made.append(GenerationRequest(number + 1, 0.0, text, ids, rng.randint(1, new_tokens), 900))
    return made


def books_add_up(energy: EnergyShares) -> bool:
    books = energy.books
    away_j = books.answered_j + books.unanswered_j + books.idle_j + books.estimate_error_j
    return away_j == pytest.approx(books.measured_j, rel=1e-6)


@pytest.mark.parametrize("scheduler_of", [Scheduler, partial(Meddler, seed=3, often=0.3, drops=0.5)])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_what_is_told_and_what_is_nobodys_is_what_was_measured(
    model: SimulatedModel, scheduler_of: MakeScheduler, tmp_path: Path
) -> None:
    energy, clock, rng = EnergyShares(ASSUMED_WEIGHTS), SystemClock(), random.Random(1)

    async def measure() -> None:
        while True:
            energy.measured(clock.monotonic_s(), rng.uniform(0, 10))
            await asyncio.sleep(0.01)

    async def run() -> float:
        energy.measured(clock.monotonic_s(), None)
        async with (
            simulated_shards(model, tmp_path / "s"),
            running_router(f"{tmp_path}/s-0", FLAGS, scheduler_of=scheduler_of, energy=energy) as router,
        ):
            asked = requests(40, 2)
            measuring = asyncio.create_task(measure())
            router.engine.loop.cancel(7)
            whole = await router.serve(asked)
            endless = {"max_new_tokens": 1_100, "ignore_eos_token": True}
            router.engine.loop.submit(msgspec.structs.replace(asked[0], request_id=99, **endless))
            await asyncio.sleep(0.05)
            router.engine.loop.cancel(99)
            await asyncio.sleep(0.05)
            measuring.cancel()
            energy.measured(clock.monotonic_s(), 1.0)
        return sum(answer.end.energy_j or 0.0 for answer in whole.values() if answer.end)

    told_j = asyncio.run(run())
    assert told_j == pytest.approx(energy.books.answered_j)
    assert told_j > 0
    assert energy.books.unanswered_j > 0
    assert books_add_up(energy)


def test_on_simulated_gpus_of_two_ranks_with_a_plans_carbon(tmp_path: Path) -> None:
    """The counters of both ranks, read by the real reader thread, are shared out; a negative intensity stays so."""
    boards = [SimulatedBoard(tmp_path / f"gpu-{rank}") for rank in range(2)]
    clock, metrics = SystemClock(), RouterMetrics()
    steps = tuple(CarbonStep(step, -36.0, "marginal") for step in range(6))
    plan = sample_plan(epoch=epoch_at(clock.utc_s()), carbon={"loc1": steps})

    async def run() -> None:
        env = {"HOME": "/nonexistent", "FREESH_GPU": "simulated", "FREESH_LOCATION": "loc1"}
        config = PluginConfig.from_env({**env, "FREESH_SIMULATED_GPUS": f"{tmp_path}/gpu", "FREESH_GOVERNOR": "miad"})
        side = GpuSide(config, clock, metrics.gpu, lambda: EngineLoad(0, 0))
        side.take_plan(plan)
        async with (
            simulated_shards(SimulatedModel(speed=4), tmp_path / "s", 2, boards),
            running_router(f"{tmp_path}/s-0", FLAGS, energy=side.energy, times=side.times) as router,
        ):
            side.start(2)
            await asyncio.sleep(0.6)  # idle
            first = await router.serve(requests(8, 4, 80))
            await asyncio.sleep(0.6)
            await side.close()
            books = side.energy.books
            told = [answer.end for answer in first.values() if answer.end]
            known = [end for end in told if end.energy_j is not None]
            assert known
            for end in known:
                assert end.carbon_kind == "marginal"
                assert end.energy_j is not None
                assert end.carbon_gco2e == pytest.approx(-end.energy_j / 1e5)
            assert sum(end.energy_j or 0.0 for end in known) == pytest.approx(books.answered_j)
            assert books_add_up(side.energy)
            counted_j = sum(
                sample.value
                for metric in metrics.gpu.energy_j.collect()
                for sample in metric.samples
                if sample.name.endswith("_total")
            )
            assert counted_j == pytest.approx(books.measured_j)
            gpus = simulated_gpus(tmp_path / "gpu")
            assert books.measured_j < sum(gpu.board.look().energy_j for gpu in gpus)

    asyncio.run(run())


def ask(running: RouterProcess, tokens: int = 60) -> dict[str, str]:
    body = {"inputs": "Tell me all of it", "parameters": {"max_new_tokens": tokens}}
    answer = httpx.post(f"{running.url}/generate", json=body, timeout=60)
    assert answer.status_code == 200
    return dict(answer.headers)


def told_in_the_end(running: RouterProcess, path: str, body: dict[str, object]) -> str:
    """The last event of a stream."""
    with httpx.stream("POST", f"{running.url}{path}", json=body, timeout=60) as answer:
        return [line[5:] for line in answer.iter_lines() if line.startswith("data:") and "[DONE]" not in line][-1]


def test_clients_are_told_and_the_clock_moves(tmp_path: Path) -> None:
    settings = {"FREESH_TBT_SLO_S": "0.013", "FREESH_CLOCK_FLOOR_MHZ": "1110"}
    with router_process(tmp_path, settings=settings, gpus=True) as running:
        wait_until(lambda: running.metric("freesh_energy_joules_total") > 0)
        ask(running)
        assert float(ask(running)["x-freesh-energy-j"]) > 0
        parameters = {"max_new_tokens": 30, "details": True}
        event = json.loads(told_in_the_end(running, "/generate_stream", {"inputs": "Hello", "parameters": parameters}))
        assert event["details"]["freesh"]["energy_j"] > 0
        assert "carbon_gco2e" not in event["details"]["freesh"]  # without a plan
        chat = {"messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 30}
        chunk = json.loads(
            told_in_the_end(running, "/v1/chat/completions", chat | {"stream_options": {"include_usage": True}})
        )
        assert chunk["usage"]["freesh"]["energy_j"] > 0
        # Its passes take longer than the SLO allows at the floor: up under load, down again when idle.
        board = SimulatedBoard(tmp_path / "gpu-0")
        wait_until(lambda: board.clock_mhz() == 1110)
        wait_until(lambda: bool(ask(running, 200)) and board.clock_mhz() > 1500)
        wait_until(lambda: running.metric("freesh_sm_clock_mhz") == 1110)
        assert running.metric('freesh_governor_mode{mode="miad"}') == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_clocks_are_free_when_the_router_ends(number: signal.Signals, tmp_path: Path) -> None:
    with router_process(tmp_path, settings={"FREESH_CLOCK_FLOOR_MHZ": "810"}, gpus=True) as running:
        board = SimulatedBoard(tmp_path / "gpu-0")
        wait_until(lambda: board.clock_mhz() == 810)
        running.router.send_signal(number)
        running.router.wait(30)
        assert board.clock_mhz() == 1980


def test_without_gpus_nothing_is_told_and_all_is_served(tmp_path: Path) -> None:
    settings = {"FREESH_GPU": "simulated", "FREESH_SIMULATED_GPUS": f"{tmp_path}/nowhere"}
    with router_process(tmp_path, settings=settings) as running:
        assert "x-freesh-energy-j" not in ask(running, 5)
        assert "no_gpus" in running.log
