"""`scenario.yaml` read strictly into the parts of a scenario that are not tables."""

from collections.abc import Callable, Collection
from math import prod
from typing import Any
from urllib.parse import urlsplit

from freesh_plugin.core.request import TWO_BY_TWO, Partition
from models.domain.scenario import (
    PARKED_POWER_W,
    CarbonSignal,
    Endpoint,
    Location,
    Mode,
    Objective,
    Survive,
    Tier,
)
from models.sources.scenario.marked_yaml import Entry

MAX_STEPS = 10_000
"""Most steps of a scenario; a week of 5-minute steps is 2,016."""

_OBJECTIVES = ("carbon", "energy", "cost")
_REQUIRED = ("name", "step_s", "locations", "modes", "partitions")
_OPTIONAL = (
    "steps", "objective", "demand_margin", "carbon_signal", "models", "tiers", "survive",
    "max_changes_per_location", "endpoints",
)  # fmt: skip


def read_settings(document: Entry) -> dict[str, Any]:
    """Keyword arguments of `Scenario` from the document of `scenario.yaml`.

    Raises:
        ScenarioError: unknown or missing key, value of another type or beyond its limit; names the line.
    """
    entries = document.fields(_REQUIRED, _OPTIONAL)
    locations = _named(entries["locations"], _location)
    names = [each.name for each in locations]
    fields: dict[str, Any] = {
        "name": entries["name"].name(),
        "step_s": entries["step_s"].integer("s", low=1),
        "locations": locations,
        "modes": _named(entries["modes"], _mode),
        "partitions": _named(entries["partitions"], _partition),
    }
    readers: dict[str, Callable[[Entry], object]] = {
        "steps": lambda entry: entry.integer("steps", low=1, high=MAX_STEPS),
        "objective": _objective,
        "demand_margin": lambda entry: entry.number("", above=0),
        "carbon_signal": _carbon_signal,
        "models": lambda entry: _named(entry, _model),
        "tiers": lambda entry: _named(entry, _tier),
        "survive": lambda entry: Survive(entry.one_of([*Survive], "loss to survive")),
        "max_changes_per_location": lambda entry: None if entry.is_null else entry.integer("changes", low=0),
        "endpoints": lambda entry: _named(entry, lambda each: _endpoint(each, names), empty_allowed=True),
    }
    return fields | {key: read(entries[key]) for key, read in readers.items() if key in entries}


def _named(entry: Entry, read: Callable[[Entry], Any], *, empty_allowed: bool = False) -> tuple[Any, ...]:
    """Parts of a list; their names (or they themselves) must differ."""
    parts, seen = [], set()
    for item in entry.items():
        part = read(item)
        name = part if isinstance(part, str) else part.name
        if name in seen:
            raise item.fault(f"name {name!r} stands twice")
        seen.add(name)
        parts.append(part)
    if not parts and not empty_allowed:
        raise entry.fault("the list is empty")
    return tuple(parts)


def _model(entry: Entry) -> str:
    return entry.fields(("name",), ())["name"].name()


def _location(entry: Entry) -> Location:
    optional: dict[str, Callable[[Entry], object]] = {
        "pue": lambda each: each.number("", low=1),
        "grid_zone": lambda each: None if each.is_null else each.name(),
        "price_zone": lambda each: None if each.is_null else each.name(),
        "rtt_s": lambda each: {key: value.number("s", low=0) for key, value in each.mapping().items()},
        "allowed_origins": _allowed_origins,
        "power_cap_w": lambda each: None if each.is_null else each.number("W", low=0),
        "max_share": lambda each: each.number("", above=0, high=1),
        "parked_power_w": lambda each: {
            **PARKED_POWER_W,
            **{key: value.number("W", low=0) for key, value in each.mapping().items()},
        },
        "host_power_w": lambda each: each.number("W", low=0),
    }
    entries = entry.fields(("name", "gpus"), optional)
    given = {key: read(entries[key]) for key, read in optional.items() if key in entries}
    gpus = {key: value.integer("GPUs", low=0) for key, value in entries["gpus"].mapping().items()}
    return Location(name=entries["name"].name(), gpus=gpus, **given)  # type: ignore[arg-type]  # read by key


def _allowed_origins(entry: Entry) -> tuple[str, ...] | None:
    if entry.is_list:
        return tuple(item.name() for item in entry.items())
    if entry.value != "all":
        raise entry.fault(f"{entry.value!r} is neither 'all' nor a list of origins")
    return None


def _mode(entry: Entry) -> Mode:
    entries = entry.fields(("name", "gpus"), ("sm_clock_ceiling_mhz", "startup_s", "startup_energy_j"))
    gpus = {key: value.integer("GPUs", low=1) for key, value in entries["gpus"].mapping().items()}
    if not gpus:
        raise entries["gpus"].fault("a mode takes at least 1 GPU")
    ceiling = entries.get("sm_clock_ceiling_mhz")
    return Mode(
        name=entries["name"].name(),
        gpus=gpus,
        sm_clock_ceiling_mhz=None if ceiling is None or ceiling.is_null else ceiling.integer("MHz", low=1),
        startup_s=_number(entries, "startup_s", "s"),
        startup_energy_j=_number(entries, "startup_energy_j", "J"),
    )


def _number(entries: dict[str, Entry], key: str, unit: str) -> float:
    return entries[key].number(unit, low=0) if key in entries else 0.0


def _partition(entry: Entry) -> Partition:
    entries = entry.fields(("name", "classes"), ("prompt_tokens", "answer_tokens"))
    classes = tuple(item.name() for item in entries["classes"].items())
    prompt, answer = (_boundaries(entries.get(key)) for key in ("prompt_tokens", "answer_tokens"))
    _check_grid(entries["classes"], classes, prompt, answer)
    return Partition(entries["name"].name(), classes, prompt, answer)


def _boundaries(entry: Entry | None) -> tuple[int, ...] | None:
    if entry is None or entry.is_null:
        return None
    spots = entry.items() if entry.is_list else [entry]
    tokens = tuple(spot.integer("tokens", low=1) for spot in spots)
    if list(tokens) != sorted(set(tokens)):
        raise entry.fault(f"boundaries {list(tokens)} tokens are not strictly ascending")
    return tokens


def _check_grid(
    entry: Entry, classes: tuple[str, ...], prompt: tuple[int, ...] | None, answer: tuple[int, ...] | None
) -> None:
    if not classes:
        raise entry.fault("a partition has at least 1 class")
    if len(set(classes)) != len(classes):
        raise entry.fault(f"a class stands twice in {list(classes)}")
    known = [len(each) + 1 for each in (prompt, answer) if each is not None]
    size = prod(known)
    if len(classes) % size or (len(known) == 2 and len(classes) != size):
        times = "" if len(known) == 2 else "a multiple of "
        raise entry.fault(f"{len(classes)} classes, the grid of the boundaries has {times}{size}")
    if set(classes) == set(TWO_BY_TWO) and classes != TWO_BY_TWO:
        raise entry.fault(f"{list(classes)} is out of order, row by row and prompt first is {list(TWO_BY_TWO)}")


def _tier(entry: Entry) -> Tier:
    entries = entry.fields(("name",), ("shed_price", "protected"))
    price = entries["shed_price"].number("", above=0) if "shed_price" in entries else Tier.shed_price
    protected = entries["protected"].truth() if "protected" in entries else Tier.protected
    return Tier(entries["name"].name(), price, protected)


def _objective(entry: Entry) -> Objective:
    if not entry.is_mapping:
        return Objective.only(entry.one_of(_OBJECTIVES, "objective"))
    entries = entry.fields((), _OBJECTIVES)
    weights = {key: entries[key].number("", low=0) if key in entries else 0.0 for key in _OBJECTIVES}
    if not any(weights.values()):
        raise entry.fault("no weight is greater than 0")
    return Objective(weights["carbon"], weights["energy"], weights["cost"])


def _carbon_signal(entry: Entry) -> CarbonSignal:
    known = {
        "kind": ("average", "marginal"),
        "scope": ("direct", "lifecycle", "unstated"),
        "unit": ("gco2e_per_kwh", "as given"),
    }
    entries = entry.fields((), known)
    return CarbonSignal(**{key: value.one_of(known[key], key) for key, value in entries.items()})


def _endpoint(entry: Entry, locations: Collection[str]) -> Endpoint:
    entries = entry.fields(("name", "kind", "location", "url"), ("connection",))
    connection = entries.get("connection")
    return Endpoint(
        name=entries["name"].name(),
        kind=entries["kind"].one_of(("gateway", "node", "router"), "kind of endpoint"),
        location=entries["location"].one_of(locations, "location"),
        url=_url(entries["url"]),
        connection=None if connection is None or connection.is_null else connection.name(),
    )


def _url(entry: Entry) -> str:
    url = entry.name()
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise entry.fault(f"{url!r} is not of the form http://host:port or https://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise entry.fault("the URL carries a user, a query or a fragment; a token belongs into an Airflow Connection")
    return url
