"""Who bills a guide that has no CNES: the provider that the payer knows by its code, or that has the CNPJ or CPF."""

from dataclasses import replace
from typing import Final

from app.db import contracts as contracts_db
from app.db import parties as parties_db
from app.domain.claim_form import ClaimForm
from app.domain.errors import ErrorCode, refuse
from app.tiss.read_batch import Executor
from app.unit_of_work.unit import UnitOfWork

SOME: Final = 10
"""So many providers with one number are as unclear as more."""


async def identified(unit: UnitOfWork, form: ClaimForm, executor: Executor) -> ClaimForm:
    """The form with its provider; INVALID_IDENTIFIER if none, or more than one, of the caller's providers fits."""
    if form.provider:
        return form
    found = set(await _providers(unit, form.payer, executor))
    if len(found) == 1:
        return replace(form, provider=found.pop())
    named = f"the code {executor.code}" if executor.code else "the CNPJ or CPF"
    remedy = "save the code as providerCode of its contract, or write the CNES into the guide"
    message = f"the guide has no CNES, and {len(found) or 'none'} of your providers fit {named}: {remedy}"
    raise refuse(ErrorCode.INVALID_IDENTIFIER, message, "CNES", "1202")


async def _providers(unit: UnitOfWork, payer: str, executor: Executor) -> list[str]:
    if executor.code is not None:
        return await contracts_db.providers_with_code(unit.connection, unit.scope, payer, executor.code)
    if executor.tax_id is not None:
        return await parties_db.providers_with_tax_id(unit.connection, unit.scope, executor.tax_id, SOME)
    return []
