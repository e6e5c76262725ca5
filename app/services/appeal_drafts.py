"""Drafts of justifications, gathered from what the gateway knows of the denied item."""

from collections.abc import AsyncIterator
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import appeal_batches as appeal_batches_db
from app.db import claims as claims_db
from app.db import contracts as contracts_db
from app.db import decided_items
from app.db import denials as denials_db
from app.db import tuss as tuss_db
from app.db.claims import ClaimRecord, ItemRecord
from app.db.denials import DenialRecord
from app.domain.appeal_drafts import AppealDraft, AppealEvidenceKind, Evidence, justification, written
from app.domain.data_scope import DataScope
from app.domain.money import Cents, format_money

WON_MAX: Final = 3


async def of_denial(connection: AsyncConnection, scope: DataScope, denial_id: str) -> AppealDraft | None:
    """The draft of an appeal against the denial; None outside the data scope."""
    denial = await denials_db.one(connection, scope, denial_id)
    if denial is None:
        return None
    claim = (await claims_db.by_ids(connection, scope, [denial.claim_id]))[0]
    item = (await claims_db.items_by_ids(connection, scope, [denial.item_id]))[0]
    won = await decided_items.won(connection, scope, claim.provider_cnes, claim.payer_ans, denial.code, WON_MAX)
    evidence = [each async for each in _evidence(connection, scope, claim, item)]
    if won:
        text = f"A operadora já acatou recursos contra glosas {denial.code}."
        evidence.append(Evidence(AppealEvidenceKind.WON_APPEALS, text))
    return AppealDraft(justification(_opening(denial, claim, item), evidence), tuple(evidence), tuple(won))


def _opening(denial: DenialRecord, claim: ClaimRecord, item: ItemRecord) -> str:
    amount = format_money(Cents(denial.amount_cents)).replace(".", ",")
    return (
        f"Recurso contra a glosa {denial.code} de R$ {amount} do item {item.number} ({item.code}) da guia "
        f"{claim.provider_claim_number}, realizado em {written(item.performed_on)}."
    )


async def _evidence(
    connection: AsyncConnection, scope: DataScope, claim: ClaimRecord, item: ItemRecord
) -> AsyncIterator[Evidence]:
    if claim.authorization_number:
        day = claim.authorization_date
        of_day = f", de {written(day)}" if day else ""
        text = f"Autorizado pela operadora com a senha {claim.authorization_number}{of_day}."
        yield Evidence(AppealEvidenceKind.AUTHORIZATION, text, day)
    contract = await contracts_db.between(connection, claim.provider_cnes, claim.payer_ans)
    code = (item.code_system, item.code)
    prices = await contracts_db.prices_of_version(connection, contract, [code]) if contract else []
    for price in prices:
        if price.price.is_valid_on(item.performed_on):
            amount = format_money(price.price.unit_price).replace(".", ",")
            text = f"Preço unitário contratado de R$ {amount}, vigente desde {written(price.valid_from)}."
            yield Evidence(AppealEvidenceKind.CONTRACT_PRICE, text, price.valid_from)
    for term in await tuss_db.by_keys(connection, [code]):
        text = f"Código {item.code} da tabela {item.code_system}: {term.term}."
        yield Evidence(AppealEvidenceKind.TERM, text, term.valid_from)
    if await decided_items.eligible(connection, scope, claim.payer_ans, claim.patient_id, item.performed_on):
        text = f"Elegibilidade confirmada pela operadora para {written(item.performed_on)}."
        yield Evidence(AppealEvidenceKind.ELIGIBILITY, text, item.performed_on)
    protocols = await appeal_batches_db.protocols_of(connection, [claim.id])
    if claim.id in protocols:
        text = f"Guia recebida pela operadora no protocolo {protocols[claim.id]}."
        yield Evidence(AppealEvidenceKind.PROTOCOL, text)
