"""MySQL or MariaDB for the tests; both speak the same protocol and the code stays inside what they share."""

import asyncio
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.servers import containers
from tests.servers.base import Facts, Process, Server, ServerError, UnavailableError, given, started
from tests.servers.launch import free_port, make_workspace

KIND = "mysql"
VARIABLE = "BILLING_TEST_DATABASE_URL"
EXAMPLE = "mysql+aiomysql://root@127.0.0.1:3306/"
PACKAGES = ("mariadb-server",)
IMAGE = "mysql:8.4"

_CONNECT_SECONDS = 5.0
_FOLDERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/libexec", "/usr/local/sbin"])

# `loose-`: known to only one of the two servers. Every commit is written to the log file before it is answered, so that
# it survives the end of this process: tests kill it and count what is left. A power cut is no part of any test, which
# spares each commit the wait for the disk, each page the doublewrite buffer, and MariaDB the wait for the definition of
# each new table: a database of 60 tables takes half the time.
_SETTINGS = (
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=128M",
    "--loose-innodb-log-file-size=32M",
    "--loose-skip-log-bin",
    "--loose-sync-frm=0",
    "--performance-schema=0",
    "--max-connections=300",
    "--loose-mysqlx=0",
)

# MySQL makes root@localhost only, and which account a TCP client from 127.0.0.1 is depends on the machine's names.
_ROOT_OVER_TCP = """CREATE USER IF NOT EXISTS 'root'@'127.0.0.1';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION;
"""


def from_environment(address: str) -> Server:
    """The server of a SQLAlchemy URL whose account may create databases."""
    return given(KIND, address, partial(probe, address))


def native(*options: str, accounts: str = "") -> Server:
    """A private server from the machine's mariadbd or mysqld, with further options of its command line and SQL that
    makes accounts; UnavailableError without one."""
    binary = _find("mariadbd") or _find("mysqld")
    if binary is None:
        raise UnavailableError("neither mariadbd nor mysqld is installed")
    workspace, port = make_workspace(KIND), free_port()
    (workspace / "root.sql").write_text(_ROOT_OVER_TCP + accounts)
    url = f"mysql+aiomysql://root@127.0.0.1:{port}/"
    prepare = partial(_initialise, binary, workspace)
    command = [*_server_command(binary, workspace, port), *options]
    process = Process(KIND, command, workspace, partial(probe, url), prepare)
    return started(process, url, "native")


def container() -> Server:
    """A MySQL 8.4 container on a loopback port."""
    port = free_port()
    url = f"mysql+aiomysql://root@127.0.0.1:{port}/"
    options = containers.Options(
        image=IMAGE,
        ports={port: 3306},
        data="/var/lib/mysql",
        environment={"MYSQL_ALLOW_EMPTY_PASSWORD": "yes", "MYSQL_ROOT_HOST": "%"},
        arguments=("--innodb-doublewrite=0", "--skip-log-bin", "--performance-schema=0", "--max-connections=300"),
    )
    return started(containers.container(KIND, options, partial(probe, url)), url, "container")


def probe(url: str) -> Facts:
    """Log in and ask for the version; any driver error while the server is not ready."""
    version = asyncio.run(_run(url, "SELECT VERSION()"))
    return Facts(version, "mariadb" if "mariadb" in version.lower() else "mysql")


def create_database(url: str, name: str) -> None:
    """Make the database `name` (utf8mb4) when it is not there."""
    asyncio.run(_run(url, f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"))


async def _run(url: str, statement: str) -> str:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        # The driver has no time limit of its own after the TCP connect.
        async with asyncio.timeout(_CONNECT_SECONDS), engine.connect() as connection:
            result = await connection.execute(text(statement))
            return str(result.scalar()) if result.returns_rows else ""
    finally:
        await engine.dispose()


def _find(name: str) -> str | None:
    return shutil.which(name, path=_FOLDERS)


def _as_root() -> tuple[str, ...]:
    """Both servers refuse root unless told; changing to another user would also drop the guard's death signal."""
    return ("--user=root",) if os.geteuid() == 0 else ()


def _server_command(binary: str, workspace: Path, port: int) -> list[str]:
    files = [
        f"--datadir={workspace / 'data'}",
        f"--socket={workspace / 'socket'}",
        f"--pid-file={workspace / 'pid'}",
        f"--init-file={workspace / 'root.sql'}",
        f"--tmpdir={workspace}",
    ]
    return [binary, "--no-defaults", *_as_root(), *files, *_SETTINGS, f"--port={port}"]


def _initialise(binary: str, workspace: Path) -> None:
    """Make an empty data directory whose root needs no password; ServerError with what the tool printed."""
    installer = _find("mariadb-install-db") or _find("mysql_install_db")
    about = subprocess.run([binary, "--no-defaults", "--version"], capture_output=True, text=True, check=False).stdout
    data = f"--datadir={workspace / 'data'}"
    if "mariadb" not in about.lower():
        command = [binary, "--no-defaults", *_as_root(), "--initialize-insecure", data]
    elif installer is not None:
        command = [installer, "--no-defaults", *_as_root(), data, "--auth-root-authentication-method=normal"]
        command += ["--skip-test-db", "--innodb-log-file-size=32M", "--innodb-doublewrite=0"]
    else:
        raise UnavailableError("mariadbd is installed without mariadb-install-db")
    done = subprocess.run(command, capture_output=True, text=True, cwd=workspace, check=False)
    if done.returncode != 0:
        raise ServerError(f"{KIND}: no empty data directory could be made\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
