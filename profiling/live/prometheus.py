"""Asks a Prometheus server what it has scraped of routers: the same rows as from the routers themselves."""

from collections.abc import Iterator

import httpx
import msgspec

from freesh_plugin.core.errors import ProfileError
from profiling.live.counted_row import CountedRow
from profiling.live.samples import METRICS, Sample, row_of

_TIMEOUT_S = 30.0
_MOST_POINTS = 10_000
"""Prometheus refuses more than 11,000 points a series."""


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Series]


class _Document(msgspec.Struct):
    status: str
    data: _Data


def history(url: str, until_s: float, for_s: float, every_s: float, token: str | None = None) -> list[CountedRow]:
    """Rows of every router (label `instance`) over the last `for_s` seconds before `until_s`, by time.

    Raises:
        ProfileError: too many points are asked for, or the server does not answer as Prometheus does, or has nothing.
    """
    if for_s / every_s > _MOST_POINTS:
        raise ProfileError(f"{for_s / every_s:.0f} points a series, limit {_MOST_POINTS}: look less often")
    headers = {"authorization": f"Bearer {token}"} if token else {}
    by_moment: dict[tuple[float, str], list[Sample]] = {}
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False, headers=headers) as client:
        for metric in METRICS:
            params: dict[str, str | float] = {
                "query": metric,
                "start": until_s - for_s,
                "end": until_s,
                "step": every_s,
            }
            for at_s, router, sample in _samples(metric, _asked(client, url, params)):
                by_moment.setdefault((at_s, router), []).append(sample)
    if not by_moment:
        raise ProfileError(f"{url}: no router's metrics over the last {for_s:g} s")
    return [row_of(at_s, router, samples) for (at_s, router), samples in sorted(by_moment.items())]


def _samples(metric: str, series: list[_Series]) -> Iterator[tuple[float, str, Sample]]:
    for each in series:
        for at_s, text in each.values:
            yield at_s, each.metric.get("instance", "router"), Sample(metric, each.metric, float(text))


def _asked(client: httpx.Client, url: str, params: dict[str, str | float]) -> list[_Series]:
    try:
        answer = client.get(f"{url.rstrip('/')}/api/v1/query_range", params=params).raise_for_status()
        return msgspec.json.decode(answer.content, type=_Document).data.result
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise ProfileError(f"{url}: no answer as Prometheus gives them: {error}") from error
