"""Which provider the settings of a Connection name: plain values in, a source out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.units import EPOCH_S, STEP_S
from models.domain.scenario import CarbonSignal
from models.sources import caiso, eia, electricity_maps, entsoe, neso, settings, watttime
from models.sources.file import FileCarbon, FilePrices, FileTraffic
from models.sources.ports import CarbonSource, PriceSource, TrafficSource
from models.sources.prometheus import PrometheusTraffic
from models.sources.scenario.spot import nearest
from models.sources.settings import Settings
from models.sources.signal import refuse_other_signal
from models.sources.synthetic import SyntheticCarbon, SyntheticTraffic

S = TypeVar("S", bound=CarbonSource | PriceSource | TrafficSource)

PUBLISHING = {"publication_lag_s": "lag", "max_age_s": "max_age"}
"""Settings of every kind that say better than the source how it publishes here, seconds."""


def carbon_source(given: Settings, wanted: CarbonSignal | None = None) -> CarbonSource:
    """A source of carbon intensity.

    Every source takes `publication_lag_s` and `max_age_s` too: how late its values come, and when they are stale.
    Settings by `kind`: `eia` (token [, url]) · `electricity_maps` (token [, scope, endpoint, url]) ·
    `file` (path [, signal, scope]) · `neso` ([url]) · `synthetic` ([seed]) · `watttime` (user, token [, url]).

    Args:
        given: The settings.
        wanted: The fleet's `carbon_signal`; a source of another kind is refused. None = any kind will do.

    Raises:
        ConfigError: an unknown kind or setting, one that is missing or out of range (names the nearest known one); a
            source that gives average carbon where marginal is wanted, or the other way round.
    """
    source = _build(given, _CARBON, "carbon source")
    if wanted is not None:
        refuse_other_signal(source, wanted)
    return source


def price_source(given: Settings) -> PriceSource:
    """A source of electricity prices.

    Settings by `kind`: `caiso` ([url]) · `entsoe` (token, usd_per_eur [, zones, url]) · `file` (path).

    Raises:
        ConfigError: an unknown kind or setting, one that is missing or out of range; names the nearest known one.
    """
    return _build(given, _PRICES, "price source")


def traffic_source(given: Settings) -> TrafficSource:
    """A source of offered load.

    Settings by `kind`: `file` (path) · `prometheus` (url [, token, step_s, totals, allow_plain_http]) ·
    `synthetic` ([seed, mean_rps]).

    Raises:
        ConfigError: as `price_source`.
    """
    return _build(given, _TRAFFIC, "traffic source")


def _build(given: Settings, kinds: "Mapping[str, _Kind[S]]", what: str) -> S:
    if "kind" not in given:
        raise ConfigError(f"{what}: setting 'kind' is missing; known kinds are {', '.join(map(repr, kinds))}")
    kind = given["kind"]
    if not isinstance(kind, str) or kind not in kinds:
        raise ConfigError(f"{what}: kind {kind!r} is not known{nearest(str(kind), list(kinds))}")
    build, required, optional = kinds[kind]
    known = (*required, *optional, *PUBLISHING)
    for name in given:
        if name not in ("kind", *known):
            raise ConfigError(f"{what} {kind!r}: unknown setting {name!r}{nearest(name, known)}")
    for name in required:
        if name not in given:
            raise ConfigError(f"{what} {kind!r}: setting {name!r} is missing")
    return _published(build(given), given)


def _published(source: S, given: Settings) -> S:
    """The source with the lag and the largest age that the settings state for it."""
    stated = {field: settings.seconds(given, name) for name, field in PUBLISHING.items() if name in given}
    if not stated:
        return source
    published = replace(source.publishing, **stated)
    return replace(source, publishing=published)  # type: ignore[type-var]  # all are dataclasses


def _eia(given: Settings) -> eia.EiaCarbon:
    url = settings.url(given, eia.URL)
    return eia.EiaCarbon(settings.required_token(given, url), url)


def _electricity_maps(given: Settings) -> electricity_maps.ElectricityMapsCarbon:
    url = settings.url(given, electricity_maps.URL)
    endpoints = (electricity_maps.PAST_RANGE, electricity_maps.HISTORY)
    return electricity_maps.ElectricityMapsCarbon(
        settings.required_token(given, url),
        settings.one_of(given, "scope", "direct", ("direct", "lifecycle")),
        settings.one_of(given, "endpoint", electricity_maps.PAST_RANGE, endpoints),
        url,
    )


def _watttime(given: Settings) -> watttime.WattTimeCarbon:
    url, user = settings.url(given, watttime.URL), settings.text(given, "user")
    if ":" in user:
        raise ConfigError(f"user: {user!r} holds a colon, which a login cannot carry")
    return watttime.WattTimeCarbon(user, settings.required_token(given, url), url)


def _entsoe(given: Settings) -> entsoe.EntsoePrices:
    url, codes = settings.url(given, entsoe.URL), settings.names(given, "zones")
    for zone, code in codes.items():
        if not entsoe.EIC.fullmatch(code):
            raise ConfigError(f"zones: {code!r} of {zone!r} is no EIC code such as '10Y1001A1001A82H'")
    rate = settings.number(given, "usd_per_eur", None, 0.2, 5.0)
    return entsoe.EntsoePrices(settings.required_token(given, url), rate, codes, url)


def _prometheus(given: Settings) -> PrometheusTraffic:
    step_s = settings.whole(given, "step_s", STEP_S, 60, EPOCH_S)
    if EPOCH_S % step_s:
        raise ConfigError(f"step_s: {step_s} s does not divide an epoch of {EPOCH_S} s")
    url = settings.url(given)
    totals = settings.text(given, "totals") if "totals" in given else None
    return PrometheusTraffic(url, settings.token(given, url), step_s, totals=totals)


def _seed(given: Settings) -> int:
    return settings.whole(given, "seed", 0, 0, 2**31)


_Kind = tuple[Callable[[Settings], S], tuple[str, ...], tuple[str, ...]]

_CARBON: "Mapping[str, _Kind[CarbonSource]]" = {
    "eia": (_eia, ("token",), ("url",)),
    "electricity_maps": (_electricity_maps, ("token",), ("scope", "endpoint", "url")),
    "file": (
        lambda given: FileCarbon(settings.path(given), settings.stated_signal(given)),
        ("path",),
        ("signal", "scope"),
    ),
    "neso": (lambda given: neso.NesoCarbon(settings.url(given, neso.URL)), (), ("url",)),
    "synthetic": (lambda given: SyntheticCarbon(_seed(given)), (), ("seed",)),
    "watttime": (_watttime, ("user", "token"), ("url",)),
}
_PRICES: "Mapping[str, _Kind[PriceSource]]" = {
    "caiso": (lambda given: caiso.CaisoPrices(settings.url(given, caiso.URL)), (), ("url",)),
    "entsoe": (_entsoe, ("token", "usd_per_eur"), ("zones", "url")),
    "file": (lambda given: FilePrices(settings.path(given)), ("path",), ()),
}
_TRAFFIC: "Mapping[str, _Kind[TrafficSource]]" = {
    "file": (lambda given: FileTraffic(settings.path(given)), ("path",), ()),
    "prometheus": (_prometheus, ("url",), ("token", "step_s", "totals", "allow_plain_http")),
    "synthetic": (
        lambda given: SyntheticTraffic(_seed(given), settings.number(given, "mean_rps", 16.0, 0.001, 1e6)),
        (),
        ("seed", "mean_rps"),
    ),
}
