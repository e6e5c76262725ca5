"""A caller with too many sockets: the one too many is refused, and continues when there is room."""

from pathlib import Path

from tests.gateway import embedded_settings, running_gateway
from tests.stream_clients.node import running

WATCH = "subscription Watch($after: String) { claimStatusChanged(after: $after) { cursor } }"


async def test_a_subscription_beyond_the_limit_begins_when_another_ends(tmp_path: Path) -> None:
    async with running_gateway(embedded_settings(tmp_path, streams_per_subject=2)) as gateway:
        token = gateway.token("reviewer")
        async with running("crowded.mjs", url=gateway.url, token=token, subscription=WATCH) as script:
            said = [await script.said()]
            while said[-1] == {"closed": 4429}:
                said.append(await script.said())
    assert (said[0], said[-1]) == ({"closed": 4429}, "watching")
