"""Stores what a release promises, its schema and its event contracts: later changes are compared with them."""

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Final

from scripts.schema_diff import RELEASED, ROOT, SCHEMA, changelog

EVENTS: Final = Path("events")


def main(root: Path = ROOT) -> None:
    """Copy the schema and the contracts of the version in pyproject.toml, which the changelog must begin with."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    newest = changelog(root)[0].version
    if newest != version:
        sys.exit(f"CHANGELOG.md begins with {newest}, and pyproject.toml has {version}")
    shutil.copyfile(root / SCHEMA, root / RELEASED / f"{version}.graphql")
    for contract in sorted((root / EVENTS).glob("br.*.json")):
        shutil.copyfile(contract, root / EVENTS / "released" / contract.name)


if __name__ == "__main__":
    main()
