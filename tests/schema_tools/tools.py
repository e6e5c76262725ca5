"""Runs the npm tools on a schema, and on operations that belong to several clients."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.npm import install

HOME = Path(__file__).parent
ROOT = HOME.parents[1]
SCALARS: dict[str, str] = json.loads((ROOT / "docs" / "clients" / "scalars.json").read_text())
LEAST_MINOR = {20: 19, 22: 13}
"""What `engines` of package.json asks for: ^20.19.0 || ^22.13.0 || >=24."""


def too_old(version: str) -> str | None:
    """Why the tools cannot run with this answer of `node --version`."""
    major, minor = (int(part) for part in version.removeprefix("v").split(".")[:2])
    if major >= 24 or minor >= LEAST_MINOR.get(major, 1000):
        return None
    return f"Node {version} cannot run the schema tools, which need 20.19, 22.13 or 24"


def node_version() -> str:
    """The answer of `node --version`."""
    return subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def operations() -> dict[str, str]:
    """The operations of the pages that users read first and of the explorer, by what they show."""
    return {
        "steps": _examples(ROOT / "docs" / "first-steps.md"),
        "claims": _examples(ROOT / "docs" / "life-of-a-claim.md"),
        "clients": _examples(ROOT / "docs" / "clients" / "rules.md"),
        "explorer": "\n".join(re.findall(r"= `(.*?)`;", (ROOT / "explorer/src/examples.ts").read_text(), re.DOTALL)),
    }


def _examples(document: Path) -> str:
    return "\n".join(re.findall(r"```graphql\n(.*?)```", document.read_text(), re.DOTALL))


def findings(folder: Path, schema: str, documents: dict[str, str], relay: str) -> dict[str, list[str]]:
    """What each tool finds; `relay` is a module of a Relay app. The files are written to the folder."""
    install(HOME)
    (folder / "operations").mkdir()
    (folder / "relay" / "artifacts").mkdir(parents=True)
    (folder / "schema.graphql").write_text(schema)
    for name, text in documents.items():
        (folder / "operations" / f"{name}.graphql").write_text(text)
    (folder / "relay" / "Claims.ts").write_text(relay)
    (folder / "relay.config.json").write_text(json.dumps(RELAY))
    node = shutil.which("node")
    assert node is not None
    options = json.dumps({"folder": str(folder.resolve()), "scalars": SCALARS})
    done = subprocess.run(
        [node, "check.mjs", options], cwd=HOME, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


RELAY: dict[str, Any] = {
    "src": "relay",
    "schema": "schema.graphql",
    "language": "typescript",
    "artifactDirectory": "relay/artifacts",
    "requireCustomScalarTypes": True,
    "customScalarTypes": SCALARS,
    "eagerEsModules": True,
}
