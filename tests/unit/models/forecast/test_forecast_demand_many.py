"""Many demand series that fit together: cells sum to classes, origins to their joint quantile, classes to one total."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from models.domain.forecast import QuantileForecast
from models.forecast import forecast_demand, forecast_many
from tests.fakes.series import START, ten_minute_demand

SLOT = START + timedelta(days=4)


class Key(NamedTuple):
    """A class of a model at an origin."""

    request_class: str
    origin: str


def question() -> dict[str, datetime | int | tuple[float, ...]]:
    return {
        "issued_at": SLOT - timedelta(minutes=10),
        "starts_at": SLOT,
        "intervals": 2,
        "step_s": 300,
        "levels": (0.5, 0.95),
    }


def series(seed: int, scale: float = 1.0) -> "pd.Series[float]":
    return scale * ten_minute_demand(4, seed=seed)


def many(histories: dict[Key, "pd.Series[float]"], **how: object) -> dict[Key, QuantileForecast]:
    return forecast_many(histories, **question(), **how)  # type: ignore[arg-type]  # a test's bundle of arguments


def one(history: "pd.Series[float]") -> QuantileForecast:
    return forecast_demand(history, **question())  # type: ignore[arg-type]  # a test's bundle of arguments


def test_series_alone_are_forecast_as_they_are() -> None:
    histories = {Key("SS", "eu"): series(1), Key("LL", "eu"): series(2)}

    said = many(histories, name=lambda key: key.request_class)

    assert said[Key("SS", "eu")].series == "SS"
    np.testing.assert_array_equal(said[Key("LL", "eu")].quantiles, one(series(2)).quantiles)


def test_origins_sum_to_the_quantile_of_their_sum() -> None:
    histories = {Key("SS", "eu"): series(1), Key("SS", "us"): series(2, 0.5), Key("LL", "eu"): series(3)}

    said = many(histories, joint_over=lambda key: key.request_class)

    joint = one(series(1) + series(2, 0.5))
    np.testing.assert_allclose(
        said[Key("SS", "eu")].quantiles + said[Key("SS", "us")].quantiles, joint.quantiles, rtol=1e-9
    )
    own = one(series(1)).quantile(0.95) + one(series(2, 0.5)).quantile(0.95)
    assert (joint.quantile(0.95) < own).all()  # they do not peak together
    np.testing.assert_array_equal(said[Key("LL", "eu")].quantiles, one(series(3)).quantiles)


def test_every_partition_of_the_same_cells_says_the_same_total() -> None:
    cells = [series(seed, scale) for seed, scale in ((1, 1.0), (2, 0.7), (3, 0.4), (4, 0.2))]
    two = {Key("short", "eu"): cells[0] + cells[1], Key("long", "eu"): cells[2] + cells[3]}
    three = {Key("a", "eu"): cells[0], Key("b", "eu"): cells[1] + cells[2], Key("c", "eu"): cells[3]}

    totals = [
        np.sum([each.mean for each in many(histories, total_of=lambda key: key.origin).values()], axis=0)
        for histories in (two, three)
    ]

    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-6)
    np.testing.assert_allclose(totals[0], one(sum(cells[1:], cells[0])).mean, rtol=1e-6)


def test_joint_and_total_together() -> None:
    histories = {
        Key(name, origin): series(seed)
        for seed, (name, origin) in enumerate((("SS", "eu"), ("SS", "us"), ("LL", "eu"), ("LL", "us")))
    }

    said = many(histories, joint_over=lambda key: key.request_class, total_of=lambda key: "all")

    whole = one(sum((series(seed) for seed in (1, 2, 3)), series(0)))
    np.testing.assert_allclose(np.sum([each.mean for each in said.values()], axis=0), whole.mean)
    assert all((each.quantile(0.95) > each.mean).all() for each in said.values())


def test_a_sum_is_missing_where_a_part_is() -> None:
    broken = series(2)
    broken.iloc[-1] = np.nan
    histories = {Key("SS", "eu"): series(1), Key("SS", "us"): broken}

    said = many(histories, joint_over=lambda key: key.request_class)

    total = said[Key("SS", "eu")].quantile(0.95)[0] + said[Key("SS", "us")].quantile(0.95)[0]
    assert total == pytest.approx(one(series(1) + broken).quantile(0.95)[0])
