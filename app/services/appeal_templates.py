"""Templates of justifications: saved and deleted by those who appeal, and filled with the values of a denial."""

from dataclasses import replace
from typing import Any, Final

from app.db import appeal_batches as appeal_batches_db
from app.db import appeal_templates as templates_db
from app.db import claims as claims_db
from app.db.appeal_templates import AppealTemplateRecord
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain import ids, tabela38
from app.domain.appeal_templates import template_failure
from app.domain.errors import check_version, not_found
from app.domain.money import Cents, format_money
from app.domain.refusals import checked
from app.services import parties
from app.unit_of_work.action import Action, StoredAnswer, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork


async def create(unit: UnitOfWork, *, provider: str, code: str, text: str) -> AppealTemplateRecord:
    """A new template of the provider for denials with this code."""
    shape = [tabela38.code_failure(code, "code"), template_failure(text, "text")]
    await checked(shape, parties.check_provider(unit.connection, unit.scope, provider))
    template = AppealTemplateRecord(
        ids.new_id(ids.APPEAL_TEMPLATE), provider, code, text, 1, unit.subject, unit.now, unit.now
    )
    await templates_db.insert_template(unit.connection, template)
    unit.changed(template.id)
    return template


async def update(unit: UnitOfWork, *, id: str, text: str, version: int | None) -> AppealTemplateRecord:
    """Change the text of a template; what it was used for stays as it is."""
    template = await checked([template_failure(text, "text")], _locked(unit, id, version))
    changed = replace(template, text=text, version=template.version + 1, changed_at=unit.now)
    await templates_db.update_template(unit.connection, changed)
    unit.changed(id)
    return changed


async def remove(unit: UnitOfWork, *, id: str, version: int | None) -> str:
    """Delete a template; the result is its id."""
    await _locked(unit, id, version)
    await templates_db.delete_template(unit.connection, id)
    unit.changed(id)
    return id


async def _locked(unit: UnitOfWork, template_id: str, version: int | None) -> AppealTemplateRecord:
    found = await templates_db.lock(unit.connection, unit.scope, template_id)
    if found is None:
        raise not_found("template")
    check_version("template", found.version, version)
    return found


async def values_of(unit: UnitOfWork, found: list[DenialRecord]) -> dict[str, dict[str, str | None]]:
    """Denial id -> the values of its fields in templates; the caller may see the denials."""
    connection, scope = unit.connection, unit.scope
    claim_ids = sorted({denial.claim_id for denial in found})
    claims = {claim.id: claim for claim in await claims_db.by_ids(connection, scope, claim_ids)}
    item_ids = sorted({denial.item_id for denial in found})
    items = {item.id: item for item in await claims_db.items_by_ids(connection, scope, item_ids)}
    protocols = await appeal_batches_db.protocols_of(connection, claim_ids)
    return {
        each.id: _values(each, claims[each.claim_id], items[each.item_id], protocols.get(each.claim_id))
        for each in found
    }


def _values(denial: DenialRecord, claim: ClaimRecord, item: ItemRecord, protocol: str | None) -> dict[str, str | None]:
    return {
        "claimNumber": claim.provider_claim_number,
        "payerClaimNumber": claim.payer_claim_number,
        "protocol": protocol,
        "authorization": claim.authorization_number,
        "serviceDate": f"{item.performed_on:%d/%m/%Y}",
        "item": str(item.number),
        "procedure": item.code,
        "description": item.description,
        "code": denial.code,
        "amount": format_money(Cents(denial.amount_cents)),
    }


async def _rebuild_id(_unit: UnitOfWork, facts: Any) -> str:
    return str(facts)


_STORED: Final = StoredRecord(AppealTemplateRecord, templates_db.by_ids, "version", "changed_at")
_ONE: Final = answer_of_one(_STORED)
CREATE: Final = Action("createAppealTemplate", create, needs="denials:appeal", answer=_ONE)
UPDATE: Final = Action(
    "updateAppealTemplate",
    update,
    needs="denials:appeal",
    answer=_ONE,
    resent=lambda template, given: replace(template, text=given["text"]),
)
DELETE: Final = Action(
    "deleteAppealTemplate", remove, needs="denials:appeal", answer=StoredAnswer(lambda found: found, _rebuild_id)
)
