"""What one aim costs in another, as a figure: the front, its knee, and the weights of its points."""

from typing import TYPE_CHECKING

from models.allocation.pareto import Front, Point
from models.commands.figure import BLACK, BLUE, ORANGE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_APART = 0.08
"""Points with labels lie at least so far apart, as a share of each aim's range: more cannot be read."""


def pareto_figure(front: Front, title: str, carbon_unit: str) -> "Figure":
    """The points of the front, one aim an axis."""
    figure, (panel,) = new_figure(6.8, 4.4)
    panel.set_title(f"{title} (modelled)", fontsize=11, loc="left")
    panel.plot(
        [each.x for each in front.points], [each.y for each in front.points],
        color=BLUE, linewidth=1.2, marker="o", markersize=5, zorder=2,
    )  # fmt: skip
    if front.knee is not None:
        _knee(panel, front, front.knee)
    for each in _labelled(front):
        _label(panel, each, right=each is front.points[0])
    panel.set_xlabel(axis_label(front.x, carbon_unit), fontsize=9)
    panel.set_ylabel(axis_label(front.y, carbon_unit), fontsize=9)
    panel.margins(x=0.12, y=0.14)
    panel.grid(color="#DDDDDD", linewidth=0.6)
    panel.set_axisbelow(True)
    return figure


def axis_label(term: str, carbon_unit: str) -> str:
    """An aim with its unit."""
    carbon = "carbon, kg CO2e" if carbon_unit == "gco2e_per_kwh" else "carbon, signal's unit x kWh / 1,000"
    return {"carbon": carbon, "energy": "energy, kWh", "cost": "electricity cost, USD"}[term] + " per horizon"


def weights_of(point: Point) -> str:
    """The objective as it is written into scenario.yaml."""
    objective = point.objective
    if objective.name != "weights":
        return objective.name
    terms = {"carbon": objective.carbon, "energy": objective.energy, "cost": objective.cost}
    return "{" + ", ".join(f"{term}: {weight:g}" for term, weight in terms.items() if weight) + "}"


def _knee(panel: "Axes", front: Front, knee: Point) -> None:
    ends = (front.points[0], front.points[-1])
    panel.plot([each.x for each in ends], [each.y for each in ends], color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    panel.plot(
        [knee.x], [knee.y], marker="D", markersize=9, color=ORANGE, linestyle="none", zorder=3,
        label="knee: farthest below the line between the ends,\neach aim scaled from 0 to 1",
    )  # fmt: skip
    panel.legend(fontsize=8, frameon=False, loc="upper right")


def _label(panel: "Axes", point: Point, *, right: bool) -> None:
    """The weights of a point: below the front, where nothing else is, or beside it, where there is no room below."""
    offset, side = ((9, 2), "left") if right else ((-8, -5), "right")
    panel.annotate(
        weights_of(point), (point.x, point.y), xytext=offset, textcoords="offset points", ha=side,
        va="bottom" if right else "top", fontsize=7.5, color=BLACK,
    )  # fmt: skip


def _labelled(front: Front) -> list[Point]:
    """Both ends, the knee, and what lies apart from those that have a label already."""
    points = front.points
    width, height = points[-1].x - points[0].x or 1.0, points[0].y - points[-1].y or 1.0
    kept = [points[0]]
    for each in (*points[-1:], *((front.knee,) if front.knee is not None else ())):
        if each is not points[0]:
            kept.append(each)
    for each in points:
        if all(max(abs(each.x - k.x) / width, abs(each.y - k.y) / height) >= _APART for k in kept):
            kept.append(each)
    return kept
