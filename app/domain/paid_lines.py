"""An item as it was billed, a line of a statement, and whether the line is about the item."""

from datetime import date

from app.domain.claims import DeniedAmount
from app.domain.money import NO_CENTS, Cents
from app.values.frozen import frozen


@frozen
class BilledItem:
    """An item of the claim; `denied` is None until it is decided."""

    sequence: int
    code: str
    total: Cents
    denied: Cents | None = None
    day: date | None = None
    # The number in its document, which another item may have too; None if it is `sequence`.
    document_sequence: int | None = None

    @property
    def number(self) -> int:
        """The number by which statements name it."""
        return self.sequence if self.document_sequence is None else self.document_sequence


@frozen
class PaidLine:
    """A line of the statement: about one item, named by its number or by code, or about the whole claim.

    `item_sequence` is the number in the document; `item` that within the claim, once the item is known."""

    item_sequence: int | None
    item_code: str | None
    paid: Cents
    denials: tuple[DeniedAmount, ...] = ()
    # What the patient owes of it (valorFranquia).
    patient: Cents = NO_CENTS
    # On which the item was performed, as the payer says.
    day: date | None = None
    item: int | None = None

    @property
    def said(self) -> Cents:
        """What it accounts for: paid, denied, or owed by the patient."""
        return Cents(self.paid + self.denied + self.patient)

    @property
    def denied(self) -> Cents:
        """The sum of the line's denials."""
        return Cents(sum(denial.amount for denial in self.denials))

    @property
    def is_whole_claim(self) -> bool:
        """Whether the line names no item."""
        return not self.has_number and self.item_code is None

    @property
    def has_number(self) -> bool:
        """Whether it names the item by more than its code."""
        return self.item is not None or self.item_sequence is not None


def names(line: PaidLine, item: BilledItem) -> bool:
    """Whether the line is about the item, by its number or its code."""
    if line.item is not None:
        return line.item == item.sequence
    if line.item_sequence is not None:
        return line.item_sequence == item.number and line.item_code in (None, item.code)
    return line.item_code == item.code
