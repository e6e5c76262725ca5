"""The examples that are built before they run, each once in a run: in Python with generated types, in Go, in Java, with
Relay."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients.watching import EXAMPLES
from tests.npm import install
from tests.prepared import FOLDER
from tests.servers import kafka_files
from tests.servers.packages import apt_install

HOME = Path(__file__).parent
ROOT = HOME.parents[1]
JDK = "default-jdk-headless"
GO = "golang-go"
BUILD_SECONDS = 120
SCHEMA_TOOLS = ROOT / "tests" / "schema_tools"
TAG = re.compile(r"graphql`\s*\w+ (\w+).*?`", re.DOTALL)


@dataclass(frozen=True)
class Build:
    """An example: what builds it to a path, and the command that runs what is there."""

    name: str
    build: Callable[[Path], None]
    command: Callable[[Path], list[str]]

    def __call__(self) -> list[str]:
        """The command, once it is built; the first test of the run that asks builds it, the others wait."""
        target = Path(os.environ[FOLDER]) / f"client-{self.name}"
        kafka_files.publish(target, self.build)
        return self.command(target)


def _python(folder: Path) -> None:
    """The example with its client, which is generated from the schema."""
    shutil.copytree(EXAMPLES / "python", folder)
    shutil.copy(ROOT / "schema.graphql", folder)
    _run(folder, sys.executable, "-m", "ariadne_codegen", PYTHONPATH=str(_generator()))


def _java(folder: Path) -> None:
    if shutil.which("javac") is None:
        apt_install([JDK])
    _run(EXAMPLES / "java", "javac", "-d", str(folder), "-cp", _jars(), "Settlements.java")


def _jars() -> str:
    """Jackson is among the files of Kafka."""
    return str(kafka_files.apache_files().libs / "*")


def _java_command(folder: Path) -> list[str]:
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", os.pathsep.join([str(folder), _jars()]), "Settlements"]


def _go(program: Path) -> None:
    """Not optimized and without C: a machine's first build compiles the standard library, in 17 s of processor time in
    place of 26."""
    if shutil.which("go") is None:
        apt_install([GO])
    command = ("go", "build", "-gcflags=all=-N -l", "-o", str(program), "settlements.go")
    _run(EXAMPLES / "go", *command, CGO_ENABLED="0")


def _relay(folder: Path) -> None:
    """The example with its artifacts in the place of its tags."""
    install(EXAMPLES)
    install(SCHEMA_TOOLS)
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(EXAMPLES / "node_modules")
    home = folder / "relay"
    shutil.copy(ROOT / "schema.graphql", home)
    (home / "__generated__").mkdir()
    _run(home, str(SCHEMA_TOOLS / "node_modules" / ".bin" / "relay-compiler"), "relay.config.json")
    script = home / "settlements.js"
    script.write_text(TAG.sub(_artifact, script.read_text()))


BUILDS = (
    Build("go", _go, lambda program: [str(program)]),
    Build("java", _java, _java_command),
    Build("python", _python, lambda folder: [sys.executable, str(folder / "settlements.py")]),
    Build("relay", _relay, lambda folder: ["node", str(folder / "relay" / "settlements.js")]),
)


def _artifact(tag: re.Match[str]) -> str:
    """What babel-plugin-relay writes instead of a tag."""
    return f"(await import('./__generated__/{tag[1]}.graphql.js')).default"


def _generator() -> Path:
    """Where ariadne-codegen is, which is installed when missing."""
    requirements = HOME / "requirements.txt"
    target = kafka_files.cache_folder().parent / "ariadne-codegen-0.19.0"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    kafka_files.publish(target, lambda draft: _run(HOME, *pip, "--target", str(draft), "-r", str(requirements)))
    return target


def _run(folder: Path, *command: str, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
