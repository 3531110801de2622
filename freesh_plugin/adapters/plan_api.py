"""The plan API: plans in, status and metrics out, over HTTP on the admin port."""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from freesh_plugin.adapters.plan_metrics import plan_metrics
from freesh_plugin.core.plan import Acknowledgement
from freesh_plugin.core.plan_json import MAX_PLAN_BYTES
from freesh_plugin.core.plan_status import PlanAnswer, Verdict
from freesh_plugin.ports import PlanDesk

log = logging.getLogger(__name__)

JSON = "application/json"

STATUS_CODES = {
    Verdict.ACCEPTED: 200,
    Verdict.UNCHANGED: 200,
    Verdict.BAD_TOKEN: 401,
    Verdict.TOO_SLOW: 408,
    Verdict.OUT_OF_ORDER: 409,
    Verdict.TOO_LARGE: 413,
    Verdict.INVALID: 422,
    Verdict.NOT_STORED: 507,
}
"""HTTP status of each verdict."""

_DRAIN_S = 2.0

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class BodyLimits:
    """How large and how slow a plan may come in."""

    size_bytes: int = MAX_PLAN_BYTES
    timeout_s: float = 30.0


class _Refused(Exception):
    """A body that is not read on."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


class _EarlyResponse(Response):
    """An answer given before the body was read.

    It reads on for a moment and throws away what comes: closing at once would reset the connection, and a client that
    is still writing would never see the answer.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        try:
            async with asyncio.timeout(_DRAIN_S):
                while (await receive()).get("more_body"):
                    pass
        except TimeoutError:
            log.debug("drain_timed_out")
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def plan_api(desk: PlanDesk, token: str, limits: BodyLimits = BodyLimits()) -> Starlette:
    """The application. Everything but `/health` asks for `token` as a bearer token."""
    handlers = _Handlers(desk, token, limits)
    app = Starlette(
        routes=[
            Route("/v1/plan", handlers.plan, methods=["GET", "PUT"]),
            Route("/v1/status", handlers.status, methods=["GET"]),
            Route("/metrics", handlers.metrics, methods=["GET"]),
            Route("/health", _health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _server_error},
    )
    app.router.redirect_slashes = False
    return app


class _Handlers:
    """One method for each route that needs the token."""

    def __init__(self, desk: PlanDesk, token: str, limits: BodyLimits) -> None:
        self._desk = desk
        self._token = token.encode()
        self._limits = limits

    async def plan(self, request: Request) -> Response:
        if not self._authorised(request):
            return self._unauthorised()
        return await self._offer(request) if request.method == "PUT" else self._in_force()

    async def _offer(self, request: Request) -> Response:
        try:
            text = await _read_body(request, self._limits)
        except _Refused as refused:
            return _answer(self._desk.refuse(refused.verdict, refused.reason), _EarlyResponse)
        except ClientDisconnect:
            log.info("plan_cut_off")
            return Response(status_code=400)
        # Off the event loop: a large plan takes a while to check, and the disk may be slow.
        return _answer(await run_in_threadpool(self._desk.accept, text))

    def _in_force(self) -> Response:
        document = self._desk.in_force()
        return _error(404, "no plan is in force") if document is None else Response(document.text, media_type=JSON)

    async def status(self, request: Request) -> Response:
        if not self._authorised(request):
            return self._unauthorised()
        return Response(msgspec.json.encode(self._desk.status()), media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        if not self._authorised(request):
            return self._unauthorised()
        return Response(plan_metrics(self._desk.status()), media_type=CONTENT_TYPE_LATEST)

    def _authorised(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), self._token)

    def _unauthorised(self) -> Response:
        answer = self._desk.refuse(Verdict.BAD_TOKEN, "the token is missing or wrong")
        response = _answer(answer, _EarlyResponse)
        response.headers["www-authenticate"] = "Bearer"
        return response


async def _read_body(request: Request, limits: BodyLimits) -> bytes:
    declared = request.headers.get("content-length", "0")
    if len(declared) > 20 or int(declared) > limits.size_bytes:
        raise _too_large(f"{declared[:20]} bytes", limits)
    try:
        async with asyncio.timeout(limits.timeout_s):
            return await _collect(request.stream(), limits)
    except TimeoutError as error:
        reason = f"the plan took more than {limits.timeout_s:g} s to arrive"
        raise _Refused(Verdict.TOO_SLOW, reason) from error


async def _collect(chunks: AsyncIterator[bytes], limits: BodyLimits) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limits.size_bytes:
            raise _too_large(f"at least {len(body)} bytes", limits)
    return bytes(body)


def _too_large(size: str, limits: BodyLimits) -> _Refused:
    return _Refused(Verdict.TOO_LARGE, f"the plan has {size}, limit {limits.size_bytes} bytes")


def _answer(answer: PlanAnswer, kind: type[Response] = Response) -> Response:
    text = msgspec.json.encode(answer.acknowledgement)
    return kind(text, status_code=STATUS_CODES[answer.verdict], media_type=JSON)


def _error(status_code: int, reason: str) -> Response:
    body = msgspec.json.encode(Acknowledgement(epoch=0, revision=0, digest="", accepted=False, reason=reason))
    return _EarlyResponse(body, status_code=status_code, media_type=JSON)


async def _health(request: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type=JSON)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    response = _error(error.status_code, error.detail)
    response.headers.update(error.headers or {})
    return response


async def _server_error(request: Request, error: Exception) -> Response:
    return _error(500, "an unexpected error, see this runtime's log")
