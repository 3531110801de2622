"""Real clients, unmodified, each in its own pinned environment: everything of theirs that a router answers."""

import pytest

from tests.clients.running import CLIENTS, run_suite
from tests.clients.suites.checking import Target


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_served(client: str, target: Target) -> None:
    assert len(run_suite(client, target)) >= 10
