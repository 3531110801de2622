"""Looks at routers themselves: their `/metrics`, again and again."""

import time
from collections.abc import Iterator, Sequence

import httpx
from prometheus_client.parser import text_string_to_metric_families

from freesh_plugin.core.errors import ProfileError
from profiling.live.counted_row import CountedRow
from profiling.live.samples import METRICS, Sample, row_of

_TIMEOUT_S = 10.0


def looks(urls: Sequence[str], every_s: float, for_s: float) -> Iterator[list[CountedRow]]:
    """A row of each router every so many seconds, the first at once; one that does not answer has none that time.

    Raises:
        ProfileError: none of them answers, or one answers what is no metrics.
    """
    began_s, look = time.monotonic(), 0
    with httpx.Client(timeout=_TIMEOUT_S, trust_env=False) as client:
        while True:
            rows = [row for url in urls if (row := _look(client, url)) is not None]
            if not rows:
                raise ProfileError(f"none of {', '.join(urls)} answers with metrics")
            yield rows
            look += 1
            if look * every_s > for_s:
                return
            time.sleep(max(began_s + look * every_s - time.monotonic(), 0.0))


def row_from_text(at_s: float, router: str, text: str) -> CountedRow:
    """The row that a page of metrics in Prometheus's text format makes.

    Raises:
        ProfileError: it is none.
    """
    try:
        families = list(text_string_to_metric_families(text))
    except ValueError as error:
        raise ProfileError(f"{router}: no metrics in Prometheus's text format: {error}") from error
    samples = [
        Sample(each.name, each.labels, each.value)
        for family in families
        for each in family.samples
        if each.name in METRICS
    ]
    return row_of(at_s, router, samples)


def _look(client: httpx.Client, url: str) -> CountedRow | None:
    try:
        answer = client.get(f"{url.rstrip('/')}/metrics").raise_for_status()
    except httpx.HTTPError:
        return None
    return row_from_text(time.time(), url, answer.text)
