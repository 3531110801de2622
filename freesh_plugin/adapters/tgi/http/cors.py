"""Which web pages may call: the headers that browsers ask for."""

from collections.abc import Mapping

from freesh_plugin.adapters.tgi.http.exchange import Headers

_VARY = (b"vary", b"origin, access-control-request-method, access-control-request-headers")


class Cors:
    """Allows GET and POST from given origins, or from any when none is given."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        """Allow these origins."""
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request: Mapping[bytes, bytes]) -> Headers:
        """What every answer to `request` carries."""
        if not self._origins or b"*" in self._origins:
            return [_VARY, (b"access-control-allow-origin", b"*")]
        origin = request.get(b"origin", b"")
        return [_VARY, *([(b"access-control-allow-origin", origin)] if origin in self._origins else [])]

    def preflight(self) -> Headers:
        """What the answer to a question in advance carries besides."""
        return [
            (b"access-control-allow-methods", b"GET,POST"),
            (b"access-control-allow-headers", b"content-type,authorization"),
        ]
