"""The same change to many objects: each for itself, or all or none."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from app.db import batches as batches_db
from app.db import claims as claims_db
from app.db import denials as denials_db
from app.db import invoices as invoices_db
from app.db import remittances as remittances_db
from app.db.remittances import RemittanceRecord
from app.domain.errors import BillingError, ErrorCode, raise_any, refuse
from app.services import claims, denials, invoices, posting
from app.services.claims import CLAIM_OUTCOMES
from app.services.denials import STORED_DENIAL
from app.services.invoices import STORED_INVOICE
from app.services.outcomes import Outcome, answer_of_outcomes
from app.services.remittances import STORED_REMITTANCE
from app.unit_of_work.action import Action, Row, StoredAnswer
from app.unit_of_work.unit import UnitOfWork

OBJECTS_MAX: Final = 100
STATEMENTS_MAX: Final = 10
"""Of statements to post at once: each may have thousands of lines, and all share the time of one change."""
One = Callable[..., Awaitable[Row]]
Lock = Callable[[UnitOfWork, Sequence[str]], Awaitable[object]]


def _bulk(
    name: str,
    list_name: str,
    of_one: Action[Any],
    stored: StoredAnswer[list[Outcome[Row]]],
    lock: Lock,
    *,
    run_one: One[Row] | None = None,
    limit: int = OBJECTS_MAX,
) -> Action[list[Outcome[Row]]]:
    """The action that does for many objects what `of_one` does for one.

    Its arguments are `objects`, for each its `id` and the other arguments of the service, and `atomic`, whether one
    refusal refuses all. `list_name` is the list in the input, for paths. `lock` locks them all at once and in the same
    order for all callers, so that no two wait for each other.
    """
    service: One[Row] = run_one or of_one.run

    async def run(unit: UnitOfWork, *, objects: Sequence[Mapping[str, Any]], atomic: bool) -> list[Outcome[Row]]:
        if not 1 <= len(objects) <= limit or len({each["id"] for each in objects}) < len(objects):
            raise refuse(ErrorCode.INVALID_INPUT, f"send 1 to {limit} values, each object only once", list_name)
        await lock(unit, sorted(each["id"] for each in objects))
        outcomes = [await _attempt(unit, service, each, f"{list_name}.{index}") for index, each in enumerate(objects)]
        if atomic:
            raise_any(failure for each in outcomes for failure in each.failures)
        return outcomes

    return Action(
        name,
        run,
        needs=of_one.needs,
        answer=stored,
        aggregates=lambda arguments: [each["id"] for each in arguments["objects"]],
        resent=None if of_one.resent is None else partial(_resent, of_one.resent),
    )


def _resent(
    of_one: Callable[[Row, Mapping[str, Any]], Row], outcomes: list[Outcome[Row]], arguments: Mapping[str, Any]
) -> list[Outcome[Row]]:
    pairs = zip(outcomes, arguments["objects"], strict=True)
    return [each if each.object is None else replace(each, object=of_one(each.object, given)) for each, given in pairs]


async def _attempt(unit: UnitOfWork, service: One[Row], values: Mapping[str, Any], path: str) -> Outcome[Row]:
    try:
        async with unit.attempt():
            return Outcome(values["id"], await service(unit, **values))
    except BillingError as error:
        return Outcome(values["id"], None, tuple(failure.under(path) for failure in error.failures))


async def _lock_claims(unit: UnitOfWork, ids: Sequence[str]) -> None:
    await claims_db.lock_many(unit.connection, unit.scope, ids)


async def _lock_claims_and_batches(unit: UnitOfWork, ids: Sequence[str]) -> None:
    await _lock_claims(unit, ids)
    waiting = sorted(set(await batches_db.waiting_for(unit.connection, ids)))
    if waiting:
        await batches_db.lock_waiting(unit.connection, waiting)


async def _lock_claims_of_denials(unit: UnitOfWork, ids: Sequence[str]) -> None:
    found = await denials_db.by_ids(unit.connection, unit.scope, ids)
    await _lock_claims(unit, sorted({denial.claim_id for denial in found}))


async def _lock_invoices(unit: UnitOfWork, ids: Sequence[str]) -> None:
    await invoices_db.lock_many(unit.connection, unit.scope, ids)


async def _lock_remittances(unit: UnitOfWork, ids: Sequence[str]) -> None:
    for id in ids:
        await remittances_db.lock(unit.connection, unit.scope, id)


async def _post(unit: UnitOfWork, *, id: str) -> RemittanceRecord:
    return (await posting.post(unit, id=id)).remittance


_DENIALS: Final = answer_of_outcomes(STORED_DENIAL)

CANCEL_CLAIMS: Final = _bulk("cancelClaims", "claimIds", claims.CANCEL, CLAIM_OUTCOMES, _lock_claims_and_batches)
ACCEPT_DENIALS: Final = _bulk("acceptDenials", "denialIds", denials.ACCEPT, _DENIALS, _lock_claims_of_denials)
APPEAL_DENIALS: Final = _bulk("appealDenials", "appeals", denials.APPEAL, _DENIALS, _lock_claims_of_denials)
ANSWER_APPEALS: Final = _bulk("answerAppeals", "answers", denials.ANSWER_APPEAL, _DENIALS, _lock_claims_of_denials)
ISSUE_INVOICES: Final = _bulk(
    "issueInvoices", "invoiceIds", invoices.ISSUE, answer_of_outcomes(STORED_INVOICE), _lock_invoices
)
POST_REMITTANCES: Final = _bulk(
    "postRemittances",
    "remittanceIds",
    posting.POST,
    answer_of_outcomes(STORED_REMITTANCE),
    _lock_remittances,
    run_one=_post,
    limit=STATEMENTS_MAX,
)
