"""Asks a running FREESH for its status."""

import httpx
import msgspec

from freesh_plugin.core.errors import ConfigError, SourceError
from freesh_plugin.core.plan_status import RuntimeStatus
from freesh_plugin.core.printable import one_line

TIMEOUT_S = 5.0


def fetch_status(url: str, token: str) -> RuntimeStatus:
    """Status of the runtime whose admin port is at `url`.

    Raises:
        ConfigError: the URL is none, or the runtime refused the token.
        SourceError: nothing answers there, or something other than FREESH.
    """
    try:
        # Proxies of the environment are not for an admin port, and must not see its token.
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            response = client.get(url.rstrip("/") + "/v1/status", headers={"authorization": f"Bearer {token}"})
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ConfigError(f"{one_line(url)!r} is not an http:// or https:// URL") from error
    except httpx.TimeoutException as error:
        raise SourceError(f"{one_line(url)} did not answer within {TIMEOUT_S:g} s") from error
    except httpx.HTTPError as error:
        raise SourceError(f"{one_line(url)} cannot be reached: {error}") from error
    if response.status_code == httpx.codes.UNAUTHORIZED:
        raise ConfigError(f"{one_line(url)} refused the token")
    try:
        return msgspec.json.decode(response.content, type=RuntimeStatus)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"{one_line(url)} answered {response.status_code}, but not as FREESH does") from error
