"""Resolvers for eligibility: the payer's answer comes from the cache if possible, and every check stores a row."""

from datetime import date, datetime
from typing import Final

import orjson
from pydantic import ValidationError

from app.db import eligibility as eligibility_db
from app.db import identity
from app.db.eligibility import EligibilityRecord
from app.db.reference_tables import eligibility_checks
from app.domain.data_scope import DataScope
from app.domain.described import DescribedEnum
from app.domain.eligibility import EligibilitySource
from app.resolvers.context import Context
from app.resolvers.paging import Order, ScopedList, order_by
from app.services import eligibility
from app.services.eligibility import CHECK, Question
from app.values.adapters import adapter_of


class EligibilityOrderField(DescribedEnum):
    ANSWERED_AT = "ANSWERED_AT", "Time of the answer."
    SERVICE_DATE = "SERVICE_DATE", "Service date that was checked."


ORDERS: Final[dict[EligibilityOrderField, Order[EligibilityRecord]]] = {
    EligibilityOrderField.ANSWERED_AT: order_by(eligibility_checks, "answered_at", datetime),
    EligibilityOrderField.SERVICE_DATE: order_by(eligibility_checks, "service_date", date),
}
NEWEST_FIRST: Final = order_by(eligibility_checks, "answered_at", datetime, descending=True)


HISTORY: Final = ScopedList("eligibilityHistory", eligibility_db.page, eligibility_db.count)


async def check(ctx: Context, *, question: Question, is_forced: bool) -> EligibilityRecord:
    """Check the eligibility; concurrent callers with the same question wait for a single answer of the payer."""
    eligibility.check_question(question, ctx.scope)
    key = await _key(ctx, question)
    if is_forced:
        answer = await _answer(ctx, question, key, None)
    else:
        async with ctx.cache.flight(key):
            answer = await _answer(ctx, question, key, await _cached(ctx, key))
    if answer.patient_id is None:
        await ctx.note_unknown_card(CHECK.name)
    ctx.metrics.eligibility.labels(answer.outcome.value, answer.source.value).inc()
    return answer


async def _key(ctx: Context, question: Question) -> str:
    procedure = f"{question.code_system}.{question.procedure_code}" if question.procedure_code else None
    return ctx.cache.eligibility_key(
        database=await identity.of(ctx.database),
        scope=_scope_name(ctx.scope, question),
        payer=question.payer,
        card=question.card_number,
        day=question.service_date.isoformat(),
        procedure=procedure,
    )


def _scope_name(scope: DataScope, question: Question) -> str:
    return f"{question.provider}.{scope.patient or '-'}"


async def _cached(ctx: Context, key: str) -> EligibilityRecord | None:
    value = await ctx.cache.get(key)
    try:
        return None if value is None else adapter_of(EligibilityRecord).validate_json(value)
    except ValidationError:
        # Written by another release, whose answers have other fields.
        return None


async def _answer(ctx: Context, question: Question, key: str, earlier: EligibilityRecord | None) -> EligibilityRecord:
    answer = (await ctx.change(CHECK, {"question": question, "earlier": earlier})).value
    if answer.source is EligibilitySource.PAYER and answer.expires_at is not None:
        # Both times are the database's: the lifetime is right whatever the clocks of this process and of Redis say.
        seconds = int((answer.expires_at - answer.answered_at).total_seconds())
        await ctx.cache.put(key, orjson.dumps(answer), lifetime_seconds=seconds)
    return answer
