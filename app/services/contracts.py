"""Contracts: the terms and prices agreed between a provider and a payer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import contracts as contracts_db
from app.db import parties as parties_db
from app.db.contracts import ContractRecord, PriceRecord
from app.domain import ids, tabela38
from app.domain.appeal_terms import AppealTerms, ContractAppealClock, ContractAppealDaysKind, instances_failure
from app.domain.contracts import (
    NEWEST_VERSION,
    PROVIDER_CODE_LENGTH_MAX,
    STANDARD_TERMS,
    Price,
    Terms,
    price_failures,
    terms_failures,
)
from app.domain.errors import ErrorCode, Failure, check_version, conflict, raise_any
from app.domain.identifiers import code_failure
from app.domain.refusals import Refusals
from app.domain.text import ascii_failure
from app.services import parties
from app.services.tuss import BILLABLE_TABLES, OWN_TABLES, unknown_table
from app.unit_of_work.action import Action, StoredRecord, answer_of_one
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen

PRICES_MAX: Final = 1_000
"""Per call, so that the input fits into a request; longer lists need several calls."""
FACTS: Final = (
    *("provider_code", "holds_membership", "tiss_version", "appeal_clock", "appeal_days_kind"),
    *("recalculation_code", "appeal_instances"),
)
"""Columns that a change of the terms leaves as they are."""


@frozen
class ContractForm:
    """The terms of one provider and payer; `prices` replaces the price list unless None, `added` adds to it.

    `details` are the values of FACTS to set; the others stay as they are, or get the values of a new contract.
    """

    provider: str
    payer: str
    terms: Terms
    prices: tuple[Price, ...] | None = None
    added: tuple[Price, ...] = ()
    details: Mapping[str, Any] | None = None


async def terms_of(connection: AsyncConnection, provider: str, payer: str) -> Terms:
    """The contract's terms, or the payer's general terms without a contract."""
    contract = await contracts_db.between(connection, provider, payer)
    if contract is not None:
        return contract.terms
    found = await parties_db.payer(connection, payer)
    return found.terms if found else STANDARD_TERMS


async def appeal_terms_of(connection: AsyncConnection, provider: str, payer: str) -> AppealTerms:
    """What the contract says of appeals, or the payer's general terms without a contract."""
    contract = await contracts_db.between(connection, provider, payer)
    if contract is None:
        found = await parties_db.payer(connection, payer)
        return AppealTerms((found.terms if found else STANDARD_TERMS).appeal_deadline_days)
    state = None
    if contract.appeal_days_kind is ContractAppealDaysKind.BUSINESS:
        party = await parties_db.provider(connection, provider)
        state = party.state if party else None
    kind, instances = contract.appeal_days_kind, contract.appeal_instances
    return AppealTerms(contract.appeal_deadline_days, contract.appeal_clock, kind, state, instances)


async def prices_for(
    connection: AsyncConnection, contract: ContractRecord | None, codes: Sequence[tuple[str, str]]
) -> list[Price]:
    """The agreed prices of these (table, code) pairs; none without a contract."""
    if contract is None:
        return []
    return [row.price for row in await contracts_db.prices_of_version(connection, contract, codes)]


async def save(unit: UnitOfWork, *, form: ContractForm, version: int | None) -> ContractRecord:
    """Create or change the contract of this provider and payer."""
    refusals = Refusals(
        [
            *terms_failures(form.terms),
            ascii_failure((form.details or {}).get("provider_code"), "providerCode", PROVIDER_CODE_LENGTH_MAX),
            _recalculation_failure((form.details or {}).get("recalculation_code")),
            instances_failure((form.details or {}).get("appeal_instances", 1)),
            *_list_failures(form.prices or (), "prices.replace"),
            *_list_failures(form.added, "prices.add"),
        ]
    )
    connection = unit.connection
    with refusals.also():
        await parties.check(connection, unit.scope, provider=form.provider, payer=form.payer)
    known = await contracts_db.lock(connection, form.provider, form.payer)
    with refusals.also():
        check_version("contract", known.version if known else 0, version)
    with refusals.also():
        raise_any(price_failures(form.added, "prices.add", await _listed(unit, known) if form.added else []))
    refusals.raise_any()
    contract = _record(unit, form, known)
    await _write(connection, contract, is_new=known is None)
    if form.prices is not None:
        await contracts_db.delete_prices(connection, contract.id)
        await contracts_db.insert_prices(connection, [_price(contract.id, each) for each in form.prices])
    if form.added:
        await contracts_db.insert_prices(connection, [_price(contract.id, each) for each in form.added])
    unit.changed(contract.id)
    return contract


async def _listed(unit: UnitOfWork, known: ContractRecord | None) -> list[Price]:
    rows = [] if known is None else await contracts_db.prices_of(unit.connection, unit.scope, [known.id])
    return [row.price for row in rows]


def _recalculation_failure(code: str | None) -> Failure | None:
    return None if code is None else tabela38.code_failure(code, "recalculationCode")


def _list_failures(prices: tuple[Price, ...], field: str) -> list[Failure | None]:
    if len(prices) > PRICES_MAX:
        return [Failure(ErrorCode.INVALID_INPUT, f"send at most {PRICES_MAX} prices at once", field)]
    found: list[Failure | None] = list(price_failures(prices, field))
    for index, price in enumerate(prices):
        if price.code_system not in (*BILLABLE_TABLES, *OWN_TABLES):
            found.append(unknown_table(f"{field}.{index}.codeSystem"))
        found.append(code_failure(price.code, f"{field}.{index}.code"))
    return found


def _record(unit: UnitOfWork, form: ContractForm, known: ContractRecord | None) -> ContractRecord:
    fresh = ContractRecord(
        id=ids.new_id(ids.CONTRACT, at=unit.now),
        provider_cnes=form.provider,
        payer_ans=form.payer,
        submission_window_days=form.terms.submission_window_days,
        appeal_deadline_days=form.terms.appeal_deadline_days,
        payment_term_days=form.terms.payment_term_days,
        version=1,
        updated_by=unit.subject,
        updated_at=unit.now,
        ends_on=None,
        provider_code=None,
        holds_membership=False,
        tiss_version=NEWEST_VERSION,
        appeal_clock=ContractAppealClock.ISSUE,
        appeal_days_kind=ContractAppealDaysKind.CALENDAR,
        recalculation_code=None,
        appeal_instances=1,
    )
    if known is not None:
        stays = {name: getattr(known, name) for name in ("id", "ends_on", *FACTS)}
        fresh = replace(fresh, version=known.version + 1, **stays)
    return replace(fresh, **(form.details or {}))


async def _write(connection: AsyncConnection, contract: ContractRecord, *, is_new: bool) -> None:
    if not is_new:
        await contracts_db.update_contract(connection, contract)
        return
    try:
        await contracts_db.insert_contract(connection, contract)
    except IntegrityError:
        raise conflict("the contract was changed concurrently: try again", "provider") from None


def _price(contract_id: str, price: Price) -> PriceRecord:
    return PriceRecord(
        id=ids.new_id(ids.PRICE),
        contract_id=contract_id,
        code_system=price.code_system,
        code=price.code,
        unit_price_cents=price.unit_price,
        valid_from=price.valid_from,
        valid_to=price.valid_to,
        quantity_max=price.quantity_max,
        needs_authorization=price.needs_authorization,
    )


_STORED: Final = StoredRecord(
    ContractRecord,
    contracts_db.by_ids,
    *("submission_window_days", "appeal_deadline_days", "payment_term_days"),
    *("version", "updated_by", "updated_at", "ends_on", *FACTS),
)
CONTRACT_ANSWER: Final = answer_of_one(_STORED)
SAVE: Final = Action("saveContract", save, needs="gateway:configure", answer=CONTRACT_ANSWER)
