"""Dataloaders: levels and single keys that are read together, and what happens to those who wait."""

import asyncio
from collections.abc import Sequence

import pytest

from app.resolvers.level_batches import Loader
from app.transport.work import Work


class Source:
    """Reads keys in capitals; `asked` has each batch, and `open` lets the batches go on."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.asked: list[list[str]] = []
        self.ended: list[str] = []
        self.began, self.open = asyncio.Event(), asyncio.Event()
        if is_open:
            self.open.set()
        self.loader: Loader[str, str] = Loader(self._load, Work())

    async def _load(self, keys: list[str]) -> Sequence[str]:
        self.asked.append(keys)
        self.began.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.ended.append(",".join(keys))
            raise
        return [key.upper() if key != "bad" else ValueError(key) for key in keys]  # type: ignore[misc]  # as a loader may


async def _value(source: Source, key: str) -> str:
    return await source.loader.load(key)


async def test_levels_and_single_keys_are_one_batch() -> None:
    source = Source()
    level, one, other = source.loader.load_level(["a", "b", "a"]), source.loader.load("c"), source.loader.load("b")
    again = source.loader.load_level(["c", "d"])
    assert (await level, await one, await other, await again) == (["A", "B", "A"], "C", "B", ["C", "D"])
    assert await source.loader.load_level(["d", "a"]) == ["D", "A"]
    assert (await source.loader.load("a"), await source.loader.load_many(["b", "c"])) == ("A", ["B", "C"])
    assert await source.loader.load_level([]) == []
    assert source.asked == [["a", "b", "c", "d"]]


async def test_a_level_of_more_keys_than_a_batch_has_waits_for_all_of_them() -> None:
    source = Source()
    keys = [f"k{number}" for number in range(1_001)]
    assert await source.loader.load_level(keys) == [each.upper() for each in keys]
    assert [len(each) for each in source.asked] == [500, 500, 1]


async def test_an_error_takes_the_place_of_its_value_alone() -> None:
    source = Source()
    good, bad = await source.loader.load_level(["a", "bad"])
    assert (good, repr(bad)) == ("A", "ValueError('bad')")
    with pytest.raises(ValueError, match="bad"):
        await source.loader.load("bad")
    with pytest.raises(ValueError, match="bad"):
        await source.loader.load_many(["a", "bad"])


async def test_a_batch_that_fails_is_the_error_of_each_key() -> None:
    async def load(_keys: list[str]) -> Sequence[str]:
        raise LookupError("gone")

    loader: Loader[str, str] = Loader(load, Work())
    assert [repr(each) for each in await loader.load_level(["a", "b"])] == ["LookupError('gone')"] * 2
    with pytest.raises(LookupError, match="gone"):
        await loader.load("a")


async def test_what_nobody_waits_for_any_more_ends_and_is_read_again_for_whoever_asks() -> None:
    source = Source(is_open=False)
    level, one = source.loader.load_level(["a", "b"]), asyncio.ensure_future(source.loader.load("a"))
    await source.began.wait()
    level.cancel()
    await asyncio.sleep(0)
    assert source.ended == []
    one.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert source.ended == ["a,b"]
    source.open.set()
    assert (await source.loader.load_level(["b"]), await source.loader.load("a")) == (["B"], "A")
    assert source.asked == [["a", "b"], ["b"], ["a"]]


async def test_whoever_is_cancelled_takes_nothing_from_those_who_wait_too() -> None:
    source = Source(is_open=False)
    leaving, staying = source.loader.load_level(["a"]), source.loader.load_level(["a", "b"])
    await source.began.wait()
    leaving.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert (await staying, source.ended, source.asked) == (["A", "B"], [], [["a", "b"]])


async def test_of_two_who_ask_for_one_key_each_may_be_cancelled_alone() -> None:
    source = Source(is_open=False)
    leaving, staying = (asyncio.ensure_future(_value(source, "a")) for _ in range(2))
    await source.began.wait()
    leaving.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert (await staying, leaving.cancelled(), source.asked) == ("A", True, [["a"]])


async def test_waiters_of_a_batch_that_was_ended_are_cancelled() -> None:
    source = Source(is_open=False)
    level = source.loader.load_level(["a"])
    await source.began.wait()
    batch = source.loader._last
    assert batch is not None
    assert batch.task is not None
    batch.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await level
