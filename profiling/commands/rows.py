"""What the commands tell of a profile: as plain data, and as tables for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.printable import one_line
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import Cost, Length, fitting_batch, least_energy, over_clocks


def class_rows(document: ProfileDocument, lengths: Sequence[Length], batch: int | None) -> list[dict[str, Any]]:
    """Cost of each class at each clock; `best` marks the clock of least energy. Classes not covered say why."""
    table, rows = document.table(), []
    for length in lengths:
        shape = {
            "request_class": length.name,
            "prompt_tokens": length.prompt_tokens,
            "answer_tokens": length.answer_tokens,
        }
        own = batch or fitting_batch(table, length)
        try:
            costs, best = over_clocks(table, length, own), least_energy(table, [length], own)[0]
        except ProfileError as error:
            rows.append(shape | {"batch": own, "beyond": str(error)})
            continue
        rows += [
            shape
            | {"batch": own}
            | _cost(each)
            | {"best": each == best.best, "saving": 1 - each.energy_j / best.top.energy_j}
            for each in costs
        ]
    return rows


def cost_table(document: ProfileDocument, rows: Iterable[dict[str, Any]], *, every_clock: bool) -> Table:
    """Costs as a table; only the best and the top clock unless every one is wanted."""
    table = Table(title=Text(one_line(document.label)), title_justify="left", title_style="bold", box=SIMPLE_HEAD,
                  show_edge=False, pad_edge=False)  # fmt: skip
    table.add_column("class", no_wrap=True)
    for header in ("tokens", "batch", "MHz", "watts", "tok/s", "J/tok", "s", "saved"):
        table.add_column(header, justify="right", no_wrap=True)
    shown = [row for row in rows if "beyond" not in row]
    last = {row["request_class"]: k for k, row in enumerate(shown)}
    for k, row in enumerate(shown):
        is_last = last[row["request_class"]] == k
        if every_clock or row["best"] or is_last:
            clock = "found" if row["sm_clock_mhz"] is None else f"{row['sm_clock_mhz']:g}"
            table.add_row(
                row["request_class"], f"{row['prompt_tokens']:.0f}+{row['answer_tokens']:.0f}", str(row["batch"]),
                clock + (" *" if row["best"] else "  "), f"{row['power_w']:.0f}", f"{row['tokens_per_s']:.0f}",
                f"{row['energy_per_token_j']:.3f}", f"{row['latency_s']:.2f}", f"{row['saving']:.1%}",
                style="bold" if row["best"] else "", end_section=is_last,
            )  # fmt: skip
    return table


def beyond(rows: Iterable[dict[str, Any]]) -> list[str]:
    """A sentence for each class that the profile does not cover."""
    return [f"{row['request_class']}: {row['beyond']}" for row in rows if "beyond" in row]


def provenance_lines(document: ProfileDocument) -> list[str]:
    """Where it comes from, how far off its fits are, and what is missing."""
    own, limits = document.provenance, document.limits
    spread = "" if own.spread is None else f", spread between repetitions {own.spread:.1%} (median)"
    lines = [
        f"at most {limits.max_batch} requests, {limits.kv_tokens} KV tokens, {limits.idle_power_w:.0f} W idle",
        *(f"from {each}" for each in own.sources),
        *([f"{own.cells} measured cells{spread}"] if own.cells else []),
        *(f"off by {each.median:.1%} (median of {each.values}): {each.what}" for each in own.errors),
        *(f"not fitted: {each}" for each in own.missing),
        *own.notes,
    ]
    return [one_line(each) for each in lines]


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "sm_clock_mhz": cost.sm_clock_mhz,
        "power_w": cost.power_w,
        "tokens_per_s": cost.tokens_per_s,
        "energy_per_token_j": cost.energy_per_token_j,
        "energy_j": cost.energy_j,
        "latency_s": cost.latency_s,
    }
