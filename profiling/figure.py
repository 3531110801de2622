"""Figures for people: one look for all of them, colours that the colour-blind can tell apart, written as PNG."""

from pathlib import Path
from typing import TYPE_CHECKING

from freesh_plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
"""After Okabe and Ito."""

INK = "#222222"
_DPI = 150


def new_figure(width_in: float, height_in: float, columns: int) -> "tuple[Figure, list[Axes]]":
    """An empty figure without a display, its axes side by side, inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second to import: only where one is drawn
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, k + 1) for k in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=8.5)
        each.grid(color="#E4E4E4", linewidth=0.6)
        each.set_axisbelow(True)
    return figure, axes


def check_target(path: Path | None, option: str) -> None:
    """Refuse, before any work is done, a file that could not be written.

    Raises:
        ConfigError: it is no PNG, or its folder does not exist.
    """
    if path is not None and path.suffix.lower() != ".png":
        raise ConfigError(f"{option}: {path} must end in .png")
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{option}: {path.parent} is not a folder")


def save(figure: "Figure", path: Path) -> None:
    """Write the PNG.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        figure.savefig(path, dpi=_DPI, facecolor="white")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
