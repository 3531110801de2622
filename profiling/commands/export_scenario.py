"""`python -m profiling export-scenario`: profiles into a scenario folder, for any class boundary."""

import json
import sys
from pathlib import Path
from string import ascii_lowercase
from typing import Annotated

import typer
from rich.console import Console

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError, ProfileError
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import Length, fitting_batch, least_energy
from profiling.profile.classes import partition_of, read_lengths
from profiling.scenario.boundaries import Lengths
from profiling.scenario.replaced_folder import replaced_folder
from profiling.scenario.stated import state_capacities
from profiling.scenario.template import STALE, Template
from profiling.scenario.write_scenario import mode_names, write_scenario


def export_scenario(
    profiles: Annotated[list[Path], typer.Argument(metavar="PROFILE...", help="Files that `fit` wrote, a mode each.")],
    like: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Scenario to start from: locations, carbon, service levels, total demand."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Scenario folder to write.")],
    boundary: Annotated[
        list[str] | None,
        typer.Option(metavar="PROMPT,ANSWER", help="Class boundary, repeated; default those of the scenario."),
    ] = None,
    lengths: Annotated[
        Path | None, typer.Option(help="Lengths of requests (default: the scenario's lengths.csv).")
    ] = None,
    least_energy_modes: Annotated[
        bool, typer.Option("--least-energy-modes", help="Offer each mode also at its clock of least energy.")
    ] = False,
    state: Annotated[bool, typer.Option("--state", help="Also write profiles.csv and power.csv, derived now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was written, on standard output.")] = False,
) -> None:
    """Write a scenario that `python -m models solve` takes: capacity and power follow from the profiles."""
    if len(boundary or ()) > len(ascii_lowercase):
        raise ConfigError(f"--boundary: {len(boundary or ())} of them, at most {len(ascii_lowercase)}")
    documents = [read_profile(each) for each in profiles]
    sample = read_lengths(lengths or like / "lengths.csv")
    partitions = [partition_of(each, name) for each, name in zip(boundary or (), ascii_lowercase, strict=False)]
    ceilings_mhz = _ceilings_mhz(documents, sample) if least_energy_modes else {}
    with replaced_folder(output, STALE) as folder:
        write_scenario(Template.of(like), documents, folder, partitions, sample, ceilings_mhz)
        rows = state_capacities(folder) if state else []
    modes = [name for each in documents for name in mode_names(each, ceilings_mhz)]
    if as_json:
        sys.stdout.write(json.dumps({"folder": str(output), "modes": modes, "capacities": rows}, indent=1) + "\n")
    else:
        Console().print(_said(output, modes, documents, len(rows)), highlight=False, markup=False)


def _ceilings_mhz(documents: list[ProfileDocument], sample: Lengths) -> dict[str, float]:
    """The clock of least energy of each mode for the mean request; none where it is the highest, or clocks are unknown.

    Raises:
        ProfileError: a profile does not cover the mean request.
    """
    weight = sum(row[2] for row in sample)
    mean = Length("mean request", *(sum(row[k] * row[2] for row in sample) / weight for k in (0, 1)))
    found = {}
    for each in documents:
        table = each.table()
        try:
            best = least_energy(table, [mean], fitting_batch(table, mean))[0].best.sm_clock_mhz
        except ProfileError as error:
            raise ProfileError(f"{each.label}: {error}") from error
        if best is not None and best < table.sm_clocks_mhz[-1]:
            found[each.mode] = best
    return found


def _said(folder: Path, modes: list[str], documents: list[ProfileDocument], stated: int) -> str:
    kinds = ", ".join(sorted({"extrapolated" if each.extrapolated else str(each.basis) for each in documents}))
    lines = [f"{folder}: modes {', '.join(modes)} ({kinds})"]
    lines += [f"{stated} rows stated in profiles.csv"] if stated else []
    return "\n".join([*lines, f"next: python -m models capacity {folder}", f"      python -m models solve {folder}"])
