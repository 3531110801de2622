"""Calls in a thread of their own, awaited with a deadline."""

import asyncio
import threading
import time

import pytest

from freesh_plugin.adapters.background_thread import BackgroundThread
from freesh_plugin.core.errors import ConfigError


def test_it_returns_and_raises_what_the_call_does_and_never_in_the_loops_thread() -> None:
    async def run() -> None:
        thread = BackgroundThread("test")
        assert await thread.run(threading.get_ident, 5.0) != threading.get_ident()

        def fail() -> None:
            raise ConfigError("no")

        with pytest.raises(ConfigError, match="no"):
            await thread.run(fail, 5.0)
        assert await thread.run(lambda: 7, 5.0) == 7

    asyncio.run(run())


def test_a_call_that_hangs_holds_up_nobody_but_those_behind_it() -> None:
    go_on = threading.Event()

    async def run() -> None:
        thread = BackgroundThread("test")
        for work in (go_on.wait, lambda: True):
            with pytest.raises(TimeoutError):
                await thread.run(work, 0.02)
        go_on.set()
        assert await thread.run(lambda: 7, 5.0) == 7

    asyncio.run(run())


def test_a_cancellation_just_after_the_result_is_not_lost() -> None:
    async def run() -> None:
        ended = threading.Event()
        task = asyncio.create_task(BackgroundThread("test").run(ended.set, 5.0))
        await asyncio.sleep(0)
        ended.wait()
        time.sleep(0.1)  # the result lies before the loop
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_a_loop_that_has_ended_is_told_nothing() -> None:
    go_on, thread = threading.Event(), BackgroundThread("test")

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await thread.run(go_on.wait, 0.01)

    asyncio.run(give_up())
    go_on.set()

    async def go() -> int:
        return await thread.run(lambda: 7, 5.0)

    assert asyncio.run(go()) == 7
