"""Redis or Valkey for the tests, in memory only."""

import shutil
from functools import partial
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import containers
from tests.servers.base import Facts, Process, Server, UnavailableError, given, started
from tests.servers.launch import free_port, make_workspace

KIND = "redis"
VARIABLE = "BILLING_TEST_REDIS_URL"
EXAMPLE = "redis://127.0.0.1:6379/0"
PACKAGES = ("redis-server",)
IMAGE = "redis:7-alpine"

_IN_MEMORY = ("--save", "", "--appendonly", "no")


def from_environment(address: str) -> Server:
    """The server of a redis URL."""
    return given(KIND, address, partial(probe, address))


def native(*options: str) -> Server:
    """A private server from the machine's redis-server or valkey-server, with further options of its command line;
    UnavailableError without one."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise UnavailableError("neither redis-server nor valkey-server is installed")
    workspace, port = make_workspace(KIND), free_port()
    data = workspace / "data"
    command = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", str(data), *_IN_MEMORY, *options]
    url = f"redis://127.0.0.1:{port}/0"
    return started(Process(KIND, command, workspace, partial(probe, url), data.mkdir), url, "native")


def container() -> Server:
    """A Redis 7 container on a loopback port."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    options = containers.Options(
        image=IMAGE, ports={port: 6379}, data="/data", environment={}, arguments=("redis-server", *_IN_MEMORY)
    )
    return started(containers.container(KIND, options, partial(probe, url)), url, "container")


def probe(url: str) -> Facts:
    """Ask for the version; any client error while the server is not ready."""
    with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
        about = cast(dict[str, Any], client.info("server"))
    if "valkey_version" in about:
        return Facts(str(about["valkey_version"]), "valkey")
    return Facts(str(about["redis_version"]), "redis")
