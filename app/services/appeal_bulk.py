"""Appeals against all denials of a filter, with one text or a template."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.db import appeal_templates as templates_db
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db.denials import DenialFilter, DenialRecord
from app.domain.appeal_templates import filled
from app.domain.denials import JUSTIFICATION_MAX, DenialStatus
from app.domain.errors import BillingError, not_found, raise_any
from app.domain.refusals import checked
from app.domain.text import text_failure
from app.services import appeal_templates, denials
from app.services.denials import STORED_DENIAL
from app.services.outcomes import Outcome, answer_of_outcomes
from app.unit_of_work.action import Action, StoredAnswer
from app.unit_of_work.unit import UnitOfWork

MATCHING_MAX: Final = 100
_OUTCOMES: Final = answer_of_outcomes(STORED_DENIAL)


@dataclass(slots=True)
class Appealed:
    """A result for each denial that matches, the earliest deadline first, and how many were appealed or would be."""

    results: list[Outcome[DenialRecord]] = field(default_factory=list)
    appealed_count: int = 0


async def appeal_matching(
    unit: UnitOfWork, *, where: DenialFilter, text: str | None, template_id: str | None, dry_run: bool, atomic: bool
) -> Appealed:
    """Appeal against up to a hundred open denials that match, for their whole amounts; call it again for more.

    A dry run changes nothing: its results say what would be refused.
    """
    shape = [text_failure(text, "justification.text", JUSTIFICATION_MAX)]
    text = await checked(shape, _template(unit, template_id, text))
    found = await _locked(unit, where)
    values = await appeal_templates.values_of(unit, found) if template_id is not None and found else {}
    appealed = Appealed()
    for denial in found:
        outcome = await _one(unit, denial, text or "", values.get(denial.id), dry_run=dry_run)
        appealed.results.append(outcome)
        appealed.appealed_count += not outcome.failures
    if atomic:
        raise_any(failure for each in appealed.results for failure in each.failures)
    return appealed


async def _template(unit: UnitOfWork, template_id: str | None, text: str | None) -> str | None:
    if template_id is None:
        return text
    found = await templates_db.by_ids(unit.connection, unit.scope, [template_id])
    if not found:
        raise not_found("template", "justification.templateId")
    return found[0].text


async def _locked(unit: UnitOfWork, where: DenialFilter) -> list[DenialRecord]:
    """The first open denials of the filter, with their claims locked."""
    connection, scope = unit.connection, unit.scope
    seen = await denials_db.first_open(connection, scope, where, unit.today, MATCHING_MAX)
    await claims_db.lock_many(connection, scope, sorted({denial.claim_id for denial in seen}))
    found = {each.id: each for each in await denials_db.by_ids(connection, scope, [each.id for each in seen])}
    return [found[each.id] for each in seen if each.id in found and found[each.id].status is DenialStatus.OPEN]


async def _one(
    unit: UnitOfWork, denial: DenialRecord, text: str, values: dict[str, str | None] | None, *, dry_run: bool
) -> Outcome[DenialRecord]:
    try:
        justification = text if values is None else filled(text, values)
        if dry_run:
            return Outcome(denial.id, denial)
        async with unit.attempt():
            appealed = await denials.appeal(unit, id=denial.id, amount=None, justification=justification)
            return Outcome(denial.id, appealed)
    except BillingError as error:
        return Outcome(denial.id, None, tuple(replace(failure, field=None) for failure in error.failures))


def _facts(done: Appealed) -> Any:
    return [_OUTCOMES.facts(done.results), done.appealed_count]


async def _rebuild(unit: UnitOfWork, facts: Sequence[Any]) -> Appealed:
    results, appealed_count = facts
    return Appealed(await _OUTCOMES.rebuild(unit, results), appealed_count)


APPEAL_MATCHING: Final = Action(
    "appealMatchingDenials", appeal_matching, needs="denials:appeal", answer=StoredAnswer(_facts, _rebuild)
)
