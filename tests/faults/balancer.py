"""A small load balancer: it passes connections on, in turn, to those gateways that say that they are ready."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

from tests.faults.processes import GatewayProcess

POLL_SECONDS = 0.1
PIECE_BYTES = 65_536


class Balancer:
    """Listens on a port of its own; `url` is its address."""

    def __init__(self, gateways: Sequence[GatewayProcess]) -> None:
        self._gateways = gateways
        self._ready: list[GatewayProcess] = []
        self._turn = 0
        self._pipes: set[asyncio.Task[None]] = set()
        self.url = ""

    async def watch(self) -> None:
        """Ask for the readiness of all of them, again and again until cancelled."""
        async with httpx.AsyncClient(timeout=2) as client:
            while True:
                answers = await asyncio.gather(*[_is_ready(client, each) for each in self._gateways])
                self._ready = [each for each, is_ready in zip(self._gateways, answers, strict=True) if is_ready]
                await asyncio.sleep(POLL_SECONDS)

    def is_ready(self, gateway: GatewayProcess) -> bool:
        """Whether it gets connections."""
        return gateway in self._ready

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the next gateway that is ready."""
        self._turn += 1
        try:
            gateway = self._ready[self._turn % len(self._ready)]
            theirs = await asyncio.open_connection("127.0.0.1", gateway.settings.port)
        except (OSError, ZeroDivisionError):
            writer.close()
            return
        await asyncio.gather(_pipe(reader, theirs[1]), _pipe(theirs[0], writer))


async def _is_ready(client: httpx.AsyncClient, gateway: GatewayProcess) -> bool:
    try:
        return (await client.get(f"{gateway.url}/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def balanced(gateways: Sequence[GatewayProcess]) -> AsyncIterator[Balancer]:
    """A balancer in front of these gateways, as soon as all of them are ready."""
    balancer = Balancer(gateways)
    watching = asyncio.create_task(balancer.watch())
    server = await asyncio.start_server(balancer.accept, "127.0.0.1", 0, backlog=1_000)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with asyncio.timeout(10):
            while not all(balancer.is_ready(each) for each in gateways):  # noqa: ASYNC110 - there is no signal
                await asyncio.sleep(0.02)
        yield balancer
    finally:
        watching.cancel()
        server.close()
        await asyncio.gather(watching, return_exceptions=True)
