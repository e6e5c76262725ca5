"""Changes of the books are committed in one place, and every action that a service declares is known."""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

from app import services
from app.schema.root import schema
from app.services.actions import ACTIONS
from app.unit_of_work.action import Action

APP = Path(__file__).parents[2] / "app"
TRANSACTIONS = {
    "unit_of_work/run.py": "the one door",
    "access_log/writer.py": "looks at data, which change nothing in the books",
    "access_log/sealer.py": "seals of the access log",
    "access_log/archive.py": "moves old entries of the access log into a file",
    "services/books.py": "stores what it has added up",
    "services/retention.py": "deletes what has been stored for long enough",
    "services/tuss_load.py": "loads the published terms",
    "services/documents.py": "stores the parts of a document while it arrives, and deletes those of abandoned uploads",
    "services/leases.py": "the leases of jobs",
    "services/dead_statements.py": "payers' messages that could not be handled",
    "commands/events.py": "publishes events of the log again",
    "commands/serving.py": "renews the identity of the database",
}
"""Every file that may commit, and what it commits."""
INTERNAL = {"expireDenials", "receiveRemittance", "uploadDocument", "loadPayers", "retirePayers"}
INTERNAL |= {"importPartyRows"}
INTERNAL |= {"beginImport", "importGuidesOfJob", "refuseFileOfJob", "endFileOfJob", "finishImport"}
INTERNAL |= {"beginStatementImport", "importLinesOfStatement", "endStatementOfJob", "giveUpStatementImport"}
INTERNAL |= {"postUnitOfRemittance", "skipClaimOfRemittance", "matchLinesOfClaim", "divideProtocolsOfRemittance"}
"""Actions that nobody may ask for."""


def _calls(path: Path, name: str) -> bool:
    text = path.read_text()
    # Most files do not name it, and parsing all of them takes seconds.
    return name in text and any(
        isinstance(node, ast.Attribute) and node.attr == name for node in ast.walk(ast.parse(text))
    )


def _files() -> list[Path]:
    return [path for path in APP.rglob("*.py") if path.relative_to(APP).as_posix() != "db/engine.py"]


def test_only_these_files_commit() -> None:
    found = {path.relative_to(APP).as_posix() for path in _files() if _calls(path, "transact")}
    assert found == set(TRANSACTIONS)


def test_only_the_runner_writes_history_and_the_outbox() -> None:
    for name in ("insert_claim_steps", "insert_invoice_steps", "insert_party_steps", "insert_events"):
        found = {path.relative_to(APP).as_posix() for path in _files() if _calls(path, name)}
        assert found == {"unit_of_work/run.py"}, name


def _declared() -> list[Action[Any]]:
    modules = [importlib.import_module(f"app.services.{each.name}") for each in pkgutil.iter_modules(services.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Action)]
    return list({id(action): action for action in found}.values())


def test_every_action_of_a_service_is_offered_or_internal() -> None:
    names = [action.name for action in _declared()]
    assert sorted(names) == sorted({action.name for action in ACTIONS} | INTERNAL)
    assert {action.name for action in _declared() if action.needs is None} == INTERNAL


def test_the_mutations_of_the_schema_are_the_actions() -> None:
    mutations = schema._schema.mutation_type
    assert mutations is not None
    assert set(mutations.fields) == {action.name for action in ACTIONS}


def test_the_name_of_an_action_is_written_once() -> None:
    """In its declaration; the schema, the metrics, the keys, the log and availableActions take it from there."""
    files = {path.relative_to(APP).as_posix(): path.read_text() for path in APP.rglob("*.py")}
    for action in ACTIONS:
        found = [name for name, text in files.items() if f'"{action.name}"' in text]
        assert len(found) == 1, (action.name, found)
        assert found[0].startswith("services/"), found
