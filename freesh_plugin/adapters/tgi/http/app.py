"""The application: finds the route of a request, reads its body, watches its client, writes its answer."""

import hmac
import logging
import time
from collections.abc import Iterable, Mapping
from contextlib import aclosing

from starlette.types import Message, Receive, Scope, Send

from freesh_plugin.adapters.tgi.http.body import ClientGone, read_body
from freesh_plugin.adapters.tgi.http.cors import Cors
from freesh_plugin.adapters.tgi.http.errors import ApiError, Rejection
from freesh_plugin.adapters.tgi.http.exchange import SSE, Call, EventStream, Headers, Reply, error_reply
from freesh_plugin.adapters.tgi.http.presence import Presence
from freesh_plugin.adapters.tgi.http.pulse import Pulse
from freesh_plugin.adapters.tgi.http.routes import Route
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.wish import read_wish

log = logging.getLogger(__name__)

_FAILED = ApiError(500, "Internal error", "internal")


class FrontApp:
    """An ASGI application made of routes; raw, since one event is written per token and client."""

    def __init__(self, settings: RouterSettings, routes: Iterable[Route]) -> None:
        """Serve these routes."""
        self._settings = settings
        self._cors = Cors(settings.cors_allow_origin)
        self._paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._paths.setdefault(route.path, {})[route.method] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        arrival_s = time.monotonic()
        headers = dict(scope["headers"])
        sender = _Sender(send, self._cors.headers(headers))
        if scope["method"] == "OPTIONS":
            await sender.reply(Reply(headers=self._cors.preflight()))
            return
        try:
            route = self._route(scope["method"], scope["path"])
            self._authorise(route, headers)
            async with Presence(receive) as presence:
                body = await read_body(headers, receive, self._settings.payload_limit)
                presence.watch()
                call = Call(headers, body, arrival_s, read_wish(headers, self._settings.gateway_token))
                await self._answer(route, call, sender, presence)
        except (ApiError, Rejection) as error:
            await sender.reply(error_reply(error))
        except ClientGone:
            log.debug("client_gone")

    async def _answer(self, route: Route, call: Call, sender: "_Sender", presence: Presence) -> None:
        try:
            answer = await route.handler(call)
            if isinstance(answer, EventStream):
                await sender.stream(answer)
                presence.dismiss()
                await sender.end()
                return
        except (ApiError, Rejection) as error:
            answer = error_reply(error)
        except Exception:
            # The one border that catches everything: it says so, and the next request is served.
            log.exception("request_failed path=%s", route.path)
            if sender.started:
                raise
            answer = error_reply(_FAILED)
        presence.dismiss()
        await sender.reply(answer)

    def _route(self, method: str, path: str) -> Route:
        methods = self._paths.get(path)
        if methods is None:
            raise Rejection(404, "")
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            raise Rejection(405, "", ((b"allow", _allowed(methods)),))
        return route

    def _authorise(self, route: Route, headers: Mapping[bytes, bytes]) -> None:
        key = self._settings.api_key
        if key is None or not route.secured:
            return
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not hmac.compare_digest(given.strip(), key.encode()):
            raise Rejection(401, "")


def _allowed(methods: Mapping[str, Route]) -> bytes:
    known = [*methods, *(["HEAD"] if "GET" in methods else [])]
    return ",".join(known).encode()


class _Sender:
    """Writes one answer."""

    def __init__(self, send: Send, headers: Headers) -> None:
        self._send = send
        self._headers = headers
        self.started = False

    async def reply(self, reply: Reply) -> None:
        length = (b"content-length", str(len(reply.body)).encode())
        await self._start(reply.status, [*reply.headers, length])
        await self._send({"type": "http.response.body", "body": reply.body})

    async def stream(self, stream: EventStream) -> None:
        """Write every event as soon as it is there; the end is written by `end`."""
        async with aclosing(stream.events) as events:
            await self._start(200, SSE + stream.headers)
            with Pulse(self._send) as pulse:
                async for event in events:
                    pulse.felt()
                    await self._send({"type": "http.response.body", "body": event, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: Headers) -> None:
        self.started = True
        message: Message = {"type": "http.response.start", "status": status, "headers": headers + self._headers}
        await self._send(message)
