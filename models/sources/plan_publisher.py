"""Pushes a plan to a runtime's plan API and reads what it says."""

from dataclasses import dataclass, replace

import msgspec

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.plan import Acknowledgement
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, check_url, excerpt, exchange, refuse_plain_token

PLAN_PATH = "/v1/plan"
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class PushAnswer:
    """What a runtime said of a plan. Not accepted is an answer, not an error: `reason` says why."""

    accepted: bool
    status_code: int
    reason: str
    epoch: int
    revision: int
    digest: str


def push_plan(
    endpoint_url: str,
    text: bytes,
    token: str | None,
    *,
    timeout_s: float = 10.0,
    allow_plain_http: bool = False,
    limits: WebLimits = DEFAULT_LIMITS,
) -> PushAnswer:
    """PUT a sealed plan to `{endpoint_url}/v1/plan`; the same plan again is accepted again, so tries may repeat.

    Args:
        endpoint_url: Where the runtime's admin port is, such as `http://127.0.0.1:8470`.
        text: The plan's JSON text.
        token: The runtime's bearer token; never shown, logged, or sent through a proxy.
        timeout_s: Longest wait for everything, all tries together, seconds.
        allow_plain_http: Let the token travel unencrypted to another machine (a network that is private throughout).
        limits: Tries and pauses.

    Raises:
        ConfigError: the URL cannot be used, the token cannot be sent in a header, or must not over plain http.
        SourceError: nobody answered in time, the runtime failed (5xx), or what answered is not FREESH.
    """
    url = check_url(endpoint_url, "endpoint")
    refuse_plain_token(url, token, allow_plain_http=allow_plain_http)
    request = WebRequest("PUT", url + PLAN_PATH, token=token, body=text)
    bounds = replace(
        limits,
        total_s=timeout_s,
        connect_s=min(limits.connect_s, timeout_s),
        read_s=min(limits.read_s, timeout_s),
        longest_pause_s=min(limits.longest_pause_s, timeout_s),
        answer_bytes=_ANSWER_BYTES,
    )
    answer = exchange(request, bounds)
    try:
        said = msgspec.json.decode(answer.body, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{request.shown} answered {answer.status_code}, but not as FREESH does: {excerpt(answer)}"
        ) from error
    if said.accepted != (answer.status_code == 200):
        raise SourceError(f"{request.shown} answered {answer.status_code} and accepted={said.accepted} at once")
    return PushAnswer(said.accepted, answer.status_code, said.reason, said.epoch, said.revision, said.digest)
