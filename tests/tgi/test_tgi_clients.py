"""Real clients, unmodified, against our router on TGI's own Python server."""

from collections.abc import Iterator

import pytest

from tests.clients.routers import router_over
from tests.clients.running import CLIENTS, run_suite
from tests.clients.suites.checking import Target
from tests.tgi.conftest import TgiModel

pytestmark = [pytest.mark.tgi, pytest.mark.slow]

_FLAGS = ("--max-input-tokens", "900", "--max-total-tokens", "1000", "--max-batch-prefill-tokens", "1024")


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def target(
    request: pytest.FixtureRequest, tgi_model: TgiModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Our router on a flash model with blocks, and on a padded one."""
    shards = tgi_model(request.param)
    flags = [*_FLAGS, "--max-batch-total-tokens", "8000"]
    with router_over(shards.master_uds_path, shards.model, tmp_path_factory.mktemp(request.param), flags) as router:
        yield router


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_is_served_by_tgi(client: str, target: Target) -> None:
    assert len(run_suite(client, target)) >= 10
