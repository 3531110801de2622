"""A real plan server on a free loopback port, in a thread, with a fake clock and whatever limits a test needs."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from freesh_plugin.adapters.admin_server import AdminServer, ConnectionLimits, bind, url_of
from freesh_plugin.adapters.plan_api import BodyLimits, plan_api
from freesh_plugin.ports import PlanStore
from freesh_plugin.runtime.plan_keeper import PlanKeeper
from freesh_plugin.services.plan_desk import StoringPlanDesk
from tests.fakes.clock import FakeClock
from tests.fakes.plans import SAMPLE_EPOCH

TOKEN = "token-of-the-tests"
START_S = SAMPLE_EPOCH * 1_800.0


@dataclass
class RunningServer:
    """Where the server is, and what drives it."""

    url: str
    clock: FakeClock
    desk: StoringPlanDesk

    @property
    def port(self) -> int:
        """Port on 127.0.0.1."""
        return httpx.URL(self.url).port or 0

    def client(self, token: str = TOKEN) -> httpx.Client:
        """A client that sends the token."""
        headers = {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=30)


@contextmanager
def running_plan_server(
    store: PlanStore,
    bodies: BodyLimits = BodyLimits(),  # noqa: B008 - frozen
    connections: ConnectionLimits = ConnectionLimits(),  # noqa: B008 - frozen
) -> Iterator[RunningServer]:
    """Serve until the block ends."""
    clock = FakeClock(START_S)
    desk = StoringPlanDesk("node-1", "0.0", clock, store, PlanKeeper(21_600))
    ready = threading.Event()
    with bind("127.0.0.1", 0, allow_remote=False) as listening:
        server = AdminServer(plan_api(desk, TOKEN, bodies), ready.set, connections)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        try:
            assert ready.wait(30)
            yield RunningServer(url_of(listening), clock, desk)
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
