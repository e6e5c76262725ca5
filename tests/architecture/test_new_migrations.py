"""A migration is drafted by `make migration`, and consists of steps that the running release does not notice."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect

from app.db import migrate, migration_steps

ROOT = Path(__file__).parents[2]
VERSIONS = sorted((migrate.SCRIPTS / "versions").glob("*.py"))
STEPS = {name for name in vars(migration_steps) if not name.startswith("_")}
DRAFT = """
import sys
from pathlib import Path
from sqlalchemy import Column, Index, Integer
from app.db.tables import claims
from app.db.types import ascii_text
from scripts import draft_migration

claims.append_column(Column("color", ascii_text(10)))
claims.append_column(Column("weight", Integer, nullable=False, server_default="0"))
claims.append_constraint(Index(None, claims.c.color))
draft_migration.main("colors of claims", Path(sys.argv[1]))
"""


def _blocking(source: str) -> list[str]:
    """What a migration does that is no step of `migration_steps`: it may hold up the release that still runs."""
    tree = ast.parse(source)
    imported = [each.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for each in node.names]
    called = [
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "steps"
    ]
    return [name for name in imported if name == "op"] + [name for name in called if name not in STEPS]


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_takes_only_steps_that_writers_do_not_notice(path: Path) -> None:
    assert _blocking(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from alembic import op", ["op"]),
        ("from app.db import migration_steps as steps\nsteps.alter_column('claims', 'color')", ["alter_column"]),
        ("from app.db import migration_steps as steps\nsteps.create_index('ix', 'claims', ['color'])", []),
    ],
)
def test_a_blocking_step_is_found(source: str, found: list[str]) -> None:
    assert _blocking(source) == found


def test_a_draft_passes_the_linter_and_upgrades_a_database(tmp_path: Path) -> None:
    # The rules of a file depend on its place in the project.
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    scripts = Path(shutil.copytree(migrate.SCRIPTS, tmp_path / migrate.SCRIPTS.relative_to(ROOT)))
    drafted = [sys.executable, "-c", DRAFT, str(scripts)]
    subprocess.run(drafted, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (draft,) = {path.name for path in (scripts / "versions").glob("*.py")} - {path.name for path in VERSIONS}
    number = len(VERSIONS) + 1
    assert draft == f"{number:04d}_colors_of_claims.py"
    assert _blocking((scripts / "versions" / draft).read_text()) == []
    for check in (["check"], ["format", "--check"]):
        linted = [sys.executable, "-m", "ruff", *check, str(scripts / "versions" / draft)]
        done = subprocess.run(linted, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    _upgrade_and_back(scripts, tmp_path / "draft.db", number)


def _upgrade_and_back(scripts: Path, file: Path, number: int) -> None:
    settings = migrate.config()
    settings.set_main_option("script_location", str(scripts))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        columns = {each["name"] for each in inspect(connection).get_columns("claims")}
        indexes = {each["name"] for each in inspect(connection).get_indexes("claims")}
        assert columns >= {"color", "weight"}
        assert "ix_claims_color" in indexes
        command.downgrade(settings, f"b{number - 1:03d}")
        assert {"color", "weight"} & {each["name"] for each in inspect(connection).get_columns("claims")} == set()
    engine.dispose()
