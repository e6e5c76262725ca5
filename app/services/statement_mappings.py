"""Mappings of payers' spreadsheets: saved, replaced and deleted by those who import statements."""

from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from app.db import statement_mappings as mappings_db
from app.db.statement_mappings import StatementMappingRecord
from app.domain import ids
from app.domain.errors import check_version, conflict, not_found, raise_any
from app.domain.sheet_columns import Mapping, digest_of, mapping_failures
from app.services import parties
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork


async def save(
    unit: UnitOfWork, *, provider: str, payer: str, columns: Mapping, version: int | None
) -> StatementMappingRecord:
    """The mapping for spreadsheets with these headers, new or in place of the one that there is."""
    raise_any(mapping_failures(columns))
    await parties.check(unit.connection, unit.scope, provider=provider, payer=payer)
    return await stored(unit, provider, payer, columns, version=version)


async def stored(
    unit: UnitOfWork, provider: str, payer: str, columns: Mapping, *, version: int | None = None
) -> StatementMappingRecord:
    """As `save`, of checked columns and parties; one that is the same already is not changed."""
    digest = digest_of([each.header for each in columns])
    known = await mappings_db.lock_of_headers(unit.connection, unit.scope, provider, payer, digest)
    if known is None:
        return await _new(unit, provider, payer, digest, columns)
    check_version("mapping", known.version, version)
    unit.changed(known.id)
    if known.mapped_columns == columns:
        return known
    changed = replace(
        known, mapped_columns=columns, version=known.version + 1, changed_by=unit.subject, changed_at=unit.now
    )
    await mappings_db.update_mapping(unit.connection, changed)
    return changed


async def _new(unit: UnitOfWork, provider: str, payer: str, digest: str, columns: Mapping) -> StatementMappingRecord:
    who = unit.subject
    mapping = StatementMappingRecord(
        ids.new_id(ids.STATEMENT_MAPPING), provider, payer, digest, columns, 1, who, unit.now, who, unit.now
    )
    try:
        await mappings_db.insert_mapping(unit.connection, mapping)
    except IntegrityError:
        raise conflict("a mapping for these columns was saved concurrently: try again", "columns") from None
    unit.changed(mapping.id)
    return mapping


async def remove(unit: UnitOfWork, *, id: str, version: int | None) -> str:
    """Delete a mapping; statements that were read by it stay. The result is its id."""
    found = await mappings_db.lock(unit.connection, unit.scope, id)
    if found is None:
        raise not_found("mapping")
    check_version("mapping", found.version, version)
    await mappings_db.delete_mapping(unit.connection, id)
    unit.changed(id)
    return id


async def _rebuild_id(_unit: UnitOfWork, facts: Any) -> str:
    return str(facts)


_STORED: Final = StoredRecord(StatementMappingRecord, mappings_db.by_ids, "version", "changed_by", "changed_at")
SAVE: Final = Action(
    "saveStatementMapping",
    save,
    needs="remittances:import",
    answer=answer_of_one(_STORED),
    resent=lambda mapping, given: replace(mapping, mapped_columns=given["columns"]),
)
DELETE: Final = Action(
    "deleteStatementMapping",
    remove,
    needs="remittances:import",
    answer=StoredAnswer(lambda found: found, _rebuild_id),
)
