"""Power, throughput and energy per token of one profile over the SM clock, by batch."""

from typing import TYPE_CHECKING

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import Cost, Length, fitting_batch, over_clocks
from profiling.figure import COLOURS, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LENGTH = Length("512 + 256 tokens", 512, 256)
"""The request that figures are drawn for."""

_PANELS = (
    ("power of the instance, W", "power_w"),
    ("answer tokens a second", "tokens_per_s"),
    ("energy per answer token, J (log)", "energy_per_token_j"),
)
_BATCHES = (1, 8, 32, 128)


def over_clock_figure(document: ProfileDocument) -> "Figure":
    """Three panels side by side; the clock of least energy of each batch is marked.

    Raises:
        ProfileError: the profile states no clocks, or does not cover the request.
    """
    table = document.table()
    if len(table.sm_clocks_mhz) < 2:
        raise ProfileError(f"{document.label}: measured at one clock only; there is nothing to draw over clocks")
    most = fitting_batch(table, LENGTH)
    batches = [each for each in _BATCHES if each < most] + [most]
    curves = {batch: over_clocks(table, LENGTH, batch) for batch in batches}
    figure, panels = new_figure(9.6, 3.5, 3)
    figure.suptitle(f"{document.label}, requests of {LENGTH.name}", fontsize=10.5, x=0.01, ha="left")
    for panel, (title, name) in zip(panels, _PANELS, strict=True):
        for colour, (batch, costs) in zip(COLOURS, curves.items(), strict=False):
            _curve(panel, costs, [getattr(each, name) for each in costs], colour, f"batch {batch}")
        panel.set_title(title, fontsize=9.5, loc="left")
        panel.set_xlabel("SM clock, MHz", fontsize=9)
        panel.margins(x=0.04)
    for panel in panels[:2]:
        panel.set_ylim(bottom=0)
    _log_ticks(panels[2])
    panels[0].plot([], [], marker="D", markersize=6, color="white", markeredgecolor=INK, linestyle="none",
                   label="least energy")  # fmt: skip
    panels[0].legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def _log_ticks(panel: "Axes") -> None:
    """A logarithmic axis with plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_locator(NullLocator())


def _curve(panel: "Axes", costs: tuple[Cost, ...], values: list[float], colour: str, label: str) -> None:
    clocks = [each.sm_clock_mhz or 0.0 for each in costs]
    panel.plot(clocks, values, color=colour, linewidth=1.4, marker="o", markersize=3.2, label=label)
    best = min(range(len(costs)), key=lambda k: costs[k].energy_j)
    panel.plot(
        [clocks[best]], [values[best]], marker="D", markersize=7, color=colour, markeredgecolor=INK, linestyle="none"
    )
