"""Compares schema.graphql with the schema of the last release, or of a file; exit code 1 if a breaking change is not
announced in CHANGELOG.md."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from scripts.schema_changes import Level, changes

ROOT: Final = Path(__file__).parents[1]
SCHEMA: Final = "schema.graphql"
UNRELEASED: Final = "Unreleased"


class Released(NamedTuple):
    """A schema that clients have."""

    name: str
    """The tag or the file."""
    sdl: str


def main(root: Path = ROOT, file: str = "") -> None:
    """Print a line for each change since the last git tag of `root`, or since the file."""
    released = Released(file, Path(file).read_text()) if file else _last_release(root)
    if isinstance(released, str):
        print(f"{SCHEMA} is not compared: {released}")  # noqa: T201 - the report
        return
    found = changes(released.sdl, (root / SCHEMA).read_text())
    print(*found, f"{len(found)} changes of {SCHEMA} since {released.name}", sep="\n")  # noqa: T201 - the report
    said = announced((root / "CHANGELOG.md").read_text(), since=released.name)
    missing = {one.coordinate: None for one in found if one.level is Level.BREAKING and one.coordinate not in said}
    if missing:
        sys.exit(f'announce in CHANGELOG.md under "{UNRELEASED}": ' + ", ".join(f"`{each}`" for each in missing))


def announced(changelog: str, since: str) -> set[str]:
    """What the sections above that of the release name in backticks; without such a section, what "Unreleased" names.

    While a release is prepared, "Unreleased" has the name of the new version already.
    """
    sections = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    titles = [section.partition("\n")[0] for section in sections]
    of_release = [place for place, title in enumerate(titles) if since.removeprefix("v") in title.split()]
    chosen = sections[: of_release[0]] if of_release else [each for each in sections if each.startswith(UNRELEASED)]
    return set(re.findall(r"`([^`\n]+)`", "".join(chosen)))


def _last_release(root: Path) -> Released | str:
    """The schema of the last tag before the commit, or why there is none."""
    git = shutil.which("git")
    if git is None:
        return "git is not installed"
    tag = _said(git, root, "describe", "--tags", "--abbrev=0")
    if tag is None:
        return "there is no tag in the history of this clone"
    sdl = _said(git, root, "show", f"{tag.strip()}:{SCHEMA}")
    return f"{tag.strip()} has none" if sdl is None else Released(tag.strip(), sdl)


def _said(git: str, root: Path, *arguments: str) -> str | None:
    done = subprocess.run([git, *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    main(file=sys.argv[1] if len(sys.argv) > 1 else "")
