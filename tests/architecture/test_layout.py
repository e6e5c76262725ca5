"""The shape of app/: one module at the root, empty package files, and no file that is too long to read."""

from pathlib import Path

APP = Path(__file__).parents[2] / "app"
LINES_MAX = 400


def test_the_command_line_is_the_only_module_beside_the_rooms() -> None:
    assert {path.name for path in APP.glob("*.py")} == {"__init__.py", "cli.py"}


def test_package_files_are_empty() -> None:
    assert [str(path) for path in APP.rglob("__init__.py") if path.read_text()] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in APP.rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > LINES_MAX} == {}
