"""The context of each request and socket: its caller, found by the token, and the resources of the process."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

from app.auth.principal import ANONYMOUS
from app.domain.actor import Door
from app.resolvers.context import AccessLimits, Context
from app.runtime.process import Process
from app.telemetry.logs import request_id
from app.transport.shared_streams import token_of
from app.web.token_gate import TokenGate


class Contexts:
    """Makes the contexts of one door of the process."""

    def __init__(self, process: Process, door: Door = Door.GRAPHQL) -> None:
        self._gate = TokenGate(process.verifier, process.refusals)
        self._nobodys = _nobodys(process, self._gate, door)

    async def __call__(self, connection: HTTPConnection) -> Context:
        """The context of a request or socket; Unauthenticated or RateLimited if its token is refused."""
        return await self.of_caller(
            connection.scope,
            connection.headers.get("authorization"),
            is_over_socket=connection.scope["type"] == "websocket" or token_of(connection) is not None,
        )

    async def of_caller(self, scope: Scope, authorization: str | None, *, is_over_socket: bool = False) -> Context:
        """The same for whoever has already looked at the Authorization header."""
        certificate: bytes | None = scope.get("state", {}).get("client_certificate")
        client = scope.get("client")
        address: str = client[0] if client else ""
        callers = self._gate.at(address)
        return self._nobodys.of_caller(
            await callers.principal(authorization, certificate),
            callers,
            certificate,
            address=address,
            request_id=request_id.get(),
            is_over_socket=is_over_socket,
        )


def _nobodys(process: Process, gate: TokenGate, door: Door) -> Context:
    """What the contexts of all callers have in common."""
    settings = process.settings
    return Context(
        principal=ANONYMOUS,
        callers=gate.at(""),
        database=process.database,
        cache=process.cache,
        hub=process.hub,
        metrics=process.metrics,
        changes=process.changes,
        access_log=process.access_log,
        rate=process.rate,
        tuss=process.tuss,
        cursor_key=process.cursor_key,
        stream_cursors=process.stream_cursors,
        unknown_cards=process.unknown_cards,
        now=process.now,
        request_id="-",
        limits=AccessLimits(settings.emergency_accesses_per_day, settings.persons_unlogged_max),
        is_schema_public=settings.is_development,
        door=door,
    )
