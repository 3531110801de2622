"""The recipes of the carbon model: the day ahead by the hour, and the next hours by the row."""

import numpy as np

from models.forecast.baselines import Baseline, carbon_baselines, last_rows
from models.forecast.carbon_inputs import carbon_inputs
from models.forecast.day_ahead import DayAhead
from models.forecast.freesh import Recipe
from models.forecast.intraday_inputs import intraday_inputs
from models.forecast.members import RidgeFamily

CARBON = Recipe(
    inputs=carbon_inputs,
    baselines=carbon_baselines(),
    relative=True,
    alpha=20.0,
    robust_rounds=0,
    train_days=1_100,
    half_life_days=365.0,
    trial_issues=84,
    folds=3,
    error_half_life_days=56.0,
    neighbours=1,
    least=-np.inf,  # marginal and imported intensities below zero are real
    tame=True,
)
"""Issued once a day; learns from past issues at the same time of day."""


def _day_ahead() -> DayAhead:
    """The day-ahead model's regressions as a candidate, with the same history and strength."""
    return DayAhead(CARBON.inputs, CARBON.train_days, CARBON.half_life_days)


LAST_VALUE = Baseline("last_value", last_rows(0))

INTRADAY = Recipe(
    inputs=intraday_inputs,
    baselines=(*carbon_baselines(), LAST_VALUE),
    relative=True,
    alpha=20.0,
    robust_rounds=1,
    train_days=120,
    half_life_days=365.0,
    trial_issues=240,
    folds=3,
    error_half_life_days=28.0,
    neighbours=1,
    least=-np.inf,
    tame=True,
    families=(RidgeFamily, _day_ahead),
    lead_groups_s=(3_600, 7_200, 14_400),
    trial_every_s=21_600,
    most_targets=150_000,
)
"""Issued at any time; learns from issues at every half hour or hour of the past."""
