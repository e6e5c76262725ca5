"""A process hangs when its parent has looked often enough and it has not gone on; looks count, not seconds."""

import pytest

from app.web.heartbeats import LOOKS_MAX, LOOKS_OF_A_START, Heartbeats, Watch
from app.web.workers import ADMIN


async def test_a_process_that_has_begun_hangs_after_so_many_looks_without_a_beat() -> None:
    heartbeats = Heartbeats(2)
    watch = Watch(heartbeats, 1)
    heartbeats.beat(1)
    assert not watch.hangs()
    assert [watch.hangs() for _ in range(LOOKS_MAX - 1)] == [False] * (LOOKS_MAX - 1)
    heartbeats.beat(1)
    # One beat, and it has as much time again; then it is said once.
    found = [watch.hangs() for _ in range(3 * LOOKS_MAX)]
    assert (found.index(True), found.count(True)) == (LOOKS_MAX, 1)


@pytest.mark.parametrize("place", [0, ADMIN])
async def test_a_start_has_more_time_also_after_another_process_of_the_place(place: int) -> None:
    heartbeats = Heartbeats(1)
    heartbeats.beat(place)
    watch = Watch(heartbeats, place)
    # That of the other place is somebody else's.
    heartbeats.beat(0 if place == ADMIN else ADMIN)
    found = [watch.hangs() for _ in range(LOOKS_OF_A_START)]
    assert (found.index(True), len(found)) == (LOOKS_OF_A_START - 1, LOOKS_OF_A_START)
