"""Settings of a Connection become a source; what is unknown, missing or out of range is named."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.sources.file import FileCarbon, FileTraffic
from models.sources.neso import NesoCarbon
from models.sources.prometheus import PrometheusTraffic
from models.sources.registry import carbon_source, traffic_source
from models.sources.synthetic import SyntheticCarbon, SyntheticTraffic


def test_carbon_sources() -> None:
    assert carbon_source({"kind": "synthetic", "seed": 7}) == SyntheticCarbon(seed=7)
    assert carbon_source({"kind": "file", "path": "/data/c.csv"}) == FileCarbon(Path("/data/c.csv"))
    neso = carbon_source({"kind": "neso"})
    assert isinstance(neso, NesoCarbon)
    assert neso.url == "https://api.carbonintensity.org.uk"
    mirrored = carbon_source({"kind": "neso", "url": "http://127.0.0.1:8080/mirror/"})
    assert isinstance(mirrored, NesoCarbon)
    assert mirrored.url == "http://127.0.0.1:8080/mirror"


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
        ({}, r"carbon source: setting 'kind' is missing; known kinds are 'file', 'neso', 'synthetic'"),
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
