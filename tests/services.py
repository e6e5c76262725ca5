"""The tests' MySQL, Redis and Kafka: taken from the environment or started, whatever this machine can do.

For each server, in this order: the address in BILLING_TEST_DATABASE_URL, BILLING_TEST_REDIS_URL or BILLING_TEST_KAFKA;
a private server of the machine; a container; Debian's packages and then a private server. What this run starts listens
on 127.0.0.1 only, keeps its data in a temporary directory and ends with the run, even when the run is killed.

`python -m tests.services` starts all three for development, prints `export` lines and waits for Ctrl-C.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType, ModuleType, TracebackType
from typing import Self

from tests.servers import kafka, mysql, redis_server
from tests.servers.base import NotOursError, Server, ServerError, UnavailableError
from tests.servers.launch import say
from tests.servers.packages import apt_install

__all__ = ["NotOursError", "Server", "ServerError", "Services", "start", "start_all"]

ALL = ("mysql", "redis", "kafka")
_DATABASE = "billing"


@dataclass(frozen=True)
class Kind:
    """The ways to one kind of server, and what to name when none of them works."""

    name: str
    variable: str
    example: str
    packages: tuple[str, ...]
    from_environment: Callable[[str], Server]
    native: Callable[[], Server]
    container: Callable[[], Server]

    @classmethod
    def of(cls, module: ModuleType) -> Self:
        """The kind that a module of tests.servers describes."""
        names = (module.KIND, module.VARIABLE, module.EXAMPLE, module.PACKAGES)
        return cls(*names, module.from_environment, module.native, module.container)

    def with_packages(self) -> Server:
        """Install Debian's packages, then start the native server they bring."""
        apt_install(self.packages)
        return self.native()


KINDS = {kind.name: kind for kind in map(Kind.of, (mysql, redis_server, kafka))}


@dataclass
class Services:
    """The running servers by kind; leaving the context ends those that this run started and deletes their data."""

    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def mysql(self) -> Server:
        """`url` is a SQLAlchemy URL of root, ending in "/". KeyError when it was not asked for."""
        return self.servers["mysql"]

    @property
    def redis(self) -> Server:
        """`url` is a redis URL with database 0. KeyError when it was not asked for."""
        return self.servers["redis"]

    @property
    def kafka(self) -> Server:
        """`url` is host:port; `flavor` apache or tansu. KeyError when it was not asked for."""
        return self.servers["kafka"]

    def stop(self) -> None:
        """End every server that this run started, data and all; does nothing the second time."""
        for server in self.servers.values():
            server.discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()


def start_all(names: Sequence[str] = ALL) -> Services:
    """Get the named servers at the same time; when one fails the others are ended and its error is raised."""
    with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
        orders = {name: pool.submit(start, name) for name in names}
    services = Services({name: order.result() for name, order in orders.items() if order.exception() is None})
    for order in orders.values():
        error = order.exception()
        if error is not None:
            services.stop()
            raise error
    return services


def start(name: str) -> Server:
    """Get one server ("mysql", "redis" or "kafka") in the first way that works.

    ServerError when a server was there and did not start, or when there is no way to one; the text then names the
    commands that help.
    """
    kind, begun = KINDS[name], time.monotonic()
    address = os.environ.get(kind.variable)
    server = kind.from_environment(address) if address else _first_that_works(kind)
    say(f"{name}: {server.flavor} {server.version} ({server.source}) after {time.monotonic() - begun:.1f} s")
    return server


def _first_that_works(kind: Kind) -> Server:
    reasons: list[str] = []
    for way in (kind.native, kind.container, kind.with_packages):
        try:
            return way()
        except UnavailableError as reason:
            reasons.append(str(reason))
    raise ServerError(how_to_help(kind, reasons))


def how_to_help(kind: Kind, reasons: Sequence[str]) -> str:
    """The one message for a machine that has no way to a server: what was tried, and the three commands that help."""
    tried = "".join(f"\n  - {reason}" for reason in reasons)
    return (
        f"{kind.name}: no server could be started:{tried}\n"
        "One of these helps:\n"
        f"  sudo apt-get install {' '.join(kind.packages)}\n"
        "  sudo systemctl start docker, after which containers are used\n"
        f"  export {kind.variable}={kind.example}"
    )


def exports(services: Services) -> list[str]:
    """Shell lines that point the gateway and the tests at these servers."""
    values = {
        "BILLING_DATABASE_URL": f"{services.mysql.url}{_DATABASE}",
        "BILLING_REDIS_URL": services.redis.url,
        "BILLING_EVENTS_URL": f"kafka://{services.kafka.url}",
        mysql.VARIABLE: services.mysql.url,
        redis_server.VARIABLE: services.redis.url,
        kafka.VARIABLE: services.kafka.url,
    }
    return [f"export {name}={value}" for name, value in values.items()]


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    """Start all three, print the export lines on stdout, and stay until Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    try:
        services = start_all()
    except ServerError as error:
        sys.exit(str(error))
    with services:
        mysql.create_database(services.mysql.url, _DATABASE)
        sys.stdout.write("".join(f"{line}\n" for line in exports(services)))
        sys.stdout.flush()
        say("the servers run until Ctrl-C")
        threading.Event().wait()


if __name__ == "__main__":
    main()
