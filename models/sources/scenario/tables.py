"""The CSV tables of a scenario read strictly into their rows, every name checked against `scenario.yaml`."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from freesh_plugin.core.request import Partition
from models.domain.scenario import (
    ANY_ORIGIN,
    DEFAULT,
    IDLE_FRACTION,
    CarbonPoint,
    Demand,
    Location,
    Machine,
    PricePoint,
    Profile,
    Running,
    ServiceLevel,
)
from models.sources.scenario.csv_table import Row, read_table
from models.sources.scenario.spot import Spot

T = TypeVar("T")


@dataclass(frozen=True)
class Names:
    """What `scenario.yaml` names, for the references of the tables."""

    locations: tuple[Location, ...]
    modes: tuple[str, ...]
    partitions: tuple[Partition, ...]
    models: tuple[str, ...]
    tiers: tuple[str, ...]
    steps: int

    @cached_property
    def origins(self) -> frozenset[str]:
        """Origins that some location names."""
        return frozenset(each for place in self.locations for each in (*place.rtt_s, *(place.allowed_origins or ())))

    def location(self, row: Row) -> str:
        """The row's location."""
        return row["location"].one_of([each.name for each in self.locations], "location")

    def request_class(self, row: Row, partition: str | None) -> str:
        """The row's class, which must be of its partition, or of any where it names none."""
        known = [c for p in self.partitions if partition in (None, p.name) for c in p.classes]
        what = f"class of partition {partition!r}" if partition else "class"
        return row["request_class"].one_of(known, what)

    def partition(self, spot: Spot) -> str:
        """A partition's name."""
        return spot.one_of([each.name for each in self.partitions], "partition")

    def model(self, row: Row) -> str:
        """The row's model."""
        return optional(row, "model", lambda spot: spot.one_of(self.models, "model"), self._default(row, "model"))

    def tier(self, row: Row) -> str:
        """The row's tier."""
        return optional(row, "tier", lambda spot: spot.one_of(self.tiers, "tier"), self._default(row, "tier"))

    def step(self, row: Row) -> int:
        """The row's step."""
        return row["step"].integer("", low=0, high=self.steps - 1)

    def _default(self, row: Row, column: str) -> Callable[[], str]:
        known = self.models if column == "model" else self.tiers

        def default() -> str:
            if DEFAULT not in known:
                raise row.fault(f"names no {column}, and {DEFAULT!r} is not one of {list(known)}")
            return DEFAULT

        return default


def read_profiles(folder: Path, names: Names) -> tuple[Profile, ...]:
    """Rows of `profiles.csv`."""

    def read(row: Row) -> tuple[Hashable, Profile]:
        partition = names.partition(row["partition"])
        capacity_rps = row["capacity_rps"].number("req/s", low=0)
        # A mode that cannot serve a class has been tried, so its figures exist; 0 stands for not measured.
        above = 0.0 if capacity_rps > 0 else None
        full_power_w = row["full_power_w"].number("W", low=0, above=above)
        idle = row.get("idle_power_w")
        profile = Profile(
            partition=partition,
            request_class=names.request_class(row, partition),
            mode=row["mode"].one_of(names.modes, "mode"),
            capacity_rps=capacity_rps,
            full_power_w=full_power_w,
            latency_s=row["latency_s"].number("s", low=0, above=above),
            ttft_s=row["ttft_s"].number("s", low=0, above=above),
            tbt_s=row["tbt_s"].number("s", low=0, above=above),
            idle_power_w=idle.number("W", low=0, high=full_power_w) if idle else IDLE_FRACTION * full_power_w,
            model=names.model(row),
            idle_assumed=idle is None,
            modelled=optional(row, "modelled", Spot.truth, lambda: False),
        )
        return (profile.partition, profile.request_class, profile.mode, profile.model), profile

    required = (
        "partition", "request_class", "mode", "capacity_rps", "full_power_w", "latency_s", "ttft_s", "tbt_s",
    )  # fmt: skip
    return unique(read_table(folder / "profiles.csv", required, ("idle_power_w", "model", "modelled")), read)


def read_slos(folder: Path, names: Names) -> tuple[ServiceLevel, ...]:
    """Rows of `slo.csv`."""

    def read(row: Row) -> tuple[Hashable, ServiceLevel]:
        partition = names.partition(row["partition"])
        slo = ServiceLevel(
            partition=partition,
            request_class=names.request_class(row, partition),
            latency_s=row["latency_s"].number("s", above=0),
            ttft_s=row["ttft_s"].number("s", above=0),
            tbt_s=row["tbt_s"].number("s", above=0),
            model=names.model(row),
            tier=names.tier(row),
        )
        return (slo.partition, slo.request_class, slo.model, slo.tier), slo

    required = ("partition", "request_class", "latency_s", "ttft_s", "tbt_s")
    return unique(read_table(folder / "slo.csv", required, ("model", "tier")), read)


def read_demand(folder: Path, names: Names) -> tuple[Demand, ...]:
    """Rows of `demand.csv`."""

    def read(row: Row) -> tuple[Hashable, Demand]:
        partition = names.partition(row["partition"])
        demand = Demand(
            partition=partition,
            request_class=names.request_class(row, partition),
            step=names.step(row),
            demand_rps=row["demand_rps"].number("req/s", low=0),
            mean_rps=optional(row, "mean_rps", lambda spot: spot.number("req/s", low=0), lambda: None),
            origin=_origin(row, names),
            model=names.model(row),
            tier=names.tier(row),
        )
        return (*demand_series(demand), demand.step), demand

    required = ("partition", "request_class", "step", "demand_rps")
    return unique(read_table(folder / "demand.csv", required, ("mean_rps", "origin", "model", "tier")), read)


def demand_series(demand: Demand) -> tuple[str, str, str, str, str]:
    """Key of the series that a row of demand belongs to: model, partition, class, origin, tier."""
    return (demand.model, demand.partition, demand.request_class, demand.origin, demand.tier)


def read_carbon(folder: Path, names: Names) -> tuple[CarbonPoint, ...]:
    """Rows of `carbon.csv`, signed."""

    def read(row: Row) -> tuple[Hashable, CarbonPoint]:
        p10, p90 = (
            optional(row, column, lambda spot: spot.number("gCO2e/kWh"), lambda: None) for column in ("p10", "p90")
        )
        if p10 is not None and p90 is not None and p10 > p90:
            raise row.fault(f"p10 {p10:g} gCO2e/kWh is greater than p90 {p90:g} gCO2e/kWh")
        value = row["carbon_gco2e_per_kwh"].number("gCO2e/kWh")
        point = CarbonPoint(names.location(row), names.step(row), value, p10, p90)
        return (point.location, point.step), point

    required = ("location", "step", "carbon_gco2e_per_kwh")
    return unique(read_table(folder / "carbon.csv", required, ("p10", "p90")), read)


def read_prices(folder: Path, names: Names) -> tuple[PricePoint, ...]:
    """Rows of `prices.csv`, signed; none without the file."""

    def read(row: Row) -> tuple[Hashable, PricePoint]:
        point = PricePoint(names.location(row), names.step(row), row["price_usd_per_mwh"].number("USD/MWh"))
        return (point.location, point.step), point

    path = folder / "prices.csv"
    return unique(read_table(path, ("location", "step", "price_usd_per_mwh")), read) if path.exists() else ()


def read_machines(folder: Path, names: Names) -> tuple[Machine, ...]:
    """Rows of `machines.csv`; none without the file."""

    def read(row: Row) -> tuple[Hashable, Machine]:
        location = names.location(row)
        types = next(each.gpus for each in names.locations if each.name == location)
        available_from, available_until = (
            optional(row, column, lambda spot: spot.integer("", low=0, high=names.steps), lambda: None)
            for column in ("available_from", "available_until")
        )
        first, end = available_from or 0, names.steps if available_until is None else available_until
        if first >= end:
            raise row.fault(f"available from step {first} until step {end}: never")
        machine = Machine(
            location=location,
            machine=row["machine"].name(),
            gpu_type=row["gpu_type"].one_of(types, f"GPU type of location {location!r}"),
            gpus=row["gpus"].integer("GPUs", low=0),
            available_from=available_from,
            available_until=available_until,
        )
        return (machine.location, machine.machine, machine.gpu_type), machine

    path = folder / "machines.csv"
    required = ("location", "machine", "gpu_type", "gpus")
    return unique(read_table(path, required, ("available_from", "available_until")), read) if path.exists() else ()


def read_running(folder: Path, names: Names, machines: tuple[Machine, ...]) -> tuple[Running, ...]:
    """Rows of `running.csv`; none without the file."""

    def read(row: Row) -> tuple[Hashable, Running]:
        location = names.location(row)
        partition = optional(row, "partition", names.partition, lambda: None)
        known = {each.machine for each in machines if each.location == location}
        running = Running(
            location=location,
            machine=row["machine"].one_of(known, f"machine of {location!r}") if known else row["machine"].name(),
            mode=row["mode"].one_of(names.modes, "mode"),
            request_class=names.request_class(row, partition),
            instances=row["instances"].integer("instances", low=0),
            partition=partition,
            model=names.model(row),
        )
        key = (location, running.machine, running.mode, running.request_class, partition, running.model)
        return key, running

    path = folder / "running.csv"
    required = ("location", "machine", "mode", "request_class", "instances")
    # A fleet that runs nothing yet is a header alone.
    return (
        unique(read_table(path, required, ("partition", "model"), rows_required=False), read) if path.exists() else ()
    )


def _origin(row: Row, names: Names) -> str:
    """The row's origin; one that no location names and none allows is taken for a slip of the pen."""
    spot = row.get("origin")
    origin = spot.name() if spot else ANY_ORIGIN
    if origin not in names.origins and not any(location.allows(origin) for location in names.locations):
        if spot is None:
            raise row.fault(f"names no origin, and no location allows {ANY_ORIGIN!r}")
        spot.one_of(names.origins, "origin")
    return origin


def optional(row: Row, column: str, read: Callable[[Spot], T], default: Callable[[], T]) -> T:
    """What the row's cell states, or the default where the column is absent or the cell empty."""
    spot = row.get(column)
    return default() if spot is None else read(spot)


def unique(rows: Iterator[Row], read: Callable[[Row], tuple[Hashable, T]]) -> tuple[T, ...]:
    """Parts that the rows state; the same key in two rows is an error."""
    parts: dict[Hashable, T] = {}
    numbers: dict[Hashable, int] = {}
    for row in rows:
        key, part = read(row)
        if key in parts:
            raise row.fault(f"states the same as row {numbers[key]}")
        parts[key], numbers[key] = part, row.number
    return tuple(parts.values())
