"""What `make run` and `make test` say on a machine whose Node cannot build GraphiQL."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDS = "building GraphiQL from its npm packages, which takes half a minute\nnpm ci\nnpm run\n"
LEFT_OUT = "GraphiQL is left out, everything else works (later: make explorer)\n"


def explorer(directory: Path, node: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script in a copy of the project without a page, with this answer of `node --version`, or without Node."""
    (directory / "scripts").mkdir()
    (directory / "explorer").mkdir(exist_ok=True)
    (directory / "docs").mkdir()
    for name in ("README.md", "docs/money.md"):
        (directory / name).touch()
    shutil.copy(ROOT / "scripts" / "explorer.sh", directory / "scripts")
    tools = directory / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "find"):
        (tools / name).symlink_to(shutil.which(name) or name)
    if node is not None:
        for name, text in (("node", f"echo {node}"), ("npm", 'echo "npm $1"')):
            (tools / name).write_text(f"#!{tools}/sh\n{text}\n")
            (tools / name).chmod(0o755)
    script = [str(tools / "sh"), str(directory / "scripts" / "explorer.sh")]
    return subprocess.run(script, env={"PATH": str(tools)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (None, f"npm is not installed: {LEFT_OUT}"),
        ("v18.19.0", f"Node v18.19.0 cannot build GraphiQL, which needs 20.19 or 22.12: {LEFT_OUT}"),
        ("v20.18.3", f"Node v20.18.3 cannot build GraphiQL, which needs 20.19 or 22.12: {LEFT_OUT}"),
        ("v21.7.0", f"Node v21.7.0 cannot build GraphiQL, which needs 20.19 or 22.12: {LEFT_OUT}"),
        ("v20.19.0", BUILDS),
        ("v22.12.0", BUILDS),
        ("v24.1.0", BUILDS),
    ],
)
def test_an_old_node_is_named_in_one_line_and_stops_nothing(tmp_path: Path, node: str | None, said: str) -> None:
    done = explorer(tmp_path, node)
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


STAYS = "GraphiQL stays as it was built before, everything else is new (later: make explorer)\n"


@pytest.mark.parametrize(
    ("age", "node", "said"),
    [
        (-60, "v18.19.0", ""),
        (60, "v22.12.0", BUILDS),
        (60, "v18.19.0", f"Node v18.19.0 cannot build GraphiQL, which needs 20.19 or 22.12: {STAYS}"),
        (60, None, f"npm is not installed: {STAYS}"),
    ],
)
def test_a_page_is_built_again_when_its_files_are_newer(tmp_path: Path, age: int, node: str | None, said: str) -> None:
    page = tmp_path / "app" / "web" / "static" / "index.html"
    page.parent.mkdir(parents=True)
    page.touch()
    built_at = page.stat().st_mtime - age
    os.utime(page, (built_at, built_at))
    assert explorer(tmp_path, node).stdout == said
    assert list(page.parent.iterdir()) == [page]


PYTHON = """#!/bin/sh
[ "$1" = -c ] && echo "{folder}" && exit
for package in one two; do echo "Collecting $package"; done
sleep 1.5
echo "Installing collected packages: one, two"
mkdir "{folder}/one-1.dist-info"
sleep 2.5
[ -z "{error}" ] || {{ echo "{error}"; exit 1; }}
"""


def install(directory: Path, error: str = "") -> subprocess.CompletedProcess[str]:
    """Run the script with a pip that finds two packages and has written one of them when it ends."""
    python, locked = directory / "python", directory / "requirements.txt"
    python.write_text(PYTHON.format(folder=directory, error=error))
    python.chmod(0o755)
    locked.write_text("one==1 \\\n    --hash=sha256:1\ntwo==2\n")
    command = ["sh", str(ROOT / "scripts" / "install.sh"), str(python), str(locked)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


def test_an_installation_says_how_far_it_is_and_why_it_failed(tmp_path: Path) -> None:
    failed = install(tmp_path, "ERROR: no such hash")
    said = failed.stdout.splitlines()
    assert (failed.returncode, said[0]) == (
        1,
        "installing 2 Python packages, which takes a minute or two the first time",
    )
    assert said[-3:] == ["  finding 2 of 2", "  writing 1 of 2", "ERROR: no such hash"]
