"""Exact token ids in place of a prompt's text: how they are written into a text chunk, and read back in the shard.

The shards' protocol carries text only, and prompt + answer do not tokenise again to the ids they came from. A marked
text is `MARK`, the shard's secret, and in base64 a checksum and the ids; whoever lacks the secret only writes an odd
prompt. This module is imported in the shard's process: it needs nothing but the standard library.
"""

import hmac
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence

from freesh_plugin.core.errors import FreeshError

MARK = "\x00freesh-exact-ids:1:"
SECRET_LENGTH = 43
"""Characters of a secret: 32 random bytes in base64 without padding."""
MAX_IDS = 1 << 20
"""Longest prompt in tokens."""
_WORD_BYTES = 4
_LARGEST_ID = (1 << 8 * _WORD_BYTES) - 1
_MAX_PAYLOAD = -(-(MAX_IDS + 1) * _WORD_BYTES // 3) * 4


class ExactIdsError(FreeshError):
    """Ids that cannot be marked, or a marked text that is damaged: it must not be tokenised as if it were a prompt."""


def encode(ids: Sequence[int], secret: str) -> str:
    """A text that stands for `ids` in the shard that knows `secret`.

    Raises:
        ExactIdsError: there are none, more than `MAX_IDS`, or one is not an unsigned number of 32 bits; or the secret
            is not one.
    """
    if len(secret) != SECRET_LENGTH or not secret.isascii():
        raise ExactIdsError(f"secret: {len(secret)} characters, {SECRET_LENGTH} ASCII characters expected")
    if not 1 <= len(ids) <= MAX_IDS:
        raise ExactIdsError(f"{len(ids)} ids, 1 to {MAX_IDS} can be marked")
    try:
        packed = struct.pack(f"<{len(ids)}I", *ids)
    except struct.error as error:
        raise ExactIdsError(f"an id is not a whole number from 0 to {_LARGEST_ID}: {error}") from error
    return f"{MARK}{secret}{b64encode(_checksum(packed) + packed).decode('ascii')}"


def decode(text: str, secret: str) -> list[int] | None:
    """The ids that `text` stands for; None when it is a prompt like any other, however much it looks like a mark.

    Raises:
        ExactIdsError: the text holds the secret, so the router wrote it, but is damaged.
    """
    start = text.find(MARK)
    while start >= 0:
        after = start + len(MARK)
        if _is_secret(text[after : after + SECRET_LENGTH], secret):
            if start:
                raise ExactIdsError(f"{start} characters before marked ids")
            return _unpacked(text[after + SECRET_LENGTH :])
        start = text.find(MARK, after)
    return None


def _is_secret(candidate: str, secret: str) -> bool:
    return hmac.compare_digest(candidate.encode("utf-8", "surrogatepass"), secret.encode("ascii"))


def _unpacked(payload: str) -> list[int]:
    if len(payload) > _MAX_PAYLOAD:
        raise ExactIdsError(f"marked ids of {len(payload)} characters, limit {_MAX_PAYLOAD}")
    try:
        content = b64decode(payload, validate=True)
    except ValueError as error:
        raise ExactIdsError(f"marked ids are not base64: {error}") from error
    checksum, packed = content[:_WORD_BYTES], content[_WORD_BYTES:]
    if not packed or len(packed) % _WORD_BYTES or checksum != _checksum(packed):
        raise ExactIdsError(f"marked ids of {len(content)} bytes do not match their checksum")
    return list(struct.unpack(f"<{len(packed) // _WORD_BYTES}I", packed))


def _checksum(packed: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(packed))
