"""Reports functions, classes, constants and imports that nothing uses; exit code 1 if there are any.

Fields of classes are left out: records, inputs and enums are read by libraries and clients. Code that only tests use is
dead too.
"""

import sys
from pathlib import Path
from typing import Final

from vulture import Vulture
from vulture.core import Item

from app.cli import COMMANDS

ROOT: Final = Path(__file__).parents[1]
PATHS: Final = (ROOT / "app", ROOT / "scripts")
DECORATORS: Final = (
    "@strawberry.*",
    "@object_type",
    "@input_type",
    "@interface_type",
    "@amount",
    "@field_validator",
    "@model_validator",
    "@event.listens_for",
)
"""The library calls what these decorate."""
ALLOWED: Final = {
    "process_bind_param": "SQLAlchemy calls it on a TypeDecorator",
    "process_result_value": "SQLAlchemy calls it on a TypeDecorator",
    "_by_function": "SQLAlchemy calls it to compile an expression",
    "_by_collation": "SQLAlchemy calls it to compile an expression",
    "complete_awaitable_value": "graphql-core calls it on an executor",
    "_get_descriptions": "aiomysql calls it on a result",
    "_read_rowdata_packet": "aiomysql calls it on a result",
    "resolve_async": "Strawberry calls it on a field extension",
    "enter_fragment_spread": "graphql-core calls it on a Visitor",
    "enter_directive": "graphql-core calls it on a Visitor",
    "enter_variable": "graphql-core calls it on a Visitor",
    "leave_selection_set": "graphql-core calls it on a Visitor",
    "insert_only_row": "a step of migrations, whose files are not searched",
    "f": "a step of migrations, whose files are not searched",
    "backfill": "a step of migrations, whose files are not searched",
    "create_unique": "a step of migrations, whose files are not searched",
    "drop_unique": "a step of migrations, whose files are not searched",
    "set_nullable": "a step of migrations, whose files are not searched",
    "reject": "websockets calls it for a handshake that it refuses",
    "main_loop": "uvicorn calls it on its server",
    "send_500_response": "uvicorn calls it for a handshake that nothing has answered",
    "put_nowait": "uvicorn calls it on the queue of a socket",
    "emergency_access": "a loader that NODE_TYPES names",
    "statement_mapping": "a loader that NODE_TYPES names",
    "appeal_template": "a loader that NODE_TYPES names",
    "appeal_batch_step": "a loader that NODE_TYPES names",
    "bank_entry": "a loader that NODE_TYPES names",
    "batch_step": "a loader that NODE_TYPES names",
    "party_step": "a loader that NODE_TYPES names",
    "registered_practitioner": "a loader that NODE_TYPES names",
    "waits_since": "Strawberry reads it for the field of that name",
    "start_cursor": "Strawberry reads it for the field of that name",
    "end_cursor": "Strawberry reads it for the field of that name",
}
"""Each name with who uses it, or why it stays."""
OF_COMMANDS: Final = {name.replace("-", "_") for name in COMMANDS}
"""Functions that the command line finds by their names."""


def main() -> None:
    """One line for each finding, and for each allowed name that is not needed any more."""
    vulture = Vulture(ignore_decorators=list(DECORATORS))
    vulture.scavenge(PATHS, exclude=["migrations/versions"])
    found = [item for item in vulture.get_unused_code(min_confidence=60) if not _is_field(item)]
    lines = [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} {item.name}"
        for item in found
        if item.name not in ALLOWED and item.name not in OF_COMMANDS
    ]
    needless = set(ALLOWED) - {str(item.name) for item in found}
    lines += [f"scripts/dead_code.py: {name} need not be allowed" for name in sorted(needless)]
    sys.exit("\n".join(lines) or None)


def _is_field(item: Item) -> bool:
    if item.typ == "attribute":
        return True
    line = item.filename.read_text().splitlines()[item.first_lineno - 1]
    return item.typ == "variable" and line.startswith(" ")


if __name__ == "__main__":
    main()
