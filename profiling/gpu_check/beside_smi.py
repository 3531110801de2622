"""Our readings of a GPU beside nvidia-smi's: a row a figure, with whether they agree."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import ClockReason, GpuReading
from profiling.gpu_check.smi import smi, smi_clocks_mhz
from profiling.gpu_check.watched import stretch_of

if TYPE_CHECKING:  # it needs msgspec, which is not on every machine
    from freesh_plugin.ports import GpuDevice

SMI_REASONS = {
    ClockReason.IDLE: "gpu_idle",
    ClockReason.POWER_CAP: "sw_power_cap",
    ClockReason.HARDWARE_SLOWDOWN: "hw_slowdown",
    ClockReason.THERMAL: "sw_thermal_slowdown",
    ClockReason.HARDWARE_THERMAL: "hw_thermal_slowdown",
    ClockReason.POWER_BRAKE: "hw_power_brake_slowdown",
    ClockReason.SYNC_BOOST: "sync_boost",
}
"""Our reasons by nvidia-smi's names."""

_CLOCK_SLACK_MHZ, _POWER_SLACK_W, _ENERGY_SLACK = 100.0, 15.0, 0.2
_PERIODS = ("event", "throttle")
"""Before driver 535, nvidia-smi called them throttle reasons."""


@dataclass(frozen=True)
class Beside:
    """One figure: ours, theirs before and after (they are asked one after the other), whether ours fits between.

    Attributes:
        what: Which figure.
        ours: Our reading.
        before, after: nvidia-smi's.
        agrees: Whether they agree; None where one of them does not tell.
    """

    what: str
    ours: str
    before: str
    after: str
    agrees: bool | None


def beside_smi(gpu: "GpuDevice", energy_s: float = 5.0) -> Iterator[Beside]:
    """All figures that both tell.

    Raises:
        ConfigError: nvidia-smi is not here, or fails.
        GpuError: the GPU does not answer.
    """
    ask = partial(_of_gpu, gpu.uuid)
    name = ask("name")
    yield Beside("name", gpu.name, name, name, gpu.name == name)
    listed, ours = smi_clocks_mhz(), gpu.supported_clocks_mhz()
    ends = f"{ours[0]}-{ours[-1]}" if ours else ""
    yield Beside("supported_clocks_mhz", ends, f"{len(listed)} listed", "", set(ours) <= listed if ours else None)
    for what, query, slack, of in (
        ("sm_clock_mhz", "clocks.sm", _CLOCK_SLACK_MHZ, lambda look: look.sm_clock_mhz),
        ("power_w", "power.draw", _POWER_SLACK_W, lambda look: look.power_w),
    ):
        yield _between(what, partial(ask, query), partial(_look, gpu, of), slack)
    yield _energy(gpu, partial(ask, "power.draw"), energy_s)
    yield from _reasons(gpu)


def _of_gpu(uuid: str, query: str) -> str:
    found = [cells[1] for cells in smi(f"uuid,{query}") if cells[0] == uuid]
    return found[0] if found else ""


def _look(gpu: "GpuDevice", of: Callable[[GpuReading], float | None]) -> float | None:
    return of(gpu.read(time.monotonic()))


def _between(what: str, theirs: Callable[[], str], ours: Callable[[], float | None], slack: float) -> Beside:
    before, own, after = theirs(), ours(), theirs()
    bounds = [number for number in map(_number, (before, after)) if number is not None]
    known = own is not None and len(bounds) == 2
    agrees = min(bounds) - slack <= (own or 0.0) <= max(bounds) + slack if known else None
    return Beside(what, "" if own is None else f"{own:.1f}", before, after, agrees)


def _energy(gpu: "GpuDevice", watts: Callable[[], str], for_s: float) -> Beside:
    """The counter over a while, as watts, within what nvidia-smi sees of power meanwhile."""
    looks, seen = [gpu.read(time.monotonic())], [_number(watts())]
    while time.monotonic() - looks[0].at_s < for_s:
        seen.append(_number(watts()))
        time.sleep(0.1)
    looks.append(gpu.read(time.monotonic()))
    stretch, known = stretch_of(looks), [each for each in seen if each is not None]
    if stretch.energy_j is None or stretch.power_w is None or not known:
        return Beside("mean_power_by_energy_w", "", "", "", None)
    low, high = min(known), max(known)
    within = (
        low * (1 - _ENERGY_SLACK) - _POWER_SLACK_W <= stretch.power_w <= high * (1 + _ENERGY_SLACK) + _POWER_SLACK_W
    )
    return Beside("mean_power_by_energy_w", f"{stretch.power_w:.1f}", f"{low:.1f}", f"{high:.1f}", within)


def _reasons(gpu: "GpuDevice") -> Iterator[Beside]:
    """A bit that changes between nvidia-smi's two looks is nobody's fault."""
    before = _active(gpu.uuid)
    own = gpu.read(time.monotonic()).reasons
    after = _active(gpu.uuid)
    for reason, name in SMI_REASONS.items():
        first, second = before.get(name, ""), after.get(name, "")
        known = first == second and first in ("Active", "Not Active")
        agrees = (reason in own) is (first == "Active") if known else None
        yield Beside(f"reason {name}", "Active" if reason in own else "Not Active", first, second, agrees)


def _active(uuid: str) -> dict[str, str]:
    """What it says of each reason, by name."""
    for period in _PERIODS:
        query = ",".join(f"clocks_{period}_reasons.{name}" for name in SMI_REASONS.values())
        try:
            rows = smi(f"uuid,{query}")
        except ConfigError:  # it does not know these names
            continue
        return next(
            (dict(zip(SMI_REASONS.values(), cells[1:], strict=False)) for cells in rows if cells[0] == uuid), {}
        )
    return {}


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def disagreeing(rows: Sequence[Beside]) -> list[str]:
    """A sentence for each figure that does not agree."""
    return [
        f"{row.what}: ours {row.ours}, nvidia-smi {row.before} to {row.after}" for row in rows if row.agrees is False
    ]
