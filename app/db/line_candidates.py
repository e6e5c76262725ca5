"""The queries for claims that a line of a statement may be about: by its card and day, or by its protocol."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, select, union

from app.db.batch_tables import batch_claims, batches
from app.db.claims import CLAIM, ClaimRecord
from app.db.remittance_tables import remittance_lines, remittances
from app.db.scoping import claims_in
from app.db.statements import query
from app.db.tables import claims
from app.domain.claims import SENT
from app.domain.data_scope import DataScope
from app.values.frozen import frozen

FOUND_MAX: Final = 200


@frozen
class ClaimOfProtocol:
    protocol_number: str
    claim_id: str


@query(ClaimRecord)
def of_days(scope: DataScope, provider: str, payer: str, days: Sequence[date], cards: Sequence[str]) -> Select[Any]:
    """Sent claims of these days with one of these cards, at most 200."""
    table = claims.c
    found = select(*CLAIM).where(claims_in(scope), table.provider_cnes == provider, table.payer_ans == payer)
    found = found.where(table.service_date.in_(days), table.card_number.in_(cards), table.status.in_(sorted(SENT)))
    return found.order_by(table.id).limit(FOUND_MAX)


@query(ClaimOfProtocol)
def of_protocols(scope: DataScope, provider: str, payer: str, numbers: Sequence[str]) -> Select[Any]:
    """The sent claims of batches with these protocols, and those that statements have under them, at most 200."""
    line, batch = remittance_lines.c, batches.c
    sent = select(batch.protocol_number.label("protocol_number"), batch_claims.c.claim_id.label("claim_id"))
    sent = sent.join(batch_claims, batch_claims.c.batch_id == batch.id).where(batch.protocol_number.in_(numbers))
    said = select(line.protocol_number, line.claim_id).join(remittances, remittances.c.id == line.remittance_id)
    said = said.where(line.protocol_number.in_(numbers), line.claim_id.is_not(None), remittances.c.cancelled_id == "")
    found = union(sent, said).subquery()
    table = claims.c
    query = select(found.c.protocol_number, found.c.claim_id).join(claims, table.id == found.c.claim_id)
    query = query.where(claims_in(scope), table.provider_cnes == provider, table.payer_ans == payer)
    query = query.where(table.status.in_(sorted(SENT)))
    return query.order_by(found.c.claim_id, found.c.protocol_number).limit(FOUND_MAX)
