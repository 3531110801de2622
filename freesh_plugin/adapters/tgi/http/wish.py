"""Reads the service level that `x-freesh-` headers ask for, and how far they are believed."""

import hashlib
import hmac
from collections.abc import Mapping

from freesh_plugin.core.generation import ServiceWish

MAX_DEADLINE_S = 86_400.0
_MAX_PREDICTED_TOKENS = 10_000_000
_MAX_NAME_CHARACTERS = 128


def read_wish(headers: Mapping[bytes, bytes], gateway_token: str | None) -> ServiceWish:
    """What the headers ask for; a value that cannot be read is as if it were not there.

    Only the gateway's token makes class, tier, client and length believed. Without it a deadline is passed on as not
    trusted, and the client is a hash of the credentials, so that nobody can pose as somebody else.
    """
    deadline_s = _deadline_s(headers.get(b"x-freesh-deadline-ms"))
    if not _from_gateway(headers.get(b"x-freesh-token"), gateway_token):
        return ServiceWish(deadline_s=deadline_s, client=client_of(headers.get(b"authorization", b"")))
    return ServiceWish(
        trusted=True,
        deadline_s=deadline_s,
        request_class=_name(headers.get(b"x-freesh-class")),
        tier=_name(headers.get(b"x-freesh-tier")),
        client=_name(headers.get(b"x-freesh-client")) or client_of(headers.get(b"authorization", b"")),
        predicted_tokens=_whole(headers.get(b"x-freesh-predicted-tokens"), _MAX_PREDICTED_TOKENS),
    )


def client_of(authorization: bytes) -> str:
    """Whom to be fair to: a hash that does not give the key away; empty for anonymous ones.

    The key alone counts: however its scheme is written, one key is one client.
    """
    key = authorization.partition(b" ")[2].strip() or authorization
    return hashlib.blake2b(key, digest_size=8).hexdigest() if key else ""


def _from_gateway(given: bytes | None, expected: str | None) -> bool:
    return expected is not None and given is not None and hmac.compare_digest(given, expected.encode())


def _deadline_s(value: bytes | None) -> float | None:
    milliseconds = _whole(value, int(MAX_DEADLINE_S * 1000))
    return None if milliseconds is None else milliseconds / 1000


def _whole(value: bytes | None, most: int) -> int | None:
    if value is None or not value.isdigit() or len(value) > 12:
        return None
    return int(value) if 0 < int(value) <= most else None


def _name(value: bytes | None) -> str | None:
    text = (value or b"").decode("latin-1").strip()
    return text if 0 < len(text) <= _MAX_NAME_CHARACTERS and text.isprintable() else None
