"""HTTP as the sources use it: bounded in time, size and tries, never redirected, every failure a SourceError."""

import asyncio
import json
import logging
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

import httpx

from freesh_plugin.core.errors import ConfigError, SourceError

log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SHOWN = 200
_SEARCHED = 8_192
"""How much of a body is searched for secrets before its beginning is shown, bytes."""
_SERVER_ERROR = 500
_PASSING = (408, 429)
"""Request timeout, too many requests: statuses below 500 that may pass when asked again."""


@dataclass(frozen=True)
class WebLimits:
    """Bounds of one exchange, all tries together: seconds, tries, bytes.

    `longest_pause_s` bounds how long a server's Retry-After is waited for; one that asks for more is not asked again.
    """

    connect_s: float = 5.0
    read_s: float = 10.0
    total_s: float = 45.0
    tries: int = 3
    first_pause_s: float = 0.5
    longest_pause_s: float = 20.0
    answer_bytes: int = 32 * 1024 * 1024


DEFAULT_LIMITS = WebLimits()


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class WebRequest:
    """What is asked of a server; the token and what else is secret are never shown or logged.

    `token` travels as `Authorization: Bearer`, `secret_headers` and `secret_params` where a provider wants its own.
    """

    method: str
    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    token: str | None = field(default=None, repr=False)
    body: bytes | None = field(default=None, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    accept: str = "application/json"

    def __post_init__(self) -> None:
        """Refuse a secret that would break the header, before a library quotes it in its own error."""
        for secret in self.secrets:
            if not (secret.isascii() and secret.isprintable() and secret.strip()):
                raise ConfigError(f"token for {self.shown}: empty, or with characters that a header cannot carry")

    @property
    def secrets(self) -> tuple[str, ...]:
        """Whatever of this request nobody else may read."""
        token = () if self.token is None else (self.token,)
        return (*token, *self.secret_headers.values(), *self.secret_params.values())

    @property
    def shown(self) -> str:
        """The URL without user, password and query, for messages."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this machine itself."""
    return urlsplit(url).hostname in _LOOPBACK


def check_url(url: str, what: str) -> str:
    """The URL without a slash at its end.

    Raises:
        ConfigError: it is not an http or https URL with a host, or it carries a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise ConfigError(f"{what}: {url!r} is not of the form http://host:port or https://host:port")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigError(f"{what}: the URL carries a user, a query or a fragment; state a token as `token`")
    return url.rstrip("/")


def refuse_plain_token(url: str, token: str | None, *, allow_plain_http: bool) -> None:
    """Refuse to send a token over plain http to another machine, where anyone on the way can read and use it.

    Raises:
        ConfigError: that is what was asked for.
    """
    if token is not None and url.startswith("http://") and not is_loopback(url) and not allow_plain_http:
        raise ConfigError(f"{url}: a token would travel unencrypted; use https, or allow plain http where you must")


def get_json(request: WebRequest, limits: WebLimits = DEFAULT_LIMITS) -> Any:  # noqa: ANN401  # any JSON
    """The JSON document that the server answers with status 200.

    Raises:
        SourceError: no answer within the limits, another status, a redirect, or something that is not JSON.
    """
    return json_of(request, exchange(request, limits))


def json_of(request: WebRequest, answer: Answer) -> Any:  # noqa: ANN401  # any JSON
    """The JSON document of an answer with status 200.

    Raises:
        SourceError: another status, or something that is not JSON.
    """
    if answer.status_code != httpx.codes.OK:
        raise SourceError(told(request, answer))
    try:
        return json.loads(answer.body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        shown = excerpt(answer, request.secrets)
        raise SourceError(f"{request.shown} answered something that is not JSON: {shown}") from error


def exchange(request: WebRequest, limits: WebLimits = DEFAULT_LIMITS) -> Answer:
    """Ask, and ask again after a failed connection, a time-out, a status 408, 429 or 5xx, as late as the server asks.

    Raises:
        SourceError: no answer within the limits, a redirect, an answer too large, 408, 429 or 5xx to the last, or a
            server that asks to wait for longer than the limit.
    """
    try:
        return asyncio.run(_exchange(request, limits))
    except TimeoutError as error:
        raise SourceError(f"{request.shown} did not answer within {limits.total_s:g} s") from error


def told(request: WebRequest, answer: Answer) -> str:
    """What was answered, in a few words, for messages."""
    return f"{request.shown} answered {answer.status_code}: {excerpt(answer, request.secrets)}"


def excerpt(answer: Answer, secrets: Collection[str] = ()) -> str:
    """The beginning of a body, printable, for messages; secrets that a server echoes are struck out."""
    text = struck_out(answer.body[:_SEARCHED].decode("utf-8", errors="replace"), secrets)
    return repr(" ".join(text[:_SHOWN].split())) if text[:_SHOWN].strip() else "an empty body"


def struck_out(text: str, secrets: Collection[str]) -> str:
    """The text without the secrets, in any form that a URL gives them."""
    for secret in secrets:
        for form in (secret, quote(secret, safe=""), quote_plus(secret)):
            text = text.replace(form, "[secret]")
    return text


async def _exchange(request: WebRequest, limits: WebLimits) -> Answer:
    # One bound over everything: a server that sends a byte now and then never trips the read time-out.
    async with asyncio.timeout(limits.total_s):
        for attempt in range(1, limits.tries + 1):
            try:
                answer = await _once(request, limits)
            except httpx.InvalidURL as error:
                raise SourceError(f"{request.shown}: {error}") from error
            except httpx.TransportError as error:
                fault, asked_s = f"{request.shown} cannot be reached: {_words(error)}", None
            else:
                if answer.status_code < _SERVER_ERROR and answer.status_code not in _PASSING:
                    return _direct(request, answer)
                fault, asked_s = told(request, answer), _retry_after_s(answer)
            if attempt == limits.tries:
                raise SourceError(f"{fault} ({attempt} tries)")
            if asked_s is not None and asked_s > limits.longest_pause_s:
                raise SourceError(f"{fault}; it asks to wait {asked_s:.0f} s, limit {limits.longest_pause_s:g} s")
            pause_s = max(asked_s or 0.0, limits.first_pause_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
            log.info("web_retry url=%s attempt=%d pause_s=%.2f fault=%s", request.shown, attempt, pause_s, fault)
            await asyncio.sleep(pause_s)
    raise AssertionError("the last try returns or raises")


async def _once(request: WebRequest, limits: WebLimits) -> Answer:
    # Compressed answers are not asked for: their size says nothing about what they unpack to.
    headers = {"accept": request.accept, "accept-encoding": "identity", "user-agent": "freesh-planner"}
    headers |= request.secret_headers
    if request.token is not None:
        headers["authorization"] = f"Bearer {request.token}"
    if request.body is not None:
        headers["content-type"] = "application/json"
    # A token is for one host: proxies of the environment must not see it, and this machine needs none.
    trust_env = not request.secrets and not is_loopback(request.url)
    params = {**request.params, **request.secret_params}
    timeout = httpx.Timeout(limits.read_s, connect=limits.connect_s)
    async with (
        httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=trust_env) as client,
        client.stream(
            request.method, request.url, params=params or None, headers=headers, content=request.body
        ) as response,
    ):
        if response.headers.get("content-encoding", "identity") != "identity":
            raise SourceError(f"{request.shown} answered compressed, which was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limits.answer_bytes:
                raise SourceError(f"{request.shown} answered more than the limit of {limits.answer_bytes} bytes")
        return Answer(response.status_code, dict(response.headers), bytes(body))


def _direct(request: WebRequest, answer: Answer) -> Answer:
    if httpx.codes.is_redirect(answer.status_code):
        # The server may send the query back, and a token with it.
        to = struck_out(answer.headers.get("location", "nowhere").partition("?")[0], request.secrets)[:_SHOWN]
        raise SourceError(f"{request.shown} redirects to {to!r}, which is not followed")
    return answer


def _retry_after_s(answer: Answer) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; None when it asks for nothing readable."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


class _WithoutQuery(logging.Filter):
    """httpx logs the URL of each request, and some providers take their token in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Show URLs without their query."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                each.copy_with(query=None) if isinstance(each, httpx.URL) else each for each in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutQuery())
# Its debug messages hold the headers of answers; a redirect's location may hold a token.
logging.getLogger("httpcore").setLevel(logging.INFO)
