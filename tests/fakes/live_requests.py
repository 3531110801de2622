"""Requests sent to a live router at times drawn before, each answer streamed: when they went out, when tokens came."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np

from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY

_EVENT = b"data:"
_WORDS = [text for text in VOCABULARY.text_of if text and text[0] == " " and text[1:].islower()]


@dataclass(frozen=True)
class Planned:
    """A request before it is sent."""

    arrival_s: float
    prompt: str
    prompt_tokens: int
    max_new_tokens: int


@dataclass(frozen=True)
class Answered:
    """A request that was answered; times are seconds after the first was sent."""

    planned: Planned
    sent_s: float
    token_s: tuple[float, ...]

    @property
    def ttft_s(self) -> float:
        return self.token_s[0] - self.sent_s

    @property
    def tbt_s(self) -> float:
        """Mean time between its tokens; 0 with one."""
        return (self.token_s[-1] - self.token_s[0]) / max(len(self.token_s) - 1, 1)


def plan_requests(count: int, rate_rps: float, prompt_tokens: float, answer_tokens: float, seed: int) -> list[Planned]:
    """Poisson arrivals; lengths lognormal about these medians, of σ 0.5. No two prompts begin alike for long."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1 / rate_rps, count))
    prompts = np.clip(prompt_tokens * np.exp(0.5 * rng.standard_normal(count)), 8, 2000)
    answers = np.clip(answer_tokens * np.exp(0.5 * rng.standard_normal(count)), 2, 400)
    planned = []
    for at_s, words, answer in zip(times - times[0], prompts, answers, strict=True):
        text = "".join(_WORDS[each] for each in rng.integers(len(_WORDS), size=int(words)))
        planned.append(Planned(float(at_s), text, len(VOCABULARY.encode(text, True)), int(answer)))
    return planned


async def send_all(url: str, planned: Sequence[Planned]) -> list[Answered]:
    """Send each at its time; ends when the last is answered."""
    start_s = time.monotonic() + 0.2

    async def one(each: Planned) -> Answered:
        await asyncio.sleep(max(start_s + each.arrival_s - time.monotonic(), 0.0))
        return await _answered(url, each, start_s)

    return list(await asyncio.gather(*map(one, planned)))


async def _answered(url: str, each: Planned, start_s: float) -> Answered:
    parts = urlsplit(url)
    parameters = {"max_new_tokens": each.max_new_tokens}
    body = json.dumps({"inputs": each.prompt, "parameters": parameters}).encode()
    head = f"POST /generate_stream HTTP/1.1\r\nhost: {parts.hostname}\r\ncontent-type: application/json\r\n"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    sent_s = time.monotonic() - start_s
    writer.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
    came: list[float] = []
    while chunk := await reader.read(65_536):
        came += [time.monotonic() - start_s] * chunk.count(_EVENT)
    writer.close()
    assert came, f"no token came for a prompt of {each.prompt_tokens} tokens"
    return Answered(each, sent_s, tuple(came))
