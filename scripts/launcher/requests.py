"""Requests of the demo: short and long prompts and answers at once, to a router, and what became of them as a table."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import httpx
from rich.table import Table

from freesh_plugin.core.plan import Plan
from freesh_plugin.core.request import Partition
from scripts.launcher.programs import LaunchError

MODEL = "default"
_AT_ONCE = 64
_TIMEOUT_S = 120.0
_PROMPT_WORDS = (20, 700)
_ANSWER_TOKENS = (60, 900)


@dataclass(frozen=True)
class Answered:
    """One request: lengths in tokens, seconds to its last token."""

    prompt_tokens: int
    answer_tokens: int
    latency_s: float


def send_requests(url: str | None) -> list[Answered]:
    """Send requests of every length at once; returns when all are answered.

    Raises:
        LaunchError: one was not answered well.
    """
    lengths = [(words, tokens) for words in _PROMPT_WORDS for tokens in _ANSWER_TOKENS] * (_AT_ONCE // 4)
    with (
        httpx.Client(base_url=url or "", timeout=_TIMEOUT_S, trust_env=False) as client,
        ThreadPoolExecutor(len(lengths)) as pool,
    ):
        futures = [pool.submit(_send, client, number, *each) for number, each in enumerate(lengths)]
        return [future.result() for future in futures]


def _send(client: httpx.Client, number: int, words: int, tokens: int) -> Answered:
    text = f"Request {number}: " + "tell me of wind and water " * (words // 5)
    body = {"inputs": text, "parameters": {"max_new_tokens": tokens, "details": True}}
    began_s = time.monotonic()
    answer = client.post("/generate", json=body)
    latency_s = time.monotonic() - began_s
    if answer.status_code != httpx.codes.OK:
        raise LaunchError(f"the router answered {answer.status_code}: {answer.text[:200]}")
    details = answer.json()["details"]
    return Answered(int(answer.headers["x-prompt-tokens"]), details["generated_tokens"], latency_s)


def answers_table(answers: list[Answered], plan: Plan, location: str) -> Table:
    """Latency by class of the plan's partition, beside what the plan promises at this location."""
    stated = plan.partition[MODEL]
    partition = Partition(stated.name, stated.classes, stated.prompt_tokens, stated.answer_tokens)
    promised = {
        pool.request_class: pool.slo.latency_s
        for pool in plan.pools
        if pool.model == MODEL and pool.location == location
    }
    table = Table(title="Answers of the router (simulated engine, assumed step times)", title_justify="left")
    for column in ("class", "requests", "tokens", "median s", "slowest s", "promised s here"):
        table.add_column(column, justify="left" if column == "class" else "right")
    for name in partition.classes:
        mine = [each for each in answers if partition.classify(each.prompt_tokens, each.answer_tokens) == name]
        latencies = [each.latency_s for each in mine]
        known = promised.get(name)
        table.add_row(
            name,
            str(len(mine)),
            str(sum(each.answer_tokens for each in mine)),
            f"{median(latencies):.1f}" if mine else "-",
            f"{max(latencies):.1f}" if mine else "-",
            "no pool" if known is None else f"{known:.1f}",
        )
    return table
