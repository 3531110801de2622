"""Several streams as one: order, ends, errors, and nothing left running."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from freesh_plugin.adapters.tgi.http.openai.merged import merged


class Numbers:
    """Counts up to `count`, remembers whether it was closed, fails at `fault`."""

    def __init__(self, name: str, count: int, fault: int | None = None) -> None:
        self.closed = False
        self._name, self._count, self._fault = name, count, fault

    async def stream(self) -> AsyncGenerator[str, None]:
        try:
            for number in range(self._count):
                if number == self._fault:
                    raise ValueError(self._name)
                yield f"{self._name}{number}"
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def collected(*numbers: Numbers) -> list[str]:
    return [item async for item in merged([each.stream() for each in numbers])]


def test_every_item_comes_and_each_stream_stays_in_order() -> None:
    items = asyncio.run(collected(Numbers("a", 3), Numbers("b", 1), Numbers("c", 0)))
    assert sorted(items) == ["a0", "a1", "a2", "b0"]
    assert [item for item in items if item.startswith("a")] == ["a0", "a1", "a2"]


def test_a_single_stream_is_passed_on() -> None:
    assert asyncio.run(collected(Numbers("a", 2))) == ["a0", "a1"]


@pytest.mark.parametrize("others", [0, 2])
def test_leaving_closes_all_streams(others: int) -> None:
    numbers = [Numbers("a", 1_000_000) for _ in range(1 + others)]

    async def leave() -> int:
        async with aclosing(merged([each.stream() for each in numbers])) as items:
            await anext(items)
        return len(asyncio.all_tasks())

    assert asyncio.run(leave()) == 1
    assert all(each.closed for each in numbers)


@pytest.mark.parametrize("others", [0, 2])
def test_an_unexpected_error_is_raised_and_closes_all_streams(others: int) -> None:
    numbers = [Numbers("bad", 5, fault=2), *(Numbers("good", 5) for _ in range(others))]
    with pytest.raises(ValueError, match="bad"):
        asyncio.run(collected(*numbers))
    assert all(each.closed for each in numbers)
