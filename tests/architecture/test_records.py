"""Records and tables agree: what a table has, its record has; what a record has, is written."""

import ast
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Table

from app import db

FOLDER = Path(db.__path__[0])
MODULES = {
    path.stem: import_module(f"app.db.{path.stem}") for path in sorted(FOLDER.glob("*.py")) if path.stem != "__init__"
}

NOT_READ = {
    "EmergencyRecord": {"serial": "only decides which of a caller's simultaneous requests is the next one"},
    "ProviderRecord": {
        "last_invoice_number": "a counter, raised and read by next_number only",
        "last_batch_number": "the last number of releases without batches, read by batches.next_number only",
    },
    "PatientRecord": {"registered_cpf": "only keeps two registrations of one CPF apart"},
    "TussRecord": {"search_text": "only searched"},
    "Identity": {"slot": "only keeps the table at one row"},
    "OutboxRecord": {
        "published_at": "only the relay's queries use it",
        "parked_at": "see ParkedRecord",
        "parked_reason": "see ParkedRecord",
    },
    "DeadStatementRecord": {
        "id": "its place names it",
        "raw": "up to a megabyte, read alone by raw_of",
        "resolved_at": "only open ones are listed",
    },
    "ImportJobRecord": {
        "lease_holder": "only whoever holds the job asks for it",
        "lease_until": "likewise",
    },
    "PostingRecord": {
        "lease_holder": "only whoever posts asks for it",
        "lease_until": "likewise",
    },
    "ParkedRecord": dict.fromkeys(
        ("id", "provider_cnes", "payer_ans", "patient_id", "data", "recorded_at", "position", "published_at"),
        "what an operator is shown of a parked event needs none of it",
    ),
}
"""Columns of a record's table that the record leaves out, each with its reason."""

PARTIAL_WRITES = {
    "postings.stop": "a posting that ends before its last unit, by the remittance",
    "unapplied_credits.correct_days": "all credits of a statement whose day of payment is corrected",
    "bank.undo_match": "a match that is taken back frees all its payments",
    "appeal_batches.release": "a batch of appeals that is rejected or cancelled frees them",
    "appeal_batches.release_denial": "an answered appeal leaves its batch",
    "appeal_batches.release_refused": "appeals that the payer refused at reception are left to other batches",
    "appeal_attachments.remove": "removed files leave their documents to the sweep",
    "batches.refuse": "a claim that the payer refused is left to other batches",
    "batches.release": "a batch that is rejected or cancelled frees its claims",
    "documents.renew": "the age of an upload counts from when it came again",
    "documents.use": "an upload whose content is stored is not looked at again",
    "unused_documents.delete_slice": "a document that something refers to is looked at once",
    "tuss.update_many": "a newer file changes or ends terms, by their keys",
    "emergency.close": "an open access ends, unless it has ended meanwhile",
    "emergency.insert_access": "whole records, with the serial that no record has",
    "rows._statement": "writes whole rows of the access log, as text that is compiled once",
    "record_texts.InsertText": "the text of `insert_records`",
    "record_texts.insert_if": "the statement of `insert_record_if`",
    "record_texts.update_text": "the text of `update_columns`",
    "idempotency._take": "a repeated key is ignored; writes whole keys",
    "idempotency._take_on_sqlite": "a repeated key is ignored; writes whole keys",
    "idempotency.keep_response": "the answer of a key that is inserted before the work",
    "invoice_lines.release": "a cancelled invoice frees what it billed, whatever its lines",
    "invoices.next_number": "a counter",
    "books.store": "the sums of a month, which are read by their total only",
    "books.take": "a process begins a month that no other one has begun",
    "dead_statements.resolve": "an operator's note, not what the message was",
    "outbox.mark_published": "the relay's own columns of many rows",
    "outbox.number": "the relay's own columns of many rows",
    "outbox.assign_positions": "the relay's own columns of many rows",
    "outbox.park": "the relay's own columns",
    "outbox.publish_again": "the relay's own columns of many rows",
    "outbox._release": "the relay's own columns of many rows",
    "leadership._take": "the lease is taken only if nobody has changed it since it was read",
    "leadership._set": "a leader's own column, only while it leads",
    "party_changes.update_payer": "whole records, found by the code",
    "party_changes.update_provider": "whole records, found by the code, without the counters",
    "patient_changes.insert_registered": "whole records, with the CPF that no other may have",
    "patient_changes.add_registration": "a pair that is a fact by itself",
    "patient_changes.register_cpf": "the column that no record has",
    **dict.fromkeys(
        (f"merged_patients.{name}" for name in ("move_coverages", "move_rest", "move_events")),
        "a merge changes whose a row is, and nothing else of it",
    ),
    "parties.insert_providers": "whole records, with the counters at zero",
    "lines_to_post._pay_lines": "all lines of a statement that was an analysis and is paid now",
    "remittances.cancel_lines": "all lines of a cancelled statement at once, whatever they say",
    "imports.take": "the lease of a job, only while it is free",
    "imports.renew": "a holder's own column, only while it holds the job",
    "imports.give_back": "a holder's own columns, only while it holds the job",
    "imports._free": "a job that has ended has no lease",
    "imports.begin": "only while the job is held",
    "imports.advance": "only while the job is held, and where it was seen last",
    "imports.set_parties": "a job whose guides have several parties",
    "imports.set_parties_of_document": "the same of its document, which nothing else changes",
    "postings.start": "a statement that is posted again starts its posting anew",
    "postings.advance": "only while the posting is held",
    "postings.take": "the lease of a posting, only while it is free",
    "postings.renew": "a holder's own column, only while it holds the posting",
    "postings.give_back": "a holder's own columns, only while it holds the posting",
    "identity.renew": "the one row of the identity of the database",
    "tuss.renew_version": "the version of the terms, in the same row",
    "tuss.insert_many": "rows of the published tables, with the text for searching",
}
"""Functions that write by themselves and not by `insert_records` and `update_record`, each with its reason."""


def _calls(module: ModuleType) -> Iterator[tuple[str, ast.Call]]:
    """(function or "", call) of every call in a module."""
    for statement in ast.parse((FOLDER / f"{module.__name__.rpartition('.')[2]}.py").read_text()).body:
        name = getattr(statement, "name", "")
        yield from ((name, node) for node in ast.walk(statement) if isinstance(node, ast.Call))


def _pairs() -> Iterator[tuple[Table, type[Any]]]:
    """(table, record) of every `columns(table, record)`."""
    for module in MODULES.values():
        for _, call in _calls(module):
            if isinstance(call.func, ast.Name) and call.func.id == "columns":
                table, record = (getattr(module, ast.unparse(argument)) for argument in call.args)
                yield table, record


PAIRS = list(_pairs())


@pytest.mark.parametrize(("table", "record"), PAIRS, ids=[record.__name__ for _, record in PAIRS])
def test_a_record_reads_every_column_of_its_table_or_says_why_not(table: Table, record: type[Any]) -> None:
    missing = {column.name for column in table.c} - {field.name for field in fields(record)}
    assert missing == set(NOT_READ.get(record.__name__, {}))


@pytest.mark.parametrize("record", [record for _, record in PAIRS], ids=lambda record: record.__name__)
def test_a_record_has_no_defaults(record: type[Any]) -> None:
    """A place that builds a record and forgets a field would clear its column."""
    assert [
        field.name for field in fields(record) if (field.default, field.default_factory) != (MISSING, MISSING)
    ] == []


def test_every_record_is_read_by_its_columns() -> None:
    records = {
        value
        for module in MODULES.values()
        for name, value in vars(module).items()
        if name.endswith(("Record", "Step")) and isinstance(value, type) and is_dataclass(value)
    }
    by_hand = {"KeyRecord", "UnderpaymentRecord"}
    assert {record.__name__ for record in records} - {record.__name__ for _, record in PAIRS} == by_hand


def _is_write(call: ast.Call) -> bool:
    return ast.unparse(call.func) in {"insert", "update", "mysql.insert", "sqlite.insert"}


def test_only_known_functions_write_less_than_whole_records() -> None:
    writing = {
        f"{stem}.{function}"
        for stem, module in MODULES.items()
        for function, call in _calls(module)
        if _is_write(call) and stem != "records"
    }
    assert writing == set(PARTIAL_WRITES)
