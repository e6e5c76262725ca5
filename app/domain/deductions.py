"""What a payer keeps back of a payment that it discharges in full: taxes that it pays to the state, and a discount.

Example, in cents: of 100_00 for two lines of 60_00 and 40_00 the payer withholds 1_50 of IRRF and 4_65 of PCC. Both
lines are paid in full; 93_85 reach the bank, and 6_15 are a receivable from the state, 3_69 of the first line and 2_46
of the second.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from app.domain.described import DescribedEnum
from app.domain.errors import ErrorCode, Failure
from app.domain.money import Cents
from app.values.frozen import frozen


class DeductionKind(DescribedEnum):
    IRRF = "IRRF", "Income tax withheld at source (IRRF)."
    PIS = "PIS", "Social contribution PIS."
    COFINS = "COFINS", "Social contribution COFINS."
    CSLL = "CSLL", "Social contribution CSLL."
    PCC = "PCC", "PIS, COFINS and CSLL together, where the payer does not state the parts."
    ISS = "ISS", "Municipal tax on services (ISS)."
    INSS = "INSS", "Social security contribution (INSS)."
    DISCOUNT = "DISCOUNT", "Financial discount (desconto financeiro): lost, not a tax."


KINDS_MAX: Final = len(DeductionKind)
CODES: Final = {
    "01": DeductionKind.IRRF,
    "02": DeductionKind.ISS,
    "03": DeductionKind.INSS,
    "04": DeductionKind.PIS,
    "05": DeductionKind.COFINS,
    "06": DeductionKind.CSLL,
    "07": DeductionKind.DISCOUNT,
}
"""The codes of the official schema (dm_debitoCreditoTipo); 08 corrects an earlier payment, 09 is anything else."""
PCC: Final = DeductionKind.PCC.value
TAXES: Final = frozenset(DeductionKind) - {DeductionKind.DISCOUNT}


@frozen
class Deduction:
    """An amount kept back of a payment, in cents."""

    kind: DeductionKind
    amount: Cents


def sums(deductions: Iterable[Deduction]) -> list[Deduction]:
    """One for each kind that is not zero, in the order of kinds."""
    found = dict.fromkeys(DeductionKind, 0)
    for each in deductions:
        found[each.kind] += each.amount
    return [Deduction(kind, Cents(cents)) for kind, cents in found.items() if cents]


def withheld(deductions: Sequence[Deduction]) -> Cents:
    """The taxes among them."""
    return Cents(sum(each.amount for each in deductions if each.kind in TAXES))


def discount(deductions: Sequence[Deduction]) -> Cents:
    """The discounts among them."""
    return Cents(sum(each.amount for each in deductions if each.kind not in TAXES))


def deduction_failures(deductions: Sequence[Deduction], *, gross: Cents | None) -> list[Failure]:
    """What is wrong with the deductions of a payment; `gross` is the amount that it discharges, if it is known."""
    found = [
        Failure(ErrorCode.INVALID_AMOUNT, "a deduction must be above zero", f"deductions.{index}.amount", "5040")
        for index, each in enumerate(deductions)
        if each.amount <= 0
    ]
    if len({each.kind for each in deductions}) < len(deductions):
        found.append(Failure(ErrorCode.INVALID_INPUT, "name each kind once", "deductions"))
    if gross is not None and sum(each.amount for each in deductions) > gross:
        found.append(Failure(ErrorCode.INVALID_AMOUNT, "the deductions are above the amount", "deductions"))
    return found


def kind_of(type_: str | None, description: str | None) -> DeductionKind | None:
    """Which tax or discount a debit of a statement is (tipoDebitoCredito); None for one of another month or kind.

    PCC has no code of its own: payers write it in the text, under another code or none.
    """
    if PCC in (description or "").upper():
        return DeductionKind.PCC
    return CODES.get(type_ or "")


def fitting(whole: Iterable[Deduction], gross: Cents) -> list[Deduction]:
    """What of a statement's deductions its payments can bear, the first kinds first; the rest is `excess`.

    Example, in cents: of 12_00 of IRRF and 4_65 of PCC, a gross of 10_00 bears 10_00 of IRRF; 2_00 of IRRF and 4_65 of
    PCC are in excess.
    """
    found, rest = [], max(gross, 0)
    for each in whole:
        part = min(each.amount, rest)
        rest -= part
        if part:
            found.append(Deduction(each.kind, Cents(part)))
    return found


def excess(whole: Sequence[Deduction], gross: Cents) -> list[Deduction]:
    """What of a statement's deductions is above all that its lines pay."""
    return sums([*whole, *(Deduction(each.kind, Cents(-each.amount)) for each in fitting(whole, gross))])


def next_share(
    whole: Sequence[Deduction], done: Sequence[Deduction], *, gross: Cents, before: Cents, amount: Cents
) -> tuple[Deduction, ...]:
    """What of a statement's deductions belongs to its next payment of `amount`.

    `gross` is what the statement pays, `before` what of it is settled, with the deductions `done`. Each deduction is
    shared out in proportion to what is settled by then, rounded down, so that it is complete with the last payment;
    what does not fit into a payment of some cents goes to the next one, as long as there is enough left to pay.
    """
    given = {each.kind: each.amount for each in done}
    shares: dict[DeductionKind, int] = {}
    rest = int(amount)
    for each in whole:
        reached = each.amount * min(before + amount, gross) // gross if gross else 0
        shares[each.kind] = min(max(reached - given.get(each.kind, 0), 0), rest)
        rest -= shares[each.kind]
    missing = sum(each.amount - given.get(each.kind, 0) - shares[each.kind] for each in whole)
    late = max(missing - max(gross - before - amount, 0), 0)
    for each in whole:
        more = min(late, rest, each.amount - given.get(each.kind, 0) - shares[each.kind])
        shares[each.kind] += max(more, 0)
        late, rest = late - max(more, 0), rest - max(more, 0)
    return tuple(Deduction(kind, Cents(share)) for kind, share in shares.items() if share)


def pro_rata(amount: Cents, weights: Sequence[Cents]) -> list[Cents]:
    """The amount in one part per weight, in proportion, to the cent; no part is above its weight if the amount is not
    above their sum.

    Each part is the difference of two rounded-down running totals: 1_00 over 1_00, 1_00 and 1_00 is 33, 33 and 34.
    """
    whole = sum(weights)
    found, weight, given = [], 0, 0
    for each in weights:
        weight += each
        reached = amount * weight // whole if whole else 0
        found.append(Cents(reached - given))
        given = reached
    return found


def of_reversal(taken: Cents, *, paid: Cents, kept: Cents, limit: Cents) -> Cents:
    """What a reversal takes back of `kept`, the deduction left on a line of which `paid` is left: all with the last
    cent, before that in proportion, rounded down; never above the limit."""
    return Cents(min(kept if taken == paid else kept * taken // paid, limit))
