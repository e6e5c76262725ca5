"""A server in a container of the machine's Docker engine, published on loopback only."""

import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from tests.servers.base import Facts, Process, UnavailableError
from tests.servers.launch import launch, make_workspace, say

_ENGINE_SECONDS = 10.0
_PULL_SECONDS = 300.0


@dataclass(frozen=True)
class Options:
    """One `docker run`: `ports` maps loopback ports to the container's, `data` is the path kept over a restart."""

    image: str
    ports: Mapping[int, int]
    data: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()


class Container(Process):
    """A container run in the foreground: its client hands SIGTERM on, and so does the kernel when the run dies."""

    @property
    def name(self) -> str:
        """The container's name and the one of its data volume."""
        return self.workspace.name

    def _launch(self) -> subprocess.Popen[bytes]:
        return launch(self.command, self.log, signal.SIGTERM)  # SIGKILL would end the client and not the container

    def kill(self) -> None:
        """SIGKILL to the server inside; returns when the container is gone."""
        if self._process is None or self.pid is None:
            return
        _docker("kill", "--signal", "KILL", self.name)
        self._process.wait(_ENGINE_SECONDS)

    def wipe(self) -> None:
        """Throw the data volume away."""
        super().wipe()
        _docker("volume", "rm", "--force", self.name)

    def discard(self) -> None:
        """Remove container, volume and log."""
        _docker("rm", "--force", "--volumes", self.name)
        if self._process is not None:
            self._process.wait(_ENGINE_SECONDS)
        self.wipe()
        super().discard()


def container(kind: str, options: Options, probe: Callable[[], Facts]) -> Container:
    """A container that is not started yet; UnavailableError when no engine answers or the image cannot be had."""
    if not engine_answers():
        raise UnavailableError("no Docker engine answers")
    _pull(options.image)
    workspace = make_workspace(kind)
    command = _run_command(workspace.name, options)
    return Container(kind, command, workspace, probe, (workspace / "data").mkdir, ready_seconds=90.0)


@cache
def engine_answers() -> bool:
    """Whether `docker info` succeeds; asked once a run."""
    if shutil.which("docker") is None:
        return False
    try:
        return _docker("info").returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _pull(image: str) -> None:
    if _docker("image", "inspect", image).returncode == 0:
        return
    say(f"fetching the image {image}")
    try:
        done = _docker("pull", "--quiet", image, seconds=_PULL_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"the image {image} did not come in {_PULL_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise UnavailableError(f"the image {image} cannot be pulled: {done.stderr.strip()[-300:]}")


def _run_command(name: str, options: Options) -> list[str]:
    command = ["docker", "run", "--rm", "--name", name, "--volume", f"{name}:{options.data}"]
    for outside, inside in options.ports.items():
        command += ["--publish", f"127.0.0.1:{outside}:{inside}"]
    for variable, value in options.environment.items():
        command += ["--env", f"{variable}={value}"]
    return [*command, options.image, *options.arguments]


def _docker(*arguments: str, seconds: float = _ENGINE_SECONDS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
