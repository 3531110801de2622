"""The paper's figure 4 again: least laxity first against first come first served, on its three requests."""

from freesh_plugin.runtime.policy import Policy
from models.evaluate.report.markup import Markup
from models.evaluate.report.numbers import number
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, legend, stack, table
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import Scale
from models.evaluate.report.toy import TOKENS, ToyRun, toy_run

_COLOURS = ("c-blue", "c-orange", "c-purple")
_ROW, _HEAD, _FOOT, _LEFT = 30.0, 34.0, 46.0, 30.0
_NAMES = {Policy.LLF: "least laxity first", Policy.FCFS: "first come, first served"}


def order(results: Results) -> Markup:
    """Who gets a token in which second, and what that gives each of them."""
    runs = [toy_run(policy) for policy in _NAMES]
    tokens = ", ".join(str(each) for each in TOKENS[:-1]) + f" and {TOKENS[-1]}"
    return stack(
        figure(
            "Three requests on one server, a token a second",
            lambda width: _draw(runs, width),
            f"Requests of {tokens} tokens arrive at 0, 1 and 2 s. Ordered by the runtime's own scheduler as this "
            "page was written: a toy, not a result.",
        ),
        legend([(f"R{k}", colour) for k, colour in enumerate(_COLOURS)]),
        table(
            "What the order gives", ("Order", "Mean TTFT", "Mean latency", "Largest slowdown"), [_row(r) for r in runs]
        ),
    )


def _draw(runs: list[ToyRun], width: int) -> Markup:
    places, height = slots(width, [_HEAD + _ROW * len(TOKENS) + _FOOT] * len(runs))
    panels = [_chart(place, run) for place, run in zip(places, runs, strict=True)]
    told = [f"{_NAMES[r.policy]}: {', '.join(f'R{each}' for each in r.served)}" for r in runs]
    return drawing(width, height, panels, f"Who gets the token of each second. {'; '.join(told)}.")


def _chart(slot: Slot, run: ToyRun) -> Panel:
    x = Scale(0.0, float(len(run.served)), slot.left + _LEFT, slot.right - 10)
    top = slot.top + _HEAD
    panel = Panel(x, Scale(float(len(TOKENS)), 0.0, top + _ROW * len(TOKENS), top))
    panel.heading(_NAMES[run.policy], indent_px=_LEFT)
    panel.x_axis("seconds", 14 if slot.width > 320 else 7)
    for request in range(len(TOKENS)):
        panel.write(panel.left - 8, top + _ROW * request + 20, f"R{request}", "label", "end")
    for second, request in enumerate(run.served):
        title = f"second {second + 1}: R{request}"
        panel.bar(top + _ROW * request + 15, 18, second + 0.04, second + 0.96, _COLOURS[request], title)
    return panel


def _row(run: ToyRun) -> tuple[str, str, str, str]:
    return (
        _NAMES[run.policy],
        number(run.mean_first_s, 1, "s"),
        number(run.mean_latency_s, 1, "s"),
        number(max(run.slowdowns), 1, "×"),
    )
