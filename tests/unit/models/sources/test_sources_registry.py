"""Settings of a Connection become a source; what is unknown, missing or out of range is named."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.domain.scenario import CarbonSignal
from models.sources.eia import EiaCarbon
from models.sources.electricity_maps import ElectricityMapsCarbon
from models.sources.entsoe import EntsoePrices
from models.sources.file import FileCarbon, FilePrices, FileTraffic
from models.sources.neso import NesoCarbon
from models.sources.ports import CarbonSource, PriceSource, TrafficSource
from models.sources.prometheus import PrometheusTraffic
from models.sources.registry import carbon_source, price_source, traffic_source
from models.sources.synthetic import SyntheticCarbon, SyntheticTraffic
from models.sources.watttime import WattTimeCarbon


def test_carbon_sources() -> None:
    assert carbon_source({"kind": "synthetic", "seed": 7}) == SyntheticCarbon(seed=7)
    assert carbon_source({"kind": "file", "path": "/data/c.csv"}) == FileCarbon(Path("/data/c.csv"))
    neso = carbon_source({"kind": "neso"})
    assert isinstance(neso, NesoCarbon)
    assert neso.url == "https://api.carbonintensity.org.uk"
    mirrored = carbon_source({"kind": "neso", "url": "http://127.0.0.1:8080/mirror/"})
    assert isinstance(mirrored, NesoCarbon)
    assert mirrored.url == "http://127.0.0.1:8080/mirror"


def test_carbon_sources_with_a_key() -> None:
    direct = ElectricityMapsCarbon("k", "direct", "past-range", "https://api.electricitymaps.com")
    assert carbon_source({"kind": "electricity_maps", "token": "k"}) == direct
    chosen = {"kind": "electricity_maps", "token": "k", "scope": "lifecycle", "endpoint": "history"}
    assert carbon_source(chosen) == ElectricityMapsCarbon("k", "lifecycle", "history")
    found = carbon_source({"kind": "watttime", "user": "me", "token": "pw", "url": "http://127.0.0.1:1/"})
    assert found == WattTimeCarbon("me", "pw", "http://127.0.0.1:1")
    assert carbon_source({"kind": "eia", "token": "k"}) == EiaCarbon("k", "https://api.eia.gov")


def test_price_sources() -> None:
    settings = {"kind": "entsoe", "token": "k", "usd_per_eur": 1.1, "zones": {"DE": "10Y1001A1001A82H"}}
    assert price_source(settings) == EntsoePrices("k", 1.1, {"DE": "10Y1001A1001A82H"}, "https://web-api.tp.entsoe.eu")
    assert price_source({"kind": "file", "path": "p.csv"}) == FilePrices(Path("p.csv"))


AVERAGE, LIFECYCLE = CarbonSignal("average", "direct"), CarbonSignal("average", "lifecycle")
MARGINAL, ANY_SCOPE = CarbonSignal("marginal", "direct"), CarbonSignal("average", "unstated")
WATTTIME = {"kind": "watttime", "user": "me", "token": "pw"}
FILE = {"kind": "file", "path": "c.csv"}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"kind": "neso"}, AVERAGE),
        ({"kind": "neso"}, ANY_SCOPE),
        ({"kind": "synthetic"}, AVERAGE),
        ({"kind": "eia", "token": "k"}, AVERAGE),
        ({"kind": "electricity_maps", "token": "k", "scope": "lifecycle"}, LIFECYCLE),
        (WATTTIME, MARGINAL),
        (WATTTIME, CarbonSignal("marginal", "unstated")),
        (FILE, AVERAGE),
        (FILE, MARGINAL),
        (FILE | {"signal": "marginal"}, MARGINAL),
        (FILE | {"signal": "average", "scope": "lifecycle"}, LIFECYCLE),
    ],
)
def test_a_source_of_the_wanted_signal(settings: Mapping[str, object], wanted: CarbonSignal) -> None:
    assert carbon_source(settings, wanted) == carbon_source(settings)


@pytest.mark.parametrize(
    ("settings", "wanted", "message"),
    [
        (WATTTIME, AVERAGE, r"WattTime .*: gives marginal direct carbon, the fleet's carbon_signal is average direct"),
        (WATTTIME, ANY_SCOPE, r"gives marginal direct carbon, the fleet's carbon_signal is average unstated"),
        ({"kind": "neso"}, MARGINAL, r"NESO .*: gives average direct carbon, .* is marginal direct"),
        ({"kind": "neso"}, LIFECYCLE, r"gives average direct carbon, .* is average lifecycle"),
        ({"kind": "electricity_maps", "token": "k"}, LIFECYCLE, r"gives average direct carbon, .* average lifecycle"),
        (FILE | {"signal": "marginal"}, AVERAGE, r"file c\.csv: gives marginal unstated carbon"),
    ],
)
def test_average_and_marginal_are_kept_apart(
    settings: Mapping[str, object], wanted: CarbonSignal, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        carbon_source(settings, wanted)


KEYED: list[tuple[dict[str, object], str]] = [
    ({"kind": "electricity_maps"}, r"carbon source 'electricity_maps': setting 'token' is missing"),
    ({"kind": "electricity_maps", "token": None}, r"token: missing"),
    ({"kind": "electricity_maps", "token": 7}, r"token: not a text"),
    ({"kind": "electricity_maps", "token": "a\nb"}, r"characters that a header cannot carry"),
    ({"kind": "electricity_maps", "token": "k", "url": "http://far.example"}, r"would travel unencrypted"),
    ({"kind": "electricity_maps", "token": "k", "scope": "marginal"}, r"scope: 'marginal' is not known"),
    ({"kind": "electricity_maps", "token": "k", "endpoint": "past"}, r"endpoint: 'past' .* name is 'past-range'"),
    ({"kind": "watttime", "token": "k"}, r"carbon source 'watttime': setting 'user' is missing"),
    ({"kind": "watttime", "token": "k", "user": ""}, r"user: '' is not a text"),
    ({"kind": "watttime", "token": "k", "user": "a:b"}, r"user: 'a:b' holds a colon"),
    ({"kind": "eia"}, r"carbon source 'eia': setting 'token' is missing"),
    ({"kind": "file", "path": "c.csv", "signal": "mean"}, r"signal: 'mean' is not known"),
    ({"kind": "file", "path": "c.csv", "scope": "direct"}, r"scope: stated without 'signal'"),
]


@pytest.mark.parametrize(("settings", "message"), KEYED)
def test_keys_that_cannot_be_used(settings: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        carbon_source(settings)
    assert "a\nb" not in str(caught.value)


ENTSOE: dict[str, object] = {"kind": "entsoe", "token": "k", "usd_per_eur": 1.1}
PRICES: list[tuple[dict[str, object], str]] = [
    ({}, r"price source: setting 'kind' is missing; known kinds are 'caiso', 'entsoe', 'file'"),
    ({"kind": "entsoe", "token": "k"}, r"price source 'entsoe': setting 'usd_per_eur' is missing"),
    (ENTSOE | {"usd_per_eur": 110}, r"usd_per_eur: 110 is not a number within 0\.2 and 5"),
    (ENTSOE | {"usd_per_eur": None}, r"usd_per_eur: None is not a number"),
    (ENTSOE | {"zones": {"DE": "DE-LU"}}, r"zones: 'DE-LU' of 'DE' is no EIC code such as '10Y1001A1001A82H'"),
    (ENTSOE | {"zones": ["DE"]}, r"zones: \['DE'\] is not an object of texts"),
    (ENTSOE | {"zones": {"DE": 1}}, r"zones: .* is not an object of texts"),
    (ENTSOE | {"zone": {}}, r"unknown setting 'zone'; nearest known name is 'zones'"),
    ({"kind": "file", "path": 3}, r"path: 3 is not the path of a file"),
]


@pytest.mark.parametrize(("settings", "message"), PRICES)
def test_price_settings_that_cannot_be_used(settings: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        price_source(settings)


def test_traffic_sources() -> None:
    assert traffic_source({"kind": "synthetic"}) == SyntheticTraffic(seed=0, mean_rps=16.0)
    assert traffic_source({"kind": "synthetic", "mean_rps": 40}) == SyntheticTraffic(seed=0, mean_rps=40)
    assert traffic_source({"kind": "file", "path": "t.csv"}) == FileTraffic(Path("t.csv"))
    found = traffic_source({"kind": "prometheus", "url": "https://prom.example:9090", "token": "t", "step_s": 60})
    assert found == PrometheusTraffic("https://prom.example:9090", "t", 60)
    assert "prom.example" in found.name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"setting 'kind' is missing; known kinds are 'eia', 'electricity_maps', 'file', 'neso', 'synthetic', 'w"),
        ({"kind": "nseo"}, r"kind 'nseo' is not known; nearest known name is 'neso'"),
        ({"kind": 3}, r"kind 3 is not known"),
        ({"kind": "neso", "ulr": "x"}, r"carbon source 'neso': unknown setting 'ulr'; nearest known name is 'url'"),
        ({"kind": "file"}, r"carbon source 'file': setting 'path' is missing"),
        ({"kind": "file", "path": ""}, r"path: '' is not the path of a file"),
        ({"kind": "neso", "url": "api"}, r"url: 'api' is not of the form"),
        ({"kind": "neso", "url": 3}, r"url: 3 is not a text"),
        ({"kind": "synthetic", "seed": -1}, r"seed: -1 is not a number within 0 and"),
        ({"kind": "synthetic", "seed": 1.5}, r"seed: 1\.5 is not a whole number"),
        ({"kind": "synthetic", "seed": True}, r"seed: True is not a number"),
    ],
)
def test_carbon_settings_that_cannot_be_used(settings: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        carbon_source(settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "prometheus"}, r"traffic source 'prometheus': setting 'url' is missing"),
        ({"kind": "prometheus", "url": "http://far.example", "token": "t"}, r"would travel unencrypted"),
        ({"kind": "prometheus", "url": "https://h", "token": "a\nb"}, r"characters that a header cannot carry"),
        ({"kind": "prometheus", "url": "https://h", "token": 3}, r"token: not a text"),
        ({"kind": "prometheus", "url": "https://h", "step_s": 7}, r"step_s: 7 is not a number within 60 and 1800"),
        (
            {"kind": "prometheus", "url": "https://h", "step_s": 700},
            r"step_s: 700 s does not divide an epoch of 1800 s",
        ),
        ({"kind": "synthetic", "mean_rps": float("nan")}, r"mean_rps: nan is not a number"),
        ({"kind": "neso"}, r"traffic source: kind 'neso' is not known"),
    ],
)
def test_traffic_settings_that_cannot_be_used(settings: Mapping[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        traffic_source(settings)


def test_a_token_may_travel_plain_where_that_was_said() -> None:
    settings = {"kind": "prometheus", "url": "http://far.example", "token": "t", "allow_plain_http": True}
    assert traffic_source(settings) == PrometheusTraffic("http://far.example", "t", 300)


EVERY_KIND: list[tuple[Callable[[Mapping[str, object]], object], dict[str, object]]] = [
    (carbon_source, {"kind": "eia", "token": "k"}),
    (carbon_source, {"kind": "electricity_maps", "token": "k"}),
    (carbon_source, {"kind": "file", "path": "/data/c.csv"}),
    (carbon_source, {"kind": "neso"}),
    (carbon_source, {"kind": "synthetic"}),
    (carbon_source, {"kind": "watttime", "user": "me", "token": "k"}),
    (price_source, {"kind": "caiso"}),
    (price_source, {"kind": "entsoe", "token": "k", "usd_per_eur": 1.1}),
    (price_source, {"kind": "file", "path": "/data/p.csv"}),
    (traffic_source, {"kind": "file", "path": "/data/t.csv"}),
    (traffic_source, {"kind": "prometheus", "url": "http://127.0.0.1:9090"}),
    (traffic_source, {"kind": "synthetic"}),
]


@pytest.mark.parametrize(
    ("build", "settings"), EVERY_KIND, ids=lambda each: str(each) if isinstance(each, dict) else ""
)
def test_every_source_says_how_it_publishes_and_the_settings_may_know_better(
    build: Callable[[Mapping[str, object]], CarbonSource | PriceSource | TrafficSource], settings: dict[str, object]
) -> None:
    own = build(settings).publishing
    assert own.lag >= timedelta()
    stated = build(settings | {"publication_lag_s": 1_800, "max_age_s": 7_200}).publishing
    assert (stated.lag, stated.max_age) == (timedelta(minutes=30), timedelta(hours=2))
    assert (stated.updated_every, stated.revised_within) == (own.updated_every, own.revised_within)


def test_how_late_each_provider_is() -> None:
    """A day at EIA, half an hour at NESO; both within what is not yet stale."""
    eia, neso = carbon_source({"kind": "eia", "token": "k"}), carbon_source({"kind": "neso"})
    assert (eia.publishing.lag, neso.publishing.lag) == (timedelta(days=1), timedelta(minutes=30))
    for each in (eia, neso):
        assert each.publishing.max_age > each.publishing.lag


@pytest.mark.parametrize("value", [-1, "soon", 1e9, True, None])
def test_a_lag_that_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"publication_lag_s: .* is not a number within 0 and"):
        carbon_source({"kind": "neso", "publication_lag_s": value})
