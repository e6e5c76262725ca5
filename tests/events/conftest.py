"""The way to the inbox of the shared gateway, and a gateway with servers of its own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.events.inbox_post import Post, post_of
from tests.gateway import Gateway, running_gateway, server_settings
from tests.servers.base import Server
from tests.services import Services, start


@pytest.fixture
async def post(server_gateway: Gateway) -> AsyncIterator[Post]:
    """The way to the shared gateway."""
    async with post_of(server_gateway) as found:
        yield found


@pytest.fixture(scope="module")
def mysql() -> Iterator[Server]:
    """A server of this module's own, which may be killed."""
    found = start("mysql")
    yield found
    found.discard()


@pytest.fixture(scope="module")
async def lonely(services: Services, mysql: Server, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """A gateway on that server with an inbox of its own."""
    own = Services({**services.servers, "mysql": mysql})
    async with running_gateway(await server_settings(tmp_path_factory.mktemp("inbox"), own)) as gateway:
        yield gateway


@pytest.fixture
async def lonely_post(lonely: Gateway) -> AsyncIterator[Post]:
    """The way to it."""
    async with post_of(lonely) as found:
        yield found
