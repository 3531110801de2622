"""Golden schedules: small cases in JSON, run on the toy engine, told as a person would draw them."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from tests.fakes.counted_memory import CountedMemory
from tests.fakes.toy_engine import ConstantPace, ToyEngine, ToyRequest

FOLDER = Path(__file__).parents[1] / "golden" / "schedules"
CASES = sorted(FOLDER.glob("*.json"))


def told(path: Path) -> dict[str, Any]:
    """What happens in a case: who runs at each second, when each request ends, who was refused and what was dropped.

    A case names `requests` by a letter each: [arrival_s, tokens] and what differs from the defaults: a prompt of one
    token, an exactly known length, no room for more tokens than there are, a deadline of 1.4 times the service that
    moves with it.
    """
    case = json.loads(path.read_text(encoding="utf-8"))
    names = list(case["requests"])
    requests = [_request(number, *case["requests"][name]) for number, name in enumerate(names)]
    limits = StepLimits(**({"batch": 1, "prefill_tokens": 1000} | case.get("limits", {})))
    memory = CountedMemory(**({"tokens": 1_000_000} | case.get("memory", {})))
    settings = SchedulerSettings(**({"policy": Policy(case["policy"])} | case.get("settings", {})))
    events = case.get("events", {})
    engine = ToyEngine(requests, settings, limits, memory, ConstantPace(**case.get("pace", {})))
    engine.before_step = lambda toy, step: _happen(toy, step, events.get(str(step), []), names)
    engine.run(most_steps=200)
    return {
        "batches": " ".join("".join(names[each] for each in batch) or "-" for batch in engine.batches),
        "ends": {name: each.finished_s for name, each in zip(names, requests, strict=True) if each.finished_s},
        "dropped": [names[each] for decision in engine.decisions for each in decision.drop],
        "refused": [name for name, each in zip(names, requests, strict=True) if each.refused],
    }


def _request(number: int, arrival_s: float, tokens: int, more: dict[str, Any] | None = None) -> ToyRequest:
    given = dict(more or {})
    expected = given.pop("expected", tokens)
    answer = AnswerLength(*(expected if isinstance(expected, list) else (expected, expected)))
    deadline_s = arrival_s + given.pop("within_s", 1.4 * answer.q50)
    defaults = {"prompt_tokens": 1, "max_new_tokens": tokens, "stretch": None if "within_s" in (more or {}) else 1.4}
    known = {each.name for each in fields(Job)}
    assert set(given) <= known, f"{set(given) - known} is nothing that a request has"
    return ToyRequest(Job(number, arrival_s, deadline_s, answer=answer, **(defaults | given)), tokens)


def _happen(engine: ToyEngine, step: int, events: list[list[str]], names: list[str]) -> None:
    for kind, letters in events:
        ids = [names.index(letter) for letter in letters]
        if kind == "lost":
            engine.lose(ids, float(step))
            continue
        for request_id in ids:
            if kind == "hangs up":
                engine.leave(request_id)
            else:
                engine.scheduler.pin(request_id, kind == "pinned")
