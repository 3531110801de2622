"""`python -m profiling fit`: a profile from a sweep's raw table, or modelled ones from published figures."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import short_and_long
from profiling.commands.rows import beyond, class_rows, cost_table, provenance_lines
from profiling.profile.document import write_profile
from profiling.sweep.raw_table import read_rows

EXPORTED = Path(__file__).parent.parent.parent / "freesh_plugin" / "data"
"""Where the project's own profiles are."""


def fit(
    raw: Annotated[Path | None, typer.Argument(metavar="[RAW.csv]", help="Raw table of a sweep.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File, or folder of several, to write.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Type of the GPUs, as the scenario has it.")] = None,
    mode: Annotated[str | None, typer.Option(help="Name of the mode (default: TP<number>x<type>).")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model (default: the endpoint's).")] = None,
    kv_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of KV memory (default: what was seen to fit).")
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Fit published figures instead: the folder of the public profiles."),
    ] = None,
    instance: Annotated[
        list[str] | None, typer.Option(metavar="GPU:LLM:GPUS", help="With --published: what to model; repeated.")
    ] = None,
    power_model: Annotated[str, typer.Option(help="With --published: low, mid or high.")] = "mid",
    export: Annotated[bool, typer.Option("--export", help="Write into freesh_plugin/data.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was written, on standard output.")] = False,
) -> None:
    """Fit, and say how good the fit is, what could not be fitted, and the clock of least energy for each class."""
    if (raw is None) == (published is None):
        raise ConfigError("fit needs either a raw table or --published DIR")
    if output is None and not export:
        raise ConfigError("fit needs --output or --export")
    if raw is not None:
        if gpu is None:
            raise ConfigError("--gpu: the type of the GPUs, as the scenario has it, must be named")
        document = _measured(raw, gpu, mode, model, kv_tokens)
        written = [(EXPORTED / _file_name(document) if export else output or Path(), document)]
    else:
        folder = EXPORTED if export else output or Path()
        written = list(_modelled(published or Path(), folder, instance or [], power_model))
    for path, document in written:
        write_profile(document, path)
    _tell(written, as_json=as_json)


def _measured(raw: Path, gpu: str, mode: str | None, model: str | None, kv_tokens: int | None) -> ProfileDocument:
    from profiling.fit.fit_rows import fit_rows  # scipy takes a while to import: only where it fits

    rows = read_rows(raw)
    name = mode or f"TP{max(rows[0].facts.gpus, 1) if rows else 1}x{gpu}"
    return fit_rows(rows, name, gpu, model=model, kv_tokens=kv_tokens)


def _modelled(
    published: Path, folder: Path, wanted: Sequence[str], variant: str
) -> Iterator[tuple[Path, ProfileDocument]]:
    from profiling.modelled.leave_out import Fits, leave_out
    from profiling.modelled.modelled_profile import SHIPPED, Instance, modelled_profile
    from profiling.modelled.power_models import BRACKET
    from profiling.modelled.published import read_published
    from profiling.modelled.story import story

    if variant not in BRACKET:
        raise ConfigError(f"--power-model: {variant!r} is none of {', '.join(BRACKET)}")
    instances = [Instance(*_parts(each)) for each in wanted] or SHIPPED
    observations = read_published(published)
    fits, misses = Fits.of(observations), leave_out(observations)
    for each in instances:
        provenance = story(fits, each, observations, misses, variant)
        yield folder / each.file_name, modelled_profile(fits, each, provenance, variant)


def _parts(text: str) -> tuple[str, str, int]:
    gpu, _, rest = text.partition(":")
    llm, _, gpus = rest.partition(":")
    if not (gpu and llm and gpus.isdigit() and int(gpus) > 0):
        raise ConfigError(f"--instance: {text!r}, expected GPU:LLM:GPUS as in A100:llama-3-70b:4")
    return gpu, llm, int(gpus)


def _file_name(document: ProfileDocument) -> str:
    return f"{document.gpu}-{document.model}-tp{document.gpus}-{document.basis}.json".lower().replace("/", "-")


def _tell(written: Sequence[tuple[Path, ProfileDocument]], *, as_json: bool) -> None:
    told: list[dict[str, Any]] = []
    console = Console()
    for path, document in written:
        rows = class_rows(document, short_and_long(document.token_points()), None)
        told.append({"path": str(path), "label": document.label, "classes": rows, "said": provenance_lines(document)})
        if not as_json:
            console.print(cost_table(document, rows, every_clock=False))
            console.print("\n".join([*provenance_lines(document), *beyond(rows), f"written to {path}"]), style="dim",
                          highlight=False, markup=False, soft_wrap=True)  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
