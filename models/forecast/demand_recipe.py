"""The recipe of the demand model."""

from models.forecast.baselines import demand_baselines
from models.forecast.demand_inputs import demand_inputs
from models.forecast.freesh import Recipe

DEMAND = Recipe(
    inputs=demand_inputs,
    baselines=demand_baselines(),
    relative=False,
    alpha=3.0,
    robust_rounds=3,
    train_days=28,
    half_life_days=14.0,
    trial_issues=192,
    folds=8,
    error_half_life_days=2.0,
    neighbours=0,
    least=0.0,
)
