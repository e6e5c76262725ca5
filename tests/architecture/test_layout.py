"""The shape of the folders: one module at the root of app/, empty package files, no file that is too long to read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
LINES_MAX = 400


def test_the_command_line_is_the_only_module_beside_the_rooms() -> None:
    assert {path.name for path in APP.glob("*.py")} == {"__init__.py", "cli.py"}


def test_package_files_are_empty() -> None:
    assert [str(path) for path in APP.rglob("__init__.py") if path.read_text()] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    paths = [path for folder in ("app", "tests", "scripts", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path): len(path.read_text().splitlines()) for path in paths}
    assert {path: length for path, length in lengths.items() if length > LINES_MAX} == {}
