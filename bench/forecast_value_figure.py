"""Draws a recorded cell of forecast_value for the guide.

Usage: python -m bench.forecast_value_figure CELL TITLE
"""

import json
import sys

import msgspec

from bench.record import RESULTS, ROOT
from models.commands.figure import save
from models.commands.value_figure import value_figure
from models.evaluate.comparison import Row
from models.evaluate.forecast_value import QUESTIONS

FIGURE = ROOT / "docs" / "images" / "forecast-value.png"


def rows_of(cell: str) -> dict[str, list[Row]]:
    """The comparisons of a recorded cell."""
    text = (RESULTS / f"forecast_value_{cell}.json").read_text(encoding="utf-8")
    questions = json.loads(text)["results"]["questions"]
    return {question: [msgspec.convert(row, Row) for row in questions[question]] for question in QUESTIONS}


if __name__ == "__main__":
    save(value_figure(rows_of(sys.argv[1]), f"{sys.argv[2]} (modelled)"), FIGURE)
