"""What payers keep back of payments: withheld taxes and discounts, shared out over the lines that a payment pays."""

from collections.abc import Mapping, Sequence

from app.db import deductions as deductions_db
from app.db import settlements as settlements_db
from app.db.deductions import DeductionRecord
from app.db.invoice_lines import AllocationRecord
from app.db.settlements import SettlementRecord
from app.domain import ids
from app.domain.deductions import Deduction, discount, of_reversal, pro_rata, withheld
from app.domain.money import Cents
from app.unit_of_work.unit import UnitOfWork


def allocations(
    settlement_id: str, parts: Mapping[str, Cents], deductions: Sequence[Deduction]
) -> list[AllocationRecord]:
    """What a payment pays to each line, with the line's share of what the payer kept back of it."""
    amounts = list(parts.values())
    taxes = pro_rata(withheld(deductions), amounts)
    # Of what a line has left after its taxes, so that no line has more kept back than it is paid.
    rest = [Cents(amount - tax) for amount, tax in zip(amounts, taxes, strict=True)]
    discounts = pro_rata(discount(deductions), rest)
    return [
        AllocationRecord(ids.new_id(ids.ALLOCATION), settlement_id, line, amount, tax, off)
        for line, amount, tax, off in zip(parts, amounts, taxes, discounts, strict=True)
        if amount
    ]


def taken_back(
    settlement_id: str, parts: Mapping[str, Cents], before: Mapping[str, AllocationRecord], *, is_cash: bool
) -> list[AllocationRecord]:
    """What a reversal takes back from each line; `before` is what of the settlement is left on it.

    Of cash that a payer takes back the taxes stay withheld: they are with the state.
    """
    return [_back(settlement_id, before[line], amount, is_cash=is_cash) for line, amount in parts.items() if amount]


def _back(settlement_id: str, before: AllocationRecord, amount: Cents, *, is_cash: bool) -> AllocationRecord:
    tax = off = Cents(0)
    if not is_cash:
        paid = Cents(before.amount_cents)
        tax = of_reversal(amount, paid=paid, kept=Cents(before.withheld_cents), limit=amount)
        off = of_reversal(amount, paid=paid, kept=Cents(before.discount_cents), limit=Cents(amount - tax))
    return AllocationRecord(ids.new_id(ids.ALLOCATION), settlement_id, before.line_id, amount, tax, off)


async def reversed_deductions(
    unit: UnitOfWork, original: SettlementRecord, *, withheld_cents: int, discount_cents: int
) -> list[Deduction]:
    """Which taxes and which discount a reversal takes back, in proportion to what is left of each."""
    if not withheld_cents and not discount_cents:
        return []
    reversals = await settlements_db.reversals_of(unit.connection, unit.scope, original.id)
    left = await deductions_db.left(unit.connection, [original.id, *(each.id for each in reversals)])
    rest = [Deduction(kind, Cents(cents)) for kind, cents in left.items()]
    taxes = pro_rata(Cents(withheld_cents), [withheld([each]) for each in rest])
    discounts = pro_rata(Cents(discount_cents), [discount([each]) for each in rest])
    shares = [Cents(tax + off) for tax, off in zip(taxes, discounts, strict=True)]
    return [Deduction(each.kind, share) for each, share in zip(rest, shares, strict=True) if share]


async def store(unit: UnitOfWork, settlement: SettlementRecord, deductions: Sequence[Deduction]) -> None:
    """Store what was kept back of a new settlement; of a reversal, as amounts below zero."""
    sign = 1 if settlement.reverses_id is None else -1
    rows = [
        DeductionRecord(
            id=ids.new_id(ids.DEDUCTION),
            settlement_id=settlement.id,
            provider_cnes=settlement.provider_cnes,
            payer_ans=settlement.payer_ans,
            kind=each.kind,
            paid_on=settlement.paid_on,
            month=f"{settlement.paid_on:%Y%m}",
            amount_cents=sign * each.amount,
            remittance_id=None,
            line_id=None,
            credit_use_id=None,
        )
        for each in deductions
    ]
    await deductions_db.insert(unit.connection, rows)
