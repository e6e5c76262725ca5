"""Compares schema.graphql with the schema of the last release, or of a file; exit code 1 if a breaking change is not
announced in CHANGELOG.md.

The released schemas are in schema/released, a file for each version: a clone without tags or history has them too.
"""

import re
import sys
from pathlib import Path
from typing import Final, NamedTuple

from scripts.schema_changes import Level, changes

ROOT: Final = Path(__file__).parents[1]
SCHEMA: Final = "schema.graphql"
RELEASED: Final = Path("schema", "released")


class Released(NamedTuple):
    """A schema that clients have."""

    name: str
    """The version or the file."""
    sdl: str


class Section(NamedTuple):
    """A section of the changelog."""

    version: str
    """Such as `0.2.0`, or `Unreleased`."""
    text: str


def main(root: Path = ROOT, file: str = "") -> None:
    """Print a line for each change since the last release of `root`, or since the file."""
    sections = changelog(root)
    released = Released(file, Path(file).read_text()) if file else last_release(root, sections)
    if released is None:
        print(f"{SCHEMA} is not compared: CHANGELOG.md has no earlier release")  # noqa: T201 - the report
        return
    found = changes(released.sdl, (root / SCHEMA).read_text())
    print(*found, f"{len(found)} changes of {SCHEMA} since {released.name}", sep="\n")  # noqa: T201 - the report
    said = announced(sections, since=released.name)
    missing = {one.coordinate: None for one in found if one.level is Level.BREAKING and one.coordinate not in said}
    if missing:
        names = ", ".join(f"`{each}`" for each in missing)
        sys.exit(f'announce in CHANGELOG.md under "{sections[0].version}": {names}')


def changelog(root: Path) -> list[Section]:
    """The sections of CHANGELOG.md, newest first."""
    parts = re.split(r"^## ", (root / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    return [Section(part.split(maxsplit=1)[0], part) for part in parts]


def last_release(root: Path, sections: list[Section]) -> Released | None:
    """The schema of the version in the second section; the first one is what this checkout is, or will be."""
    if len(sections) == 1:
        return None
    version = sections[1].version
    path = root / RELEASED / f"{version}.graphql"
    if not path.exists():
        sys.exit(f"{path.relative_to(root)} is missing: it is {SCHEMA} of that release, which `make release` copies")
    return Released(version, path.read_text())


def announced(sections: list[Section], since: str) -> set[str]:
    """What the sections above that of the release name in backticks; without such a section, what the first names."""
    of_release = [place for place, section in enumerate(sections) if section.version == since]
    newer = sections[: of_release[0]] if of_release else sections[:1]
    return set(re.findall(r"`([^`\n]+)`", "".join(section.text for section in newer)))


if __name__ == "__main__":
    main(file=sys.argv[1] if len(sys.argv) > 1 else "")
