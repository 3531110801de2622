"""`python -m models capacity`: what instances serve of each class, derived from token-level profiles, and why."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.printable import one_line
from models.domain.scenario import Profile
from models.sources.scenario_folder import load_capacity

if TYPE_CHECKING:
    from models.capacity import Derived


def capacity(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Scenario folder with token_profiles.csv.")],
    as_json: Annotated[bool, typer.Option("--json", help="The rows on standard output.")] = False,
) -> None:
    """Derive capacity and power of every model, partition, class and mode, and say which bound binds."""
    scenario, derived = load_capacity(folder)
    if not derived:
        raise ScenarioError(
            f"{folder}: nothing is derived: there is no token_profiles.csv, or profiles.csv states every row"
        )
    if as_json:
        sys.stdout.write(json.dumps([as_object(each) for each in derived], indent=1) + "\n")
        return
    console = Console()
    stated = len(scenario.profiles) - len(derived)
    for model, partition in dict.fromkeys((each.profile.model, each.profile.partition) for each in derived):
        own = [each for each in derived if (each.profile.model, each.profile.partition) == (model, partition)]
        console.print(_table(own))
    console.print(_legend(derived, stated), style="dim", highlight=False)


def as_object(derived: "Derived") -> dict[str, Any]:
    """One derived row as plain JSON data; `modelled` says that no such row was measured."""
    row, served = derived.profile, derived.served
    return {
        "model": row.model,
        "partition": row.partition,
        "request_class": row.request_class,
        "mode": row.mode,
        "capacity_rps": row.capacity_rps,
        "binds": served.bind.value,
        "latency_s": row.latency_s,
        "ttft_s": row.ttft_s,
        "tbt_s": row.tbt_s,
        "quantile": served.quantile,
        "mean_batch": served.mean_batch,
        "places": len(served.work.step_s),
        "full_power_w": row.full_power_w,
        "idle_power_w": row.idle_power_w,
        "power_levels": [list(each) for each in row.power_levels],
        "basis": derived.basis.value,
        "modelled": True,
    }


def _table(derived: "Sequence[Derived]") -> Table:
    first = derived[0].profile
    table = Table(
        title=Text(one_line(f"model {first.model}, partition {first.partition} (modelled)")),
        title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
        collapse_padding=True, padding=(0, 1, 0, 0),
    )  # fmt: skip
    for header in ("class", "mode"):
        table.add_column(header, overflow="fold")
    for header in ("req/s", "latency s", "TTFT s", "TBT ms", "batch", "watts"):
        table.add_column(header, justify="right", no_wrap=True)
    table.add_column("bound by", no_wrap=True)
    for i, each in enumerate(derived):
        last = i + 1 == len(derived) or derived[i + 1].profile.request_class != each.profile.request_class
        table.add_row(*_cells(each), end_section=last)
    return table


def _cells(each: "Derived") -> tuple[Text, ...]:
    row, served = each.profile, each.served
    serves = row.capacity_rps > 0
    cells = (
        row.request_class,
        row.mode,
        f"{row.capacity_rps:.3g}" if serves else "cannot",
        *_latencies(row),
        f"{served.mean_batch:.1f}/{len(served.work.step_s)}" if serves else "-",
        f"{row.idle_power_w:.0f}-{row.full_power_w:.0f}" if serves else "-",
        served.bind.value,
    )
    return tuple(Text(one_line(cell), style="" if serves else "yellow") for cell in cells)


def _latencies(row: Profile) -> tuple[str, ...]:
    seconds = ((row.latency_s, 1), (row.ttft_s, 1), (row.tbt_s, 1000))
    return tuple(f"{value * scale:.3g}" if value else "-" for value, scale in seconds)


def _legend(derived: "Sequence[Derived]", stated: int) -> Text:
    bases = ", ".join(sorted({each.basis.value for each in derived}))
    served = derived[0].served
    lines = [
        f"Modelled from token-level profiles, whose points are {bases}. Latency, TTFT and TBT: what"
        f" {served.quantile:.0%} of the requests keep at that rate, of a lone request where the mode cannot serve"
        " the class.",
        "batch: requests that decode at once, mean / most. watts: idle to full. bound by: what a larger rate breaks.",
    ]
    if stated:
        lines.append(f"Stated in profiles.csv, and not derived: {stated}.")
    return Text("\n".join(lines))
