"""Figures for people: one look for all of them, colours that the colour-blind can tell apart, written as PNG."""

from pathlib import Path
from typing import TYPE_CHECKING

from freesh_plugin.core.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, SKY, PURPLE, BLACK = "#0072B2", "#D55E00", "#009E73", "#56B4E9", "#CC79A7", "#222222"
"""After Okabe and Ito: told apart with any colour vision, and by lightness in grey."""

DPI = 150


def new_figure(width_in: float, height_in: float, columns: int = 1) -> "tuple[Figure, list[Axes]]":
    """An empty figure without a display, its axes side by side, inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # a second to import: only where one is drawn
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, columns, k + 1) for k in range(columns)]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.tick_params(labelsize=9)
    return figure, axes


def check_target(path: Path | None) -> None:
    """Refuse, before any work is done, a file that could not be written.

    Raises:
        ConfigError: it is no PNG, or its folder does not exist.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--plot: {path} must end in .png")
    if not path.parent.is_dir():
        raise ConfigError(f"--plot: {path.parent} is not a folder")


def save(figure: "Figure", path: Path) -> None:
    """Write the PNG.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        figure.savefig(path, dpi=DPI, facecolor="white")
    except OSError as error:
        raise ConfigError(f"--plot: cannot write {path}: {error.strerror}") from error
