"""A scenario folder with the token tables of profiles, for the planner to derive capacity and power from."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.profile import Phase
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request import Partition
from profiling.scenario.boundaries import Lengths, service_levels, shared_demand
from profiling.scenario.template import Rows, Template, write_table

_POINTS = ("mode", "phase", "tokens", "batch", "time_s", "power_w", "sm_clock_mhz")
_LIMITS = ("mode", "max_batch", "kv_tokens", "idle_power_w", "parked_power_w", "basis")


def write_scenario(
    template: Template,
    documents: Sequence[ProfileDocument],
    folder: Path,
    partitions: Sequence[Partition],
    lengths: Lengths,
    ceilings_mhz: dict[str, float],
) -> None:
    """Write the folder.

    Args:
        template: What is kept: locations, carbon, prices, objective, service levels, total demand.
        documents: A profile a mode, all of one model.
        folder: To write into; see `replaced_folder`.
        partitions: In place of the template's; none = the template's own.
        lengths: Of the requests.
        ceilings_mhz: For some modes a clock, at which a second mode of that name `@` the clock is offered.

    Raises:
        ScenarioError: profiles and template do not go together, or something cannot be written.
    """
    _check(template, documents)
    template.copy_to(folder)
    document = template.document | {"modes": list(_modes(template, documents, ceilings_mhz))}
    if partitions:
        document["partitions"] = [_partition(each) for each in partitions]
        _write_rows(folder / "slo.csv", service_levels(template, partitions))
        _write_rows(folder / "demand.csv", shared_demand(template, partitions, lengths))
    else:
        for name in ("slo.csv", "demand.csv"):
            _write_rows(folder / name, template.rows(name))
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    _write_text(folder / "scenario.yaml", f"# {_story(documents)}\n{text}")
    write_table(folder / "lengths.csv", ("prompt_tokens", "answer_tokens", "weight"), lengths)
    write_table(folder / "token_profiles.csv", _POINTS, _point_rows(documents, ceilings_mhz))
    write_table(folder / "token_limits.csv", _LIMITS, _limit_rows(documents, ceilings_mhz))


def mode_names(document: ProfileDocument, ceilings_mhz: dict[str, float]) -> list[str]:
    """The modes that a profile makes: its own, and one at a ceiling where there is one."""
    ceiling_mhz = ceilings_mhz.get(document.mode)
    return [document.mode] + ([] if ceiling_mhz is None else [f"{document.mode}@{ceiling_mhz:g}"])


def _check(template: Template, documents: Sequence[ProfileDocument]) -> None:
    models = sorted({each.model for each in documents})
    if len(models) != 1:
        raise ScenarioError(f"profiles of several models, {', '.join(models)}: export one at a time")
    modes = [each.mode for each in documents]
    if len(set(modes)) < len(modes):
        raise ScenarioError(f"two profiles of one mode among {', '.join(modes)}")
    known = template.gpu_types()
    for each in documents:
        if each.gpu not in known:
            raise ScenarioError(
                f"{each.mode}: no location of {template.folder} has a {each.gpu}; it has {', '.join(sorted(known))}"
            )


def _modes(
    template: Template, documents: Sequence[ProfileDocument], ceilings_mhz: dict[str, float]
) -> Iterator[dict[str, Any]]:
    """Modes of the document; what starting one takes is kept where the template has a mode of those GPUs."""
    old = [mode for mode in template.document.get("modes", []) if isinstance(mode, dict)]
    for each in documents:
        gpus = {each.gpu: each.gpus}
        start = next((mode for mode in old if mode.get("gpus") == gpus), {})
        kept = {name: start[name] for name in ("startup_s", "startup_energy_j") if name in start}
        for name in mode_names(each, ceilings_mhz):
            ceiling = {} if name == each.mode else {"sm_clock_ceiling_mhz": int(ceilings_mhz[each.mode])}
            yield {"name": name, "gpus": dict(gpus)} | ceiling | kept


def _partition(partition: Partition) -> dict[str, Any]:
    prompt, answer = partition.prompt_tokens or (0,), partition.answer_tokens or (0,)
    return {
        "name": partition.name, "classes": list(partition.classes), "prompt_tokens": prompt[0],
        "answer_tokens": answer[0],
    }  # fmt: skip


def _point_rows(documents: Sequence[ProfileDocument], ceilings_mhz: dict[str, float]) -> Iterator[list[object]]:
    for each in documents:
        for name in mode_names(each, ceilings_mhz):
            for point in each.points:
                batch = "" if point.phase is Phase.PREFILL else point.batch
                clock = "" if point.sm_clock_mhz is None else f"{point.sm_clock_mhz:g}"
                yield [name, point.phase, f"{point.tokens:g}", batch, point.time_s, point.power_w, clock]


def _limit_rows(documents: Sequence[ProfileDocument], ceilings_mhz: dict[str, float]) -> Iterator[list[object]]:
    for each in documents:
        own = each.limits
        parked = "" if own.parked_power_w is None else own.parked_power_w
        for name in mode_names(each, ceilings_mhz):
            yield [name, own.max_batch, own.kv_tokens, own.idle_power_w, parked, each.basis]


def _story(documents: Sequence[ProfileDocument]) -> str:
    return "Profiles: " + "; ".join(each.label for each in documents) + "."


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be written: {error.strerror}") from error


def _write_rows(path: Path, rows: Rows) -> None:
    if rows:
        write_table(path, list(rows[0]), [list(row.values()) for row in rows])
