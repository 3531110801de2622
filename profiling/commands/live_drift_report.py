"""The report on a live fleet: as an object, and as tables for people."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from freesh_plugin.core.printable import one_line
from profiling.drift.live_drift import LiveVerdict, Place, PoolCapacity


@dataclass(frozen=True)
class LiveReport:
    """What is told: of which profile, each place, each pool of the plan, the verdicts, what to run."""

    profile: str
    places: Sequence[Place]
    pools: Sequence[PoolCapacity]
    verdicts: Sequence[LiveVerdict]
    commands: Sequence[str]

    @property
    def drifted(self) -> bool:
        """Whether to calibrate anew."""
        return any(each.drifted for each in self.verdicts)

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        return {
            "profile": self.profile,
            "recalibrate": self.drifted,
            "verdicts": [{**asdict(each), "drifted": each.drifted} for each in self.verdicts],
            "places": [
                {"location": p.location, "model": p.model, "routers": len(p.routers), "seconds": p.seconds,
                 "requests": p.requests, "request_rps": p.request_rps, "power_w": p.power_w,
                 "measured_j": p.measured_j, "expected_j": p.expected_j, "busy_s": p.busy_s,
                 "expected_busy_s": p.expected_s, "deadline_misses": p.misses, "windows": p.compared,
                 "left_out": p.left_out}
                for p in self.places
            ],
            "pools": [
                {"location": each.pool.location, "model": each.pool.model, "class": each.pool.request_class,
                 "mode": each.pool.mode, "instances": each.pool.instances.target,
                 "planned_rps": each.planned_rps, "measured_rps": each.measured_rps}
                for each in self.pools
            ],
            "commands": list(self.commands) if self.drifted else [],
        }  # fmt: skip

    def show(self, console: Console) -> None:
        """For people."""
        console.print(self._places())
        if self.pools:
            console.print(self._pools())
        for verdict in self.verdicts:
            console.print(one_line(verdict.sentence), style="yellow" if verdict.drifted else "", highlight=False)
        for why, count in sorted({why: n for place in self.places for why, n in place.left_out.items()}.items()):
            console.print(one_line(f"{count} windows left out: {why}"), style="dim", highlight=False)
        show_commands(console, self.commands if self.drifted else ())

    def _places(self) -> Table:
        table = _table(f"{self.profile}: live against planned", "location", "model")
        for header in ("routers", "req/s", "late", "W", "J/req", "planned", "busy s", "planned s"):
            table.add_column(header, justify="right", no_wrap=True)
        for p in self.places:
            late = f"{p.misses / p.requests:.1%}" if p.requests else "-"
            joules = [f"{each / p.compared_requests:.0f}" if each and p.compared_requests else "-" for each in
                      (p.measured_j, p.expected_j)]  # fmt: skip
            watts = f"{p.power_w:.0f}" if p.power_w else "-"
            table.add_row(one_line(p.location), one_line(p.model), str(len(p.routers)), f"{p.request_rps:.2f}", late,
                          watts, *joules, f"{p.busy_s:.0f}", f"{p.expected_s:.0f}")  # fmt: skip
        return table

    def _pools(self) -> Table:
        table = _table("capacity of the plan's pools, req/s", "location", "class")
        for header in ("instances", "planned", "by what was measured"):
            table.add_column(header, justify="right", no_wrap=True)
        for each in self.pools:
            measured = "-" if each.measured_rps is None else f"{each.measured_rps:.2f}"
            pool = each.pool
            table.add_row(pool.location, pool.request_class, str(pool.instances.target), f"{each.planned_rps:.2f}",
                          measured)  # fmt: skip
        return table


def show_commands(console: Console, commands: Sequence[str]) -> None:
    """What to run, if anything."""
    if commands:
        console.print("calibrate anew, on an instance that serves nobody else meanwhile:", style="bold")
    for command in commands:
        console.print(f"  {one_line(command)}", highlight=False, soft_wrap=True, markup=False)


def _table(title: str, *names: str) -> Table:
    table = Table(title=one_line(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False,
                  pad_edge=False)  # fmt: skip
    for name in names:
        table.add_column(name, no_wrap=True)
    return table
