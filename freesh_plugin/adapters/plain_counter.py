"""Counters under names without `_total`, as TGI's own router exposes them."""

from prometheus_client import Gauge


class PlainCounter(Gauge):
    """Counts up under exactly the name given; its type is stated as untyped, since a counter's name must differ."""

    _type = "unknown"
