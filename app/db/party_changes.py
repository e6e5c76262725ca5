"""Locking and writing parties: rows of providers and payers are found by their codes, the others by their ids."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import run
from app.db.parties import PAYER, PROVIDER, PayerRecord, ProviderRecord
from app.db.party_tables import party_history
from app.db.records import row
from app.db.reference_tables import payers, providers
from app.db.statements import query, query_by_keys, query_one
from app.domain import ids
from app.domain.data_scope import DataScope
from app.domain.parties import PartyAction


@query_one(PayerRecord)
def lock_payer(code: str) -> Select[Any]:
    """The payer, locked until the transaction ends; payers have no data scope, the caller asks it for the payer."""
    return select(*PAYER).where(payers.c.ans_code == code).with_for_update()


@query_by_keys(PayerRecord)
def lock_payers(codes: Sequence[str]) -> Select[Any]:
    """These payers, locked in the order of their codes until the transaction ends."""
    return select(*PAYER).where(payers.c.ans_code.in_(codes)).order_by(payers.c.ans_code).with_for_update()


@query(str)
def payer_codes() -> Select[Any]:
    """The registro ANS of every payer."""
    return select(payers.c.ans_code).order_by(payers.c.ans_code)


@query(str)
def registered_by(actor: str) -> Select[Any]:
    """The registro ANS of every payer that this actor has registered."""
    return _codes_of(actor, PartyAction.REGISTER)


@query(str)
def deactivated_by(actor: str) -> Select[Any]:
    """The registro ANS of every payer that this actor has deactivated, and nobody since."""
    later, table = party_history.alias("later"), party_history.c
    again = select(later.c.id).where(
        later.c.party_id == table.party_id, later.c.id > table.id, later.c.action == PartyAction.DEACTIVATE
    )
    return _codes_of(actor, PartyAction.DEACTIVATE).where(~again.exists())


def _codes_of(actor: str, action: PartyAction) -> Select[Any]:
    table = party_history.c
    is_payer = literal(f"{ids.PAYER}_") + payers.c.ans_code == table.party_id
    return (
        select(payers.c.ans_code)
        .distinct()
        .join(party_history, is_payer)
        .where(table.actor == actor, table.action == action)
    )


@query_one(ProviderRecord)
def lock_provider(code: str) -> Select[Any]:
    """The provider, locked until the transaction ends; the caller asks the data scope for it."""
    return select(*PROVIDER).where(providers.c.cnes == code).with_for_update()


async def payers_by_id(connection: AsyncConnection, _scope: DataScope, payer_ids: Sequence[str]) -> list[PayerRecord]:
    """The payers with these public ids: every caller may know them."""
    return await _payers(connection, [ids.key_of(each)[0] for each in payer_ids])


@query(PayerRecord)
def _payers(codes: Sequence[str]) -> Select[Any]:
    return select(*PAYER).where(payers.c.ans_code.in_(codes))


async def update_payer(connection: AsyncConnection, payer: PayerRecord) -> None:
    """Write the whole row of a payer that the caller has locked."""
    await run(connection, update(payers).where(payers.c.ans_code == payer.ans_code).values(row(payer)))


async def update_provider(connection: AsyncConnection, provider: ProviderRecord) -> None:
    """Write the row of a provider that the caller has locked, without its counters."""
    await run(connection, update(providers).where(providers.c.cnes == provider.cnes).values(row(provider)))
