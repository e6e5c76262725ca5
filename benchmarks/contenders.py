"""The servers that are compared: how each is started, and how it is asked."""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.auth.roles import ROLES
from benchmarks.builds import GO, PEERS, RUST, Build, BuildError
from benchmarks.data import SEEN
from benchmarks.load import request_bytes
from benchmarks.operations import Operation, Place
from benchmarks.processes import ServerProcess
from benchmarks.stage import RATE, Stage
from tests.commands import ROOT, inherited
from tests.faults.processes import environment_of

_PYTHON: Final = "benchmarks.peers.python"


@dataclass(frozen=True)
class Contender:
    """A server by its name in the tables; `asks` are the operations it knows, None for all."""

    name: str
    command: tuple[str, ...]
    environment: Callable[[Stage], dict[str, str]]
    has_duties: bool = False
    is_rest: bool = False
    asks: tuple[str, ...] | None = None
    build: Build | None = None

    @property
    def is_gateway(self) -> bool:
        """Whether it is what the others are compared with."""
        return self.name == GATEWAY

    def process(self, stage: Stage) -> ServerProcess:
        """A process of it, not started yet."""
        environment = {**inherited(), **self.environment(stage)}
        return ServerProcess(self.name.replace(" ", "-"), list(self.command), environment, stage.folder)

    def requests(self, operation: Operation, stage: Stage, place: Place) -> Callable[[], bytes]:
        """What makes the next request of this kind."""
        cursor = place.gateway_cursor if self.is_gateway else _plain_cursor(place)
        headers = {"authorization": f"Bearer {stage.caller}"} if self.has_duties else {}
        rest = operation.rest
        if not self.is_rest or rest is None:
            return lambda: request_bytes("POST", "/graphql", operation.body(cursor), headers)

        def next_request() -> bytes:
            method, path, content = rest(operation.variables(cursor))
            return request_bytes(method, path, b"" if content is None else json.dumps(content).encode(), headers)

        return next_request

    def knows(self, operation: Operation) -> bool:
        """Whether it can be asked for this."""
        return (self.asks is None or operation.name in self.asks) and (not self.is_rest or operation.rest is not None)


def ready(contenders: Iterable[Contender], say: Callable[[str], None]) -> list[Contender]:
    """Those that can be started here, after building what has to be built; a line for each that is left out."""
    found = []
    for each in contenders:
        try:
            if each.build is not None:
                each.build.done()
        except BuildError as error:
            say(f"{each.name} is left out: {error}")
        else:
            found.append(each)
    return found


def _plain_cursor(place: Place) -> str:
    content = json.dumps([place.moment, place.claim_id]).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def comparable(contender: Contender, operation: Operation, body: bytes) -> Any:
    """The data of an answer in one shape for all servers, without the ids of new claims."""
    answer = json.loads(body)
    data = _as_graphql(operation, answer) if contender.is_rest else answer["data"]
    if operation.is_write:
        data["createClaim"]["claim"].pop("id")
    return data


def _as_graphql(operation: Operation, answer: Any) -> Any:
    shapes = {
        "Q1": {"claim": answer},
        "Q2": {"claims": {"nodes": answer}},
        "Q3": {"createClaim": {"claim": answer, "errors": [], "replayed": False}},
        "Q4": answer,
    }
    return shapes[operation.name]


def gateway_environment(stage: Stage, **changes: Any) -> dict[str, str]:
    """The settings of the stage with changes, as a gateway's process reads them."""
    settings = stage.settings.model_copy(update=changes)
    # memory:// has to be written out in production, and is left out as a default.
    given = {**environment_of(settings), "BILLING_EVENTS_URL": settings.events_url}
    return {**given, "BILLING_PORT": "{port}", "PYTHONPATH": str(ROOT)}


def _peer(stage: Stage) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {
        **stage.database,
        "PROVIDERS": ",".join(SEEN),
        "PORT": "{port}",
        "NODE_ENV": "production",
        "PYTHONPATH": paths,
    }


def _duty(stage: Stage) -> dict[str, str]:
    return {
        **_peer(stage),
        "KEYS_URL": stage.issuing.url("/keys"),
        "ISSUER": stage.issuing.issuer,
        "ROLES": json.dumps({role: sorted(permissions) for role, permissions in ROLES.items()}),
        "RATE": str(RATE),
        "AUDIT_SECRET": "c" * 32,
        "GATEWAY_SCHEMA": str(ROOT / "schema.graphql"),
        "REQUEST_LOG": str(stage.folder / "duty-requests.jsonl"),
    }


def _compiled(stage: Stage) -> dict[str, str]:
    # The servers under test share a core: more threads would only take turns.
    return {**_peer(stage), "GOMAXPROCS": "1", "TOKIO_WORKER_THREADS": "1"}


def _node(script: str) -> tuple[str, ...]:
    return ("node", str(PEERS / script))


def _uvicorn(module: str) -> tuple[str, ...]:
    options = ("--port", "{port}", "--log-level", "warning", "--no-access-log")
    return (sys.executable, "-m", "uvicorn", f"{_PYTHON}.{module}:app", *options)


GATEWAY: Final = "gateway"
STANDARD: Final = ("Q1", "Q2", "Q3", "Q4")
ALL: Final = (
    Contender(GATEWAY, (sys.executable, "-m", "app.cli", "serve"), gateway_environment, has_duties=True),
    Contender("Mercurius with duties", _node("duty/server.mjs"), _duty, has_duties=True),
    Contender("Mercurius", _node("mercurius.mjs"), _peer),
    Contender("Yoga", _node("yoga.mjs"), _peer, asks=STANDARD),
    Contender("Apollo", _node("apollo.mjs"), _peer, asks=STANDARD),
    Contender("Go", (str(PEERS / "go/build/server"),), _compiled, asks=STANDARD, build=GO),
    Contender("Rust", (str(PEERS / "rust/build/release/benchmark-peer"),), _compiled, asks=STANDARD, build=RUST),
    Contender("stock Strawberry", _uvicorn("stock"), _peer),
    Contender("REST", _uvicorn("rest_sync"), _peer, is_rest=True),
    Contender("REST async", _uvicorn("rest_async"), _peer, is_rest=True),
)
