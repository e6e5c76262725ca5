"""Dataloaders: many who wait for one value."""

import asyncio
from collections.abc import Sequence

import pytest

from app.resolvers.batches import Loader
from app.transport.work import Work


async def test_a_caller_that_is_cancelled_does_not_take_the_value_from_the_others() -> None:
    asked: list[list[str]] = []

    async def load(keys: list[str]) -> Sequence[str]:
        asked.append(keys)
        await asyncio.sleep(0)
        return [key.upper() for key in keys]

    loader = Loader(load, Work())

    async def wait() -> str:
        return await loader.load("a")

    leaving, staying = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == "A"
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (await loader.load("a"), asked) == ("A", [["a"]])
