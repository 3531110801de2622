"""The router that clients are tried against: ours on simulated shards, or the one that FREESH_CLIENTS_URL names."""

import os
from collections.abc import Iterator

import pytest

from tests.clients.routers import simulated_router
from tests.clients.suites.checking import Target


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The router under test.

    FREESH_CLIENTS_URL names another one, TGI's own for instance; FREESH_CLIENTS_KEY is its API key and
    FREESH_CLIENTS_PLACES the number of requests that it lets in at once, if that is worth trying.
    """
    url = os.environ.get("FREESH_CLIENTS_URL")
    if url:
        places = int(os.environ.get("FREESH_CLIENTS_PLACES", "0"))
        yield Target(url.rstrip("/"), os.environ.get("FREESH_CLIENTS_KEY", ""), places)
        return
    with simulated_router(tmp_path_factory.mktemp("router")) as simulated:
        yield simulated
