"""A live endpoint that speaks TGI's HTTP API: what it serves, how it counts tokens, how its streams come."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from freesh_plugin.core.errors import ConfigError, ProfileError
from profiling.sweep.cell import Taking

_CONNECT_S = 10.0
_SILENCE_S = 120.0


@dataclass(frozen=True)
class EndpointInfo:
    """What `/info` says.

    Attributes:
        model: What it serves.
        engine: Router and version.
        takes: How much at once.
    """

    model: str
    engine: str
    takes: Taking


@dataclass
class Arrivals:
    """When the tokens of one answer came, monotonic seconds, and what the endpoint says of it at the end."""

    asked_s: float
    tokens_s: list[float] = field(default_factory=list)
    prompt_tokens: int | None = None


class Endpoint:
    """An HTTP client of one endpoint; use it in one event loop, as a context manager."""

    def __init__(self, url: str, token: str | None = None) -> None:
        """`token` is sent as a bearer token.

        Raises:
            ConfigError: that is no URL.
        """
        try:
            self._client = httpx.AsyncClient(
                base_url=url.rstrip("/"),
                headers={"authorization": f"Bearer {token}"} if token else {},
                timeout=httpx.Timeout(_SILENCE_S, connect=_CONNECT_S),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),  # a whole batch at once
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise ConfigError(f"{url!r} is no URL: {error}") from error
        self.url = url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def info(self) -> EndpointInfo:
        """What it serves.

        Raises:
            ProfileError: it does not answer, or not as TGI does.
        """
        told = await self._json("GET", "/info")
        if not isinstance(told, dict) or "model_id" not in told:
            raise ProfileError(f"{self.url}/info: no model_id in the answer; is this TGI's HTTP API?")
        return EndpointInfo(
            model=str(told["model_id"]),
            engine=f"{told.get('router', 'unknown')} {told.get('version', '')}".strip(),
            takes=Taking(
                requests=_count(told.get("max_concurrent_requests")),
                prompt_tokens=_count(told.get("max_input_tokens")),
                tokens=_count(told.get("max_total_tokens")),
            ),
        )

    async def tokens(self, text: str) -> list[tuple[int, int]]:
        """Where each token of a text begins and ends, in characters; a token that is not in the text is empty.

        Raises:
            ProfileError: it does not say.
        """
        told = await self._json("POST", "/tokenize", {"inputs": text})
        try:
            return [(int(each["start"]), int(each["stop"])) for each in told]
        except (TypeError, KeyError, ValueError) as error:
            raise ProfileError(f"{self.url}/tokenize: no start and stop of each token in the answer") from error

    async def stream(self, prompt: str, answer_tokens: int, on_token: Callable[[Arrivals], None]) -> Arrivals:
        """Ask for an answer and note when each of its tokens comes; `on_token` is called at each.

        Raises:
            ProfileError: it refuses, fails, is silent for long, or answers without a token.
        """
        body = {"inputs": prompt, "parameters": {"max_new_tokens": answer_tokens, "details": True}}
        arrivals = Arrivals(time.monotonic())
        try:
            async with self._client.stream("POST", "/generate_stream", json=body) as answer:
                if answer.status_code != httpx.codes.OK:
                    text = (await answer.aread()).decode(errors="replace")
                    raise ProfileError(f"{self.url}: status {answer.status_code}: {text[:200]}")
                async for line in answer.aiter_lines():
                    self._heed(line, arrivals, on_token)
        except httpx.HTTPError as error:
            raise ProfileError(f"{self.url}: {type(error).__name__}: {error}") from error
        if not arrivals.tokens_s:
            raise ProfileError(f"{self.url}/generate_stream: an answer without a token; is this TGI's HTTP API?")
        return arrivals

    def _heed(self, line: str, arrivals: Arrivals, on_token: Callable[[Arrivals], None]) -> None:
        if not line.startswith("data:"):
            return
        arrivals.tokens_s.append(time.monotonic())
        if '"details":null' not in line:  # most lines need no parsing
            self._heed_details(line.removeprefix("data:"), arrivals)
        on_token(arrivals)

    def _heed_details(self, text: str, arrivals: Arrivals) -> None:
        try:
            event = json.loads(text)
            if "error" in event:
                raise ProfileError(f"{self.url}: {event['error']}")
            arrivals.prompt_tokens = _count((event.get("details") or {}).get("input_length"))
        except (ValueError, TypeError, AttributeError) as error:
            raise ProfileError(f"{self.url}/generate_stream: not an event of TGI's: {text[:200]!r}") from error

    async def _json(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  # JSON
        try:
            answer = await self._client.request(method, path, json=body)
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProfileError(f"{self.url}{path}: {type(error).__name__}: {error}") from error


def _count(told: object) -> int | None:
    """A whole number above 0; None where it is not told."""
    return told if isinstance(told, int) and told > 0 else None
