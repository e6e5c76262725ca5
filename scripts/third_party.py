"""Writes docs/third-party.md: the data and packages of others that the gateway uses, with their licences."""

import json
import re
from importlib.metadata import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
SPDX: Final = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "MIT style": "MIT",
    "MIT License": "MIT",
    "BSD 2-Clause License": "BSD-2-Clause",
    "ISC License": "ISC",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""Licences as packages name them -> their SPDX identifiers."""
UNSTATED: Final = {"promql-parser": "MIT"}
"""Packages whose metadata state no licence, by the licence file that they ship."""
_INTRO = """# Third-party data and libraries

Written by `make third-party` from the locked packages. The gateway itself is under [Apache-2.0](../LICENSE).

## Data

- **TUSS terms** of the ANS, shipped in the package `tiss`: CC BY-ND. `billing load-tuss` loads them into the database
  as published. They are never edited, and are not in this repository.
- **The smaller tables of the ANS** (23, 24, 36, 38, 50, 52 and 76), shipped in the package `tiss` from the open data of
  the ANS, which state no licence: loaded in the same way. Tables 26 and 59 are those of the TISS 4.03.00 schemas.
- **The TISS 4.03.00 schemas and example documents**, shipped in the package `tiss`: read from the package.
- **Demo data**: invented; its names and numbers are of no real person.

"""


def main() -> None:
    """Write the page."""
    runtime, development = _locked("requirements.txt"), _locked("requirements-dev.txt")
    tables = {
        "Python packages that the gateway runs on": {name: _licence(name) for name in runtime},
        "JavaScript packages in the GraphiQL page": _bundled(),
        "JavaScript bundles of the pages about the REST endpoints": _bundles(),
        "Python packages for development and tests": {
            name: _licence(name) for name in development if name not in runtime
        },
    }
    page = _INTRO + "\n".join(f"## {title}\n\n{_table(licences)}" for title, licences in tables.items())
    (ROOT / "docs" / "third-party.md").write_text(page)


def _locked(file: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / file).read_text(), re.MULTILINE)


def _licence(package: str) -> str:
    """The SPDX identifier; KeyError for a package that states none, which UNSTATED must then name."""
    found = metadata(package)
    classifiers = [each for each in found.get_all("Classifier") or [] if each.startswith("License ::")]
    stated = next((found[name] for name in ("License-Expression", "License") if name in found), None)
    licence = stated or next(iter(classifiers), None)
    return UNSTATED[package] if licence is None else SPDX.get(licence, licence)


def _bundled() -> dict[str, str]:
    packages = json.loads((ROOT / "explorer" / "package-lock.json").read_text())["packages"]
    return {
        path.rpartition("node_modules/")[2]: each["license"]
        for path, each in sorted(packages.items())
        if path and not each.get("dev")
    }


def _bundles() -> dict[str, str]:
    """Those that are copied as they are; each has a file of the licences inside of it."""
    packages = json.loads((ROOT / "rest-pages" / "package-lock.json").read_text())["packages"]
    return {name: packages[f"node_modules/{name}"]["license"] for name in sorted(packages[""]["dependencies"])}


def _table(licences: dict[str, str]) -> str:
    rows = "".join(f"| {name} | {licence} |\n" for name, licence in licences.items())
    return f"| package | licence |\n| --- | --- |\n{rows}"


if __name__ == "__main__":
    main()
