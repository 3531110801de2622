"""When a model is fitted in a backtest: weekly for carbon, on what is known at the issue that begins the week."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from models.forecast.backtest import CARBON_REFIT, CarbonIssues, Span, backtest_carbon
from models.forecast.forecaster import Predicted
from models.forecast.grid import Grid, to_grid
from models.forecast.issues import Issues
from models.forecast.refit import Refit
from tests.fakes.series import hourly_carbon


@dataclass
class Remembering:
    """A forecaster that says nothing and remembers what it was asked."""

    name: str = "remembering"
    fitted_at: list[int] = field(default_factory=list)
    answered: list[list[int]] = field(default_factory=list)

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        self.fitted_at.append(origin)

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        self.answered.append(issues.origins.tolist())
        said = np.zeros((len(issues.origins), issues.count))
        return Predicted(said, said, np.zeros((len(levels), *said.shape)))


def walked(start: str, last: str, asked: CarbonIssues) -> Remembering:
    model = Remembering()
    grid = to_grid(hourly_carbon(60).to_frame("value"), "z")
    backtest_carbon(grid, Span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(last, tz="UTC")), [model], asked)
    return model


def test_carbon_is_fitted_at_the_first_issue_and_every_seventh_day() -> None:
    model = walked("2024-01-15", "2024-01-31T23:00", CarbonIssues())

    assert model.fitted_at == [24 * 14, 24 * 21, 24 * 28]
    assert [len(block) for block in model.answered] == [7, 7, 3]
    assert [block[0] for block in model.answered] == model.fitted_at


def test_issues_within_the_day_are_fitted_no_more_often() -> None:
    model = walked("2024-01-15", "2024-01-23T23:00", CarbonIssues(horizon=6, every_s=10_800))

    assert model.fitted_at == [24 * 14, 24 * 21]
    assert [len(block) for block in model.answered] == [56, 16]


def test_a_late_publisher_moves_the_fit_to_what_is_known() -> None:
    model = walked("2024-01-15", "2024-01-16T23:00", CarbonIssues(publication_lag_s=7_200))

    assert model.fitted_at == [24 * 14 - 2]


def test_blocks_are_counted_from_the_first_issue_in_rows_of_any_length() -> None:
    grid = Grid("z", pd.Timestamp("2024-01-01", tz="UTC"), 1_800, np.zeros(48 * 20), np.empty((48 * 20, 0)))
    issues = Issues(np.array([10, 57, 58, 106, 400]), 48, 0, 1, 2)

    blocks = [block.origins.tolist() for block in Refit(days=1).blocks(grid, issues)]

    assert blocks == [[10, 57], [58], [106], [400]]
    assert CARBON_REFIT.days == 7
