"""What claims bill of services: whether the same was billed before."""

from collections.abc import Collection
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Text, and_, case, false, select, true, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.filters import Condition
from app.db.replacements import is_replaced
from app.db.scoping import claims_in
from app.db.statements import query, query_by_keys
from app.db.tables import claim_items, claims
from app.domain.claims import SENT
from app.domain.data_scope import DataScope
from app.domain.preflight import Service

_NEWBORN: Final = type_coerce(claims.c.encounter, Text).like('%"newborn":true%')
"""As `JsonOf` writes it; a text in the JSON cannot contain it, since its quotes are escaped."""
SERVICE: Final = (
    *(claim_items.c.code_system, claim_items.c.code, claim_items.c.performed_on),
    case((_NEWBORN, true()), else_=false()).label("is_newborn"),
)


class PatientOf(NamedTuple):
    """A patient of a provider and payer: a service is billed twice only if all three are the same."""

    provider_cnes: str
    payer_ans: str
    patient_id: str


class _Billed(NamedTuple):
    provider_cnes: str
    payer_ans: str
    patient_id: str
    code_system: str
    code: str
    performed_on: date
    is_newborn: bool


@query_by_keys(_Billed)
def _billed(
    scope: DataScope,
    providers: Collection[str],
    payers: Collection[str],
    patients: Collection[str],
    systems: Collection[str],
    days: Collection[date],
    other_than: Collection[str],
    codes: Collection[str],
) -> Select[Any]:
    item, table = claim_items.c, claims.c
    columns = (table.provider_cnes, table.payer_ans, table.patient_id, *SERVICE)
    chosen = select(*columns).distinct().join(claims, table.id == item.claim_id)
    chosen = chosen.where(
        table.provider_cnes.in_(providers), table.payer_ans.in_(payers), table.patient_id.in_(patients)
    )
    return chosen.where(is_billed(scope, systems, days, codes, other_than))


def is_billed(
    scope: DataScope,
    systems: Collection[str],
    days: Collection[date],
    codes: Collection[str],
    other_than: Collection[str],
) -> Condition:
    """Whether the item is of a sent claim that counts, is none `other_than` these, and may be one of the services."""
    item, table = claim_items.c, claims.c
    return and_(
        *(item.code_system.in_(systems), item.performed_on.in_(days), item.code.in_(codes)),
        *(table.status.in_(sorted(SENT)), table.id.not_in(other_than), claims_in(scope)),
        ~is_replaced(),
    )


async def of_patients(
    connection: AsyncConnection,
    scope: DataScope,
    patients: Collection[PatientOf],
    services: Collection[Service],
    *,
    other_than: Collection[str] = (),
) -> dict[PatientOf, set[Service]]:
    """Which of these services sent claims of each patient bill; claims `other_than` these.

    Each is one row of the result: a patient may have thousands of items on one day. Rows are chosen by lists of single
    columns, as indexes need them; combinations that nobody asked for are left out here.
    """
    if not patients or not services:
        return {patient: set() for patient in patients}
    providers, payers, ids = ({each[place] for each in patients} for place in range(3))
    systems, codes = {each[0] for each in services}, {each[1] for each in services}
    days = {each[2] for each in services}
    found = {patient: set[Service]() for patient in patients}
    wanted = frozenset(services)
    rows = await _billed(connection, scope, providers, payers, ids, systems, days, set(other_than), sorted(codes))
    for row in rows:
        patient, service = PatientOf(*row[:3]), row[3:]
        if patient in found and service in wanted:
            found[patient].add(service)
    return found


@query(str)
def sent_claims(scope: DataScope, patient: PatientOf, other_than: Collection[str]) -> Select[Any]:
    """The id of a claim within the scope that was sent for the patient, `other_than` these, if there is one."""
    own = (
        claims.c.provider_cnes == patient.provider_cnes,
        claims.c.payer_ans == patient.payer_ans,
        claims.c.patient_id == patient.patient_id,
    )
    chosen = select(claims.c.id).where(*own, claims.c.status.in_(sorted(SENT)), claims.c.id.not_in(other_than))
    return chosen.where(claims_in(scope)).limit(1)
