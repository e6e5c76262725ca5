"""The examples that are built before they run: in Python with generated types, in Go, in Java, with Relay."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.clients.watching import EXAMPLES
from tests.npm import install
from tests.servers import kafka_files
from tests.servers.packages import apt_install

HOME = Path(__file__).parent
ROOT = HOME.parents[1]
JDK = "default-jdk-headless"
GO = "golang-go"
BUILD_SECONDS = 120
SCHEMA_TOOLS = ROOT / "tests" / "schema_tools"
TAG = re.compile(r"graphql`\s*\w+ (\w+).*?`", re.DOTALL)


def python(folder: Path) -> list[str]:
    """The command of the Python example, with its client generated into the folder from the schema."""
    shutil.copytree(EXAMPLES / "python", folder)
    shutil.copy(ROOT / "schema.graphql", folder)
    _run(folder, sys.executable, "-m", "ariadne_codegen", PYTHONPATH=str(_generator()))
    return [sys.executable, str(folder / "settlements.py")]


def java(folder: Path) -> list[str]:
    """The command of the Java example, compiled into the folder."""
    # Jackson is among the files of Kafka.
    jars = str(kafka_files.apache_files().libs / "*")
    if shutil.which("javac") is None:
        apt_install([JDK])
    _run(EXAMPLES / "java", "javac", "-d", str(folder), "-cp", jars, "Settlements.java")
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", os.pathsep.join([str(folder), jars]), "Settlements"]


def go(folder: Path) -> list[str]:
    """The command of the Go example, compiled to this path."""
    if shutil.which("go") is None:
        apt_install([GO])
    _run(EXAMPLES / "go", "go", "build", "-o", str(folder), "settlements.go")
    return [str(folder)]


def relay(folder: Path) -> list[str]:
    """The command of the Relay example, with its artifacts compiled into the folder and in the place of its tags."""
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
    return ["node", str(script)]


BUILDS = (go, java, python, relay)


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
