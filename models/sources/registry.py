"""Which provider the settings of a Connection name: plain values in, a source out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.units import EPOCH_S, STEP_S
from models.sources.file import FileCarbon, FileTraffic
from models.sources.neso import URL, NesoCarbon
from models.sources.ports import CarbonSource, TrafficSource
from models.sources.prometheus import PrometheusTraffic
from models.sources.scenario.spot import nearest
from models.sources.synthetic import SyntheticCarbon, SyntheticTraffic
from models.sources.web import WebRequest, check_url, refuse_plain_token

S = TypeVar("S")
_Settings = Mapping[str, Any]


def carbon_source(settings: _Settings) -> CarbonSource:
    """A source of carbon intensity.

    Settings by `kind`: `file` (path) · `neso` ([url]) · `synthetic` ([seed]).

    Raises:
        ConfigError: an unknown kind or setting, one that is missing or out of range; names the nearest known one.
    """
    return _build(settings, _CARBON, "carbon source")


def traffic_source(settings: _Settings) -> TrafficSource:
    """A source of offered load.

    Settings by `kind`: `file` (path) · `prometheus` (url [, token, step_s, allow_plain_http]) ·
    `synthetic` ([seed, mean_rps]).

    Raises:
        ConfigError: as `carbon_source`.
    """
    return _build(settings, _TRAFFIC, "traffic source")


def _build(settings: _Settings, kinds: "Mapping[str, _Kind[S]]", what: str) -> S:
    if "kind" not in settings:
        raise ConfigError(f"{what}: setting 'kind' is missing; known kinds are {', '.join(map(repr, kinds))}")
    kind = settings["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"{what}: kind {kind!r} is not known{nearest(str(kind), list(kinds))}")
    build, required, optional = kinds[kind]
    for name in settings:
        if name not in ("kind", *required, *optional):
            raise ConfigError(f"{what} {kind!r}: unknown setting {name!r}{nearest(name, (*required, *optional))}")
    for name in required:
        if name not in settings:
            raise ConfigError(f"{what} {kind!r}: setting {name!r} is missing")
    return build(settings)


def _path(settings: _Settings) -> Path:
    path = settings["path"]
    if not isinstance(path, str) or not path:
        raise ConfigError(f"path: {path!r} is not the path of a file")
    return Path(path)


def _url(settings: _Settings, default: str = "") -> str:
    url = settings.get("url", default)
    if not isinstance(url, str):
        raise ConfigError(f"url: {url!r} is not a text")
    return check_url(url, "url")


def _number(settings: _Settings, name: str, default: float, low: float, high: float) -> float:
    value = settings.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"{name}: {value!r} is not a number within {low:g} and {high:g}")
    return value


def _whole(settings: _Settings, name: str, default: int, low: int, high: int) -> int:
    value = _number(settings, name, default, low, high)
    if value != int(value):
        raise ConfigError(f"{name}: {value!r} is not a whole number")
    return int(value)


def _prometheus(settings: _Settings) -> PrometheusTraffic:
    step_s = _whole(settings, "step_s", STEP_S, 60, EPOCH_S)
    if EPOCH_S % step_s:
        raise ConfigError(f"step_s: {step_s} s does not divide an epoch of {EPOCH_S} s")
    url, token = _url(settings), settings.get("token")
    if token is not None and not isinstance(token, str):
        raise ConfigError("token: not a text")
    refuse_plain_token(url, token, allow_plain_http=settings.get("allow_plain_http") is True)
    WebRequest("GET", url, token=token)
    return PrometheusTraffic(url, token, step_s)


def _seed(settings: _Settings) -> int:
    return _whole(settings, "seed", 0, 0, 2**31)


_Kind = tuple[Callable[[_Settings], S], tuple[str, ...], tuple[str, ...]]

_CARBON: "Mapping[str, _Kind[CarbonSource]]" = {
    "file": (lambda settings: FileCarbon(_path(settings)), ("path",), ()),
    "neso": (lambda settings: NesoCarbon(_url(settings, URL)), (), ("url",)),
    "synthetic": (lambda settings: SyntheticCarbon(_seed(settings)), (), ("seed",)),
}
_TRAFFIC: "Mapping[str, _Kind[TrafficSource]]" = {
    "file": (lambda settings: FileTraffic(_path(settings)), ("path",), ()),
    "prometheus": (_prometheus, ("url",), ("token", "step_s", "allow_plain_http")),
    "synthetic": (
        lambda settings: SyntheticTraffic(_seed(settings), _number(settings, "mean_rps", 16.0, 0.001, 1e6)),
        (),
        ("seed", "mean_rps"),
    ),
}
