"""The React page of the documents, with the types that its codegen.yml makes, compiles in strict TypeScript."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.npm import install
from tests.schema_tools.tools import HOME, ROOT

EXAMPLES = ROOT / "docs" / "clients"
FILES = ("Settlements.tsx", "apollo-client.ts", "resuming.d.mts", "resuming.mjs")
OPTIONS = {"module": "esnext", "moduleResolution": "bundler", "jsx": "react-jsx", "target": "es2022"}
STRICT = ["--strict", "--noEmit", *(word for name, value in OPTIONS.items() for word in (f"--{name}", value))]


def test_the_page_compiles_with_the_types_that_are_generated_for_it(tmp_path: Path) -> None:
    install(EXAMPLES)
    install(HOME)
    source = tmp_path / "src"
    source.mkdir()
    for name in FILES:
        shutil.copy(EXAMPLES / name, source)
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    shutil.copy(EXAMPLES / "codegen.yml", tmp_path)
    packages = tmp_path / "node_modules"
    packages.symlink_to(HOME / "node_modules")
    _node(tmp_path, "node_modules/.bin/graphql-codegen", "--config", "codegen.yml")
    packages.unlink()
    packages.symlink_to(EXAMPLES / "node_modules")
    _node(tmp_path, "node_modules/typescript/bin/tsc", *STRICT, "src/Settlements.tsx")


def test_the_pages_install_the_versions_that_are_tested() -> None:
    tested = json.loads((HOME / "package.json").read_text())["dependencies"]
    shown = re.findall(r"(@graphql-codegen/[\w-]+)@([\d.]+)", (EXAMPLES / "types.md").read_text())
    assert len(shown) == 2
    assert dict(shown).items() <= tested.items()


def _node(folder: Path, *command: str) -> None:
    done = subprocess.run(["node", *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
