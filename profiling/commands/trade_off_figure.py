"""Power against latency over tensor parallelism and clock, a panel a model on a GPU; the best point is marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import Cost, fitting_batch, over_clocks
from profiling.commands.over_clock_figure import LENGTH
from profiling.figure import COLOURS, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BATCH = 8
"""Requests at once, where memory allows: the same in every point, so that energy is power times latency."""

_STAR = "#F0E442"


def trade_off_figure(documents: Sequence[ProfileDocument]) -> "Figure":
    """A panel a model on a type of GPU; the best point is that of least energy a request.

    Raises:
        ProfileError: a profile does not cover the request.
    """
    groups: dict[tuple[str, str], list[ProfileDocument]] = {}
    for each in documents:
        groups.setdefault((each.model, each.gpu), []).append(each)
    figure, panels = new_figure(0.6 + 4.6 * len(groups), 4.3, len(groups))
    for panel, ((model, gpu), own) in zip(panels, groups.items(), strict=True):
        _panel(panel, f"{model} on {gpu}", own)
    return figure


def _panel(panel: "Axes", title: str, documents: Sequence[ProfileDocument]) -> None:
    kinds = sorted({"extrapolated" if each.extrapolated else str(each.basis) for each in documents})
    panel.set_title(f"{title} ({', '.join(kinds)})", fontsize=10, loc="left")
    curves = {each.mode: _costs(each) for each in documents}
    points = [each for costs in curves.values() for each in costs]
    best = min(points, key=_energy_j)
    least_s, most_s = min(each.latency_s for each in points), max(each.latency_s for each in points)
    room_s = max(0.2 * (most_s - least_s), 0.1 * most_s)  # for labels, which are centred on points
    panel.set_xlim(least_s - room_s, most_s + room_s)
    panel.set_ylim(0, 1.3 * max(each.power_w for each in points))
    _equal_energy(panel, best)
    for colour, (mode, costs) in zip(COLOURS, curves.items(), strict=False):
        _curve(panel, mode, costs, colour)
    _mark(panel, best, next(mode for mode, costs in curves.items() if best in costs))
    panel.set_xlabel(f"latency of a request of {LENGTH.name}, batch {BATCH}, s", fontsize=9)
    panel.set_ylabel("power of the instance, W", fontsize=9)
    panel.legend(fontsize=8, frameon=False, loc="upper right")


def _costs(document: ProfileDocument) -> tuple[Cost, ...]:
    table = document.table()
    return over_clocks(table, LENGTH, min(BATCH, fitting_batch(table, LENGTH)))


def _curve(panel: "Axes", mode: str, costs: Sequence[Cost], colour: str) -> None:
    panel.plot(
        [each.latency_s for each in costs], [each.power_w for each in costs], color=colour, linewidth=1.3, marker="o",
        markersize=4,
    )  # fmt: skip
    top = costs[-1]
    panel.annotate(
        f"{mode}\n{_clock(top)}", (top.latency_s, top.power_w), xytext=(0, 6), textcoords="offset points", ha="center",
        fontsize=8, color=colour,
    )  # fmt: skip
    if len(costs) > 1:
        panel.annotate(
            _clock(costs[0]), (costs[0].latency_s, costs[0].power_w), xytext=(2, -13), textcoords="offset points",
            ha="center", fontsize=7.5, color=colour, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _mark(panel: "Axes", best: Cost, mode: str) -> None:
    panel.plot(
        [best.latency_s], [best.power_w], marker="*", markersize=15, color=_STAR, markeredgecolor=INK,
        linestyle="none", zorder=4, label=f"least energy: {mode}, {_clock(best)}",
    )  # fmt: skip


def _equal_energy(panel: "Axes", best: Cost) -> None:
    """The curve on which power times latency is that of the best point: whatever lies above it costs more."""
    latency_s = np.linspace(*panel.get_xlim(), 100)
    watts = best.power_w * best.latency_s / latency_s
    panel.plot(
        latency_s, watts, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), label="as much energy as the best point"
    )


def _clock(cost: Cost) -> str:
    return "clock found" if cost.sm_clock_mhz is None else f"{cost.sm_clock_mhz:g} MHz"


def _energy_j(cost: Cost) -> float:
    return cost.energy_j
