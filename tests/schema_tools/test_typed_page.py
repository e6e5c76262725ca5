"""The React page of the documents, with the types that its codegen.yml makes, compiles in strict TypeScript."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import yaml

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
    (tmp_path / "node_modules").symlink_to(EXAMPLES / "node_modules")
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    operations = "\n".join(re.findall(r"gql`(.*?)`", (source / "Settlements.tsx").read_text(), re.DOTALL))
    target = yaml.safe_load((EXAMPLES / "codegen.yml").read_text())["generates"]["src/types.ts"]
    _node(HOME, "generate.mjs", json.dumps({"folder": str(tmp_path), "documents": operations, **target}))
    _node(tmp_path, "node_modules/typescript/bin/tsc", *STRICT, "src/Settlements.tsx")


def _node(folder: Path, *command: str) -> None:
    done = subprocess.run(["node", *command], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
