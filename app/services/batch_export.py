"""Claims as a TISS batch document (lote de guias), built and validated by the `tiss` package, hash included."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import tiss
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import invoices as invoices_db
from app.db import parties as coverage_db
from app.db.claims import ClaimRecord
from app.db.parties import ProviderRecord
from app.domain.calendar import BRASILIA
from app.domain.claims import SENT, ClaimType
from app.domain.data_scope import DataScope
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.services import claims
from app.tiss import expenses as tiss_expenses
from app.tiss import write_guide as tiss_guide
from app.tiss.write_guide import Guide

TYPES: Final = {ClaimType.CONSULTATION, ClaimType.SP_SADT}


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch document: its number with this provider, its XML text, the hash of its epilogue, and its claims."""

    number: str
    file_name: str
    xml: str
    hash: str
    claim_ids: tuple[str, ...]


async def export(connection: AsyncConnection, *, scope: DataScope, claim_ids: Sequence[str], now: datetime) -> Batch:
    """The document of these claims, in the order given: sent, of one type, one provider and one payer."""
    claims.check_batch(claim_ids)
    found = {claim.id: claim for claim in await claims_db.by_ids(connection, scope, claim_ids)}
    raise_any(_missing(claim_ids, found))
    chosen = [found[claim_id] for claim_id in claim_ids]
    claims.check_one_type(chosen)
    raise_any(_unfit(chosen))
    provider = await _provider(connection, chosen[0])
    rows = await claims_db.items_of_claims(connection, scope, claim_ids)
    guides = [Guide(claim, [row for row in rows if row.claim_id == claim.id], provider) for claim in chosen]
    raise_any(failure for index, guide in enumerate(guides) for failure in tiss_guide.failures(guide, index))
    number = str(await invoices_db.next_batch_number(connection, provider.cnes))
    xml = _document(guides, number, now)
    raise_any(_findings(xml, chosen))
    return Batch(
        number=number,
        file_name=f"{chosen[0].payer_ans}_{provider.cnes}_{int(number):012d}.xml",
        xml=xml.decode("iso-8859-1"),
        hash=tiss.hash_epilogo(xml),
        claim_ids=tuple(claim_ids),
    )


def _missing(claim_ids: Sequence[str], found: dict[str, ClaimRecord]) -> list[Failure]:
    return [
        Failure(ErrorCode.NOT_FOUND, f"no claim {claim_id[:40]}", f"claimIds.{index}")
        for index, claim_id in enumerate(claim_ids)
        if claim_id not in found
    ]


def _unfit(chosen: Sequence[ClaimRecord]) -> list[Failure]:
    first = chosen[0]
    failures = []
    for index, claim in enumerate(chosen):
        field = f"claimIds.{index}"
        if claim.status not in SENT:
            message = f"a claim that is {claim.status} is not sent to a payer"
            failures.append(Failure(ErrorCode.CONFLICT, message, field))
        elif claim.type not in TYPES:
            message = f"documents hold consultations and SP/SADT services, not {claim.type}"
            failures.append(Failure(ErrorCode.INVALID_INPUT, message, field))
        elif (claim.provider_cnes, claim.payer_ans) != (first.provider_cnes, first.payer_ans):
            failures.append(Failure(ErrorCode.CONFLICT, "a batch has one provider and one payer", field))
    return failures


async def _provider(connection: AsyncConnection, claim: ClaimRecord) -> ProviderRecord:
    found = await coverage_db.provider(connection, claim.provider_cnes)
    if found is None:  # a claim cannot be kept without its provider
        raise AssertionError
    return found


def _document(guides: Sequence[Guide], number: str, now: datetime) -> bytes:
    moment = now.astimezone(BRASILIA)
    lote: Any = {
        "versao": "4.03.00",
        "transacao": {
            "sequencial_transacao": number,
            "data_registro_transacao": moment.date().isoformat(),
            "hora_registro_transacao": moment.strftime("%H:%M:%S"),
        },
        "prestador": tiss_guide.identity(guides[0].provider, "cnpj", "codigo_prestador_na_operadora"),
        "operadora": {"registro_ans": guides[0].claim.payer_ans},
        "numero_lote": number,
        "guias": [tiss_guide.as_dict(guide) for guide in guides],
    }
    try:
        return tiss_expenses.added(tiss.build_lote(lote), [guide.items for guide in guides])
    except tiss.LoteError as error:
        message = f"the claims do not fit into a TISS document: {error}"
        raise refuse(ErrorCode.INVALID_INPUT, message, "claimIds", "5001") from None


def _findings(xml: bytes, chosen: Sequence[ClaimRecord]) -> list[Failure]:
    """What the validator objects to, at the claim it is about."""
    places = {claim.provider_claim_number: f"claimIds.{index}" for index, claim in enumerate(chosen)}
    return [
        Failure(ErrorCode.INVALID_INPUT, each.message, places.get(each.guia or "", "claimIds"), each.glosa)
        for each in tiss.validate(xml).findings
        if each.severity == "error"
    ]
