"""Resolvers for eligibility: the payer's answer comes from the cache if possible, and every check stores a row."""

from datetime import datetime
from typing import Final

import orjson
from pydantic import TypeAdapter

from app.db import eligibility as eligibility_db
from app.db.eligibility import EligibilityFilter, EligibilityRecord
from app.db.reference_tables import eligibility_checks
from app.domain.data_scope import DataScope
from app.resolvers.context import Context
from app.resolvers.paging import Order, Page, ScopedList, order_by
from app.services import eligibility
from app.services.eligibility import CHECK, Question

ANSWER = TypeAdapter(EligibilityRecord)
NEWEST_FIRST: Order[EligibilityRecord] = order_by(eligibility_checks, "answered_at", datetime, descending=True)


HISTORY: Final = ScopedList("eligibilityHistory", eligibility_db.page, eligibility_db.count)


async def history(ctx: Context, *, where: EligibilityFilter, first: int, after: str | None) -> Page[EligibilityRecord]:
    """A page of eligibility checks in the caller's data scope, newest first."""
    return await HISTORY.page(ctx, where, NEWEST_FIRST, first=first, after=after)


async def check(ctx: Context, *, question: Question, is_forced: bool) -> EligibilityRecord:
    """Check the eligibility; concurrent callers with the same question wait for a single answer of the payer."""
    eligibility.check_question(question, ctx.scope)
    key = _key(ctx, question)
    if is_forced:
        answer = await _ask(ctx, question, key)
    else:
        async with ctx.cache.flight(key):
            answer = await _cached(ctx, question, key) or await _ask(ctx, question, key)
    ctx.metrics.eligibility.labels(answer.outcome.value, answer.source.value).inc()
    return answer


def _key(ctx: Context, question: Question) -> str:
    procedure = f"{question.code_system}.{question.procedure_code}" if question.procedure_code else None
    return ctx.cache.eligibility_key(
        scope=_scope_name(ctx.scope, question),
        payer=question.payer,
        card=question.card_number,
        day=question.service_date.isoformat(),
        procedure=procedure,
    )


def _scope_name(scope: DataScope, question: Question) -> str:
    return f"{question.provider}.{scope.patient or '-'}"


async def _cached(ctx: Context, question: Question, key: str) -> EligibilityRecord | None:
    value = await ctx.cache.get(key)
    if value is None:
        return None
    earlier = ANSWER.validate_json(value)
    if earlier.expires_at is None or earlier.expires_at <= ctx.now():
        return None
    return (await ctx.change(CHECK, {"question": question, "earlier": earlier})).value


async def _ask(ctx: Context, question: Question, key: str) -> EligibilityRecord:
    answer = (await ctx.change(CHECK, {"question": question, "earlier": None})).value
    if answer.expires_at is not None:
        seconds = int((answer.expires_at - ctx.now()).total_seconds())
        await ctx.cache.put(key, orjson.dumps(answer), lifetime_seconds=seconds)
    return answer
