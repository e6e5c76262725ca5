"""Ending what a contract agrees: a price, or the contract itself."""

from dataclasses import replace
from datetime import date
from typing import Final

from app.db import contracts as contracts_db
from app.db.contracts import ContractRecord
from app.domain.contracts import price_to_end
from app.domain.errors import check_version, not_found
from app.services.contracts import CONTRACT_ANSWER
from app.unit_of_work.action import Action
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class PriceEnd:
    """The last day of the price of a code that is valid on that day."""

    code_system: str
    code: str
    last_day: date


async def end_price(unit: UnitOfWork, *, id: str, end: PriceEnd, version: int | None) -> ContractRecord:
    """End a price of the contract on a day; other periods of its code stay as they are."""
    contract = await _locked(unit, id, version)
    rows = await contracts_db.prices_for(unit.connection, contract.id, [(end.code_system, end.code)])
    place = price_to_end([row.price for row in rows], end.last_day)
    await contracts_db.update_price(unit.connection, replace(rows[place], valid_to=end.last_day))
    return await _store(unit, contract)


async def close(unit: UnitOfWork, *, id: str, ends_on: date, version: int | None) -> ContractRecord:
    """Close the contract: claims for services after the day are refused; all that exists goes on under its terms."""
    return await _store(unit, replace(await _locked(unit, id, version), ends_on=ends_on))


async def _locked(unit: UnitOfWork, contract_id: str, version: int | None) -> ContractRecord:
    contract = await contracts_db.lock_one(unit.connection, unit.scope, contract_id)
    if contract is None:
        raise not_found("contract")
    check_version("contract", contract.version, version)
    return contract


async def _store(unit: UnitOfWork, contract: ContractRecord) -> ContractRecord:
    changed = replace(contract, version=contract.version + 1, updated_by=unit.subject, updated_at=unit.now)
    await contracts_db.update_contract(unit.connection, changed)
    unit.changed(changed.id)
    return changed


END_PRICE: Final = Action("endContractPrice", end_price, needs="gateway:configure", answer=CONTRACT_ANSWER)
CLOSE: Final = Action("closeContract", close, needs="gateway:configure", answer=CONTRACT_ANSWER)
