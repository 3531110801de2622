"""What forecasts are worth, as a figure: carbon above perfect foresight by policy, with intervals over days."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from models.commands.figure import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, new_figure
from models.evaluate.comparison import Row
from models.evaluate.forecast_value import CONSTANT, FREESH, LATEST, PERFECT, PERSISTENCE, UNIFORM

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    PERFECT: BLACK, FREESH: GREEN, LATEST: SKY, PERSISTENCE: ORANGE, CONSTANT: PURPLE, UNIFORM: BLUE,
}  # fmt: skip
TITLES = {
    "carbon": "carbon varied, demand known",
    "demand": "demand varied, carbon known",
    "both": "both varied",
}
WORDS = {
    PERFECT: "perfect", FREESH: "freesh forecast", LATEST: "last value goes on", PERSISTENCE: "persistence",
    CONSTANT: "constant per location", UNIFORM: "no carbon signal",
}  # fmt: skip


def value_figure(rows: Mapping[str, Sequence[Row]], title: str) -> "Figure":
    """One panel a question, in kilograms on one scale: kg above perfect, its interval, and what was not served."""
    figure, axes = new_figure(11.5, 3.4, columns=len(rows))
    figure.suptitle(f"{title}; perfect foresight: {_perfect_kg(rows):.1f} kg", fontsize=11)
    edges = [edge for each in rows.values() for row in each for edge in _edges(row)]
    low, high = min(edges), max(edges)
    for panel, (question, compared) in zip(axes, rows.items(), strict=True):
        _bars(panel, question, [row for row in compared if (row.carbon, row.demand) != (PERFECT, PERFECT)])
        panel.set_xlim(low - 0.02 * (high - low), high + 0.5 * (high - low))
        panel.set_ylim(max(len(each) for each in rows.values()) - 1.4, -0.6)
        panel.set_title(TITLES[question], fontsize=10, loc="left")
        panel.set_xlabel("kg CO2e above perfect foresight", fontsize=9)
    return figure


def varied(question: str, row: Row) -> str:
    """The name of the foresight that a question varies."""
    return row.demand if question == "demand" else row.carbon


def _bars(panel: "Axes", question: str, rows: Sequence[Row]) -> None:
    for place, row in enumerate(rows):
        name = varied(question, row)
        panel.barh(place, row.above_perfect_kg, height=0.62, color=COLOURS[name])
        low, high = row.above_perfect_interval_kg or (row.above_perfect_kg, row.above_perfect_kg)
        panel.plot((low, high), (place, place), color=BLACK, linewidth=1.4, solid_capstyle="butt")
        mark = "" if row.equal_service else " *"
        panel.annotate(
            f"{row.above_perfect_kg:.1f} kg\n{100 * row.unserved_share:.2f} % not served{mark}",
            (max(high, row.above_perfect_kg, 0.0), place),
            xytext=(5, 0), textcoords="offset points", va="center", fontsize=7.5, color=BLACK,
        )  # fmt: skip
    panel.axvline(0.0, color=BLACK, linewidth=0.8)
    panel.set_yticks(range(len(rows)), [WORDS[varied(question, row)] for row in rows], fontsize=9)
    panel.tick_params(axis="y", length=0)
    panel.spines["left"].set_visible(False)


def _edges(row: Row) -> tuple[float, ...]:
    return (0.0, row.above_perfect_kg, *(row.above_perfect_interval_kg or ()))


def _perfect_kg(rows: Mapping[str, Sequence[Row]]) -> float:
    return next(
        row.carbon_kg for each in rows.values() for row in each if (row.carbon, row.demand) == (PERFECT, PERFECT)
    )
