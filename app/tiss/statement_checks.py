"""What a statement is checked for before it is posted: its schema, its hash, its sender, and its totals."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final

from app.domain.money import Cents, format_money
from app.domain.statement import (
    AdjustmentDirection,
    StatementAdjustment,
    StatementFinding,
    StatementFindingKind,
    StatementLine,
)
from app.tiss.message import Message
from app.tiss.schema_errors import SchemaError, errors
from app.tiss.statement_guides import (
    BILLED_TOTALS,
    DENIED_TOTALS,
    PAID_TOTALS,
    PROCESSED_TOTALS,
    Guide,
)
from app.tiss.statement_values import UNREADABLE, Values, day
from app.tiss.structure import VERSIONS
from app.tiss.tree import name_of

Kind = StatementFindingKind
SCHEMA_FINDINGS_MAX: Final = 20
TOTAL_FINDINGS_MAX: Final = 20
PAID_BY_PROTOCOL: Final = ("valorLiberadoProtocolo", "valorTotalLiberadoPorProtocolo")
"""Totals of protocols, wherever they are."""
_DAYS: Final = ("dataEmissao", "dataPagamento")
_PAID_BY_DATE: Final = ("totaLiberadoPorData", "totalLiberadoPorData", "valorBrutoLiberadoPorData")
_PAID_BY_STATEMENT: Final = ("valorLiberadoGeral", "valorLiberadoBruto", "valorLiberadoPorDemonstrativo")
_NET_OF_STATEMENT: Final = ("valorLiberadoDemonstrativo", "valorRecebidoDemonstrativo")


def of_message(found: Message) -> Iterator[StatementFinding]:
    """What is wrong with the envelope: objections of the schema, and the hash."""
    yield from of_schema(found.version, errors(found.root, found.version) if found.version in VERSIONS else ())
    yield from of_hash(found.hash, is_right=found.is_hash_right)


def of_schema(version: str, objections: Iterable[SchemaError]) -> Iterator[StatementFinding]:
    """What the schema of the message's version objects to, if there is one."""
    if version not in VERSIONS:
        yield StatementFinding(Kind.SCHEMA, f"no schema of this version: not validated, only {' and '.join(VERSIONS)}")
    for text in islice(dict.fromkeys(each.message[:200] for each in objections), SCHEMA_FINDINGS_MAX):
        yield StatementFinding(Kind.SCHEMA, text)


def of_hash(stated: str | None, *, is_right: bool) -> Iterator[StatementFinding]:
    """Whether the message has a hash, and the right one."""
    if stated is None:
        yield StatementFinding(Kind.HASH_MISSING)
    elif not is_right:
        yield StatementFinding(Kind.HASH_WRONG)


def of_sender(payer: str | None, sender: str | None) -> Iterator[StatementFinding]:
    """Whether the message comes from the payer of the statement."""
    if None not in (payer, sender) and payer != sender:
        yield StatementFinding(Kind.PAYER_DIFFERS, f"the message is from {sender}, the statement from {payer}"[:100])


def of_values(node: Any) -> Iterator[StatementFinding]:
    """Values of the statement that are there and cannot be read: a debit of such an amount would be lost."""
    unreadable = {name_of(each) for each in node.iter() if name_of(each) in _DAYS and _is_no_day(each)}
    for name in sorted(unreadable):
        yield StatementFinding(Kind.INVALID_VALUE, name)
    if any(
        name_of(each) == "valorDbCr" and Values(each.getparent()).amount("valorDbCr") == UNREADABLE
        for each in node.iter()
    ):
        yield StatementFinding(Kind.TOTALS_DIFFER, "valorDbCr cannot be read")


def _is_no_day(node: Any) -> bool:
    text = (node.text or "").strip()
    return bool(text) and day(text) is None


@dataclass(slots=True)
class Tally:
    """What the guides below an element say together, guide by guide, so that none of them has to be kept."""

    count: int = 0
    paid: int = 0
    says_something: bool = False
    # The number of the first line whose paid amount cannot be read, from 1.
    unreadable: int | None = None
    # Totals of guides that are not the sums of their items.
    differences: list[StatementFinding] = field(default_factory=list)
    paid_by_protocol: dict[str | None, int] = field(default_factory=dict)
    # The items so far, by what names each, with the guide that has it: digests, since there may be a hundred thousand.
    _seen: dict[int, int] = field(default_factory=dict)
    _guides: int = 0

    def add(self, guide: Guide) -> tuple[StatementLine, ...]:
        """The guide's lines; an item that an earlier guide has already is found, and waits."""
        self._guides += 1
        if guide.has_items and len(self.differences) < TOTAL_FINDINGS_MAX:
            self.differences += _of_guide(guide)
        # An appeal (recurso) of the guide is another decision on the same items.
        appeal = guide.values.text("recurso", "tipoPagamento")
        return tuple(self._line(line, appeal) for line in guide.lines)

    def _line(self, line: StatementLine, appeal: str | None) -> StatementLine:
        self.add_line(line)
        protocol = line.protocol_number
        self.paid_by_protocol[protocol] = self.paid_by_protocol.get(protocol, 0) + line.paid
        # What takes an earlier payment back is no repetition of the decision that follows it.
        what = (appeal, line.paid < 0, *_item_of(line))
        if self._seen.setdefault(hash(what), self._guides) == self._guides:
            return line
        finding = StatementFinding(Kind.REPEATED_CLAIM, f"protocol {protocol}"[:100])
        return replace(line, findings=(*line.findings, finding))

    def add_line(self, line: StatementLine) -> None:
        """Count a line that is of no guide."""
        self.count += 1
        self.paid += line.paid
        if line.paid != UNREADABLE:
            self.says_something = True
        elif self.unreadable is None:
            self.unreadable = self.count


def of_guides(tally: Tally, node: Any) -> list[StatementFinding]:
    """Totals of guides, protocols and the statement that are not the sums of their parts."""
    differences = list(tally.differences)
    for name in PAID_BY_PROTOCOL:
        for each in (child for child in node.iter() if name_of(child) == name):
            number = Values(each.getparent()).text("numeroProtocolo") or Values(each.getparent().getparent()).text(
                "numeroProtocolo"
            )
            stated = Values(each.getparent()).amount(name)
            differences += _difference(f"{name} {number}", stated, tally.paid_by_protocol.get(number, 0))
    return differences[:TOTAL_FINDINGS_MAX]


def _of_guide(guide: Guide) -> Iterator[StatementFinding]:
    lines, values = guide.lines, guide.values
    number = lines[0].provider_claim_number or lines[0].payer_claim_number
    for names, amounts in (
        (BILLED_TOTALS, [line.billed for line in lines]),
        (PROCESSED_TOTALS, [line.processed for line in lines]),
        (PAID_TOTALS, [line.paid for line in lines]),
    ):
        stated = values.amount(*names)
        if stated is not None and None not in amounts and stated != sum(each or 0 for each in amounts):
            yield _differs(f"{names[0]} {number}", stated, sum(each or 0 for each in amounts))
    stated = values.amount(*DENIED_TOTALS)
    if stated is not None and stated not in _denied_sums(lines):
        yield _differs(f"{DENIED_TOTALS[0]} {number}", stated, _denied(lines))


def _denied_sums(lines: Sequence[StatementLine]) -> set[int]:
    """What the payer may call denied: what has a reason, or all of what it has billed or processed that neither it nor
    the patient pays."""
    paid = sum(line.paid + line.patient for line in lines)
    billed = sum(line.billed or 0 for line in lines)
    processed = sum(line.processed or 0 for line in lines)
    return {_denied(lines), billed - paid, processed - paid}


def _denied(lines: Iterable[StatementLine]) -> int:
    return sum(denial.amount for line in lines for denial in line.denials)


def _difference(name: str, stated: Cents | None, paid: int) -> Iterator[StatementFinding]:
    """A total of 0.00 says nothing: many payers leave it out like that."""
    if stated and stated != paid:
        yield _differs(name, stated, paid)


def _differs(name: str, stated: int, found: int) -> StatementFinding:
    if UNREADABLE in (stated, found) or found > UNREADABLE:
        return StatementFinding(Kind.TOTALS_DIFFER, f"{name} cannot be compared with its parts"[:200])
    text = f"{name} is {format_money(stated)}, its parts add up to {format_money(found)}"
    return StatementFinding(Kind.TOTALS_DIFFER, text[:200])


def of_payment(
    paid: int, adjustments: Sequence[StatementAdjustment], net: Cents | None, node: Any
) -> list[StatementFinding]:
    """The totals of a day, whose lines pay so much: what was released, and what is transferred in the end."""
    found = [each for name in _PAID_BY_DATE for each in _difference(name, _stated(node, name), paid)]
    return [*found, *_net_difference("liquidoPorData", net, paid, adjustments)]


def of_statement(paid: int, adjustments: Sequence[StatementAdjustment], node: Any) -> list[StatementFinding]:
    """The totals of the whole statement, whose lines pay so much."""
    found = [each for name in _PAID_BY_STATEMENT for each in _difference(name, _stated(node, name), paid)]
    for name in _NET_OF_STATEMENT:
        found += _net_difference(name, _stated(node, name), paid, adjustments)
    return found


def _net_difference(
    name: str, net: Cents | None, paid: int, adjustments: Sequence[StatementAdjustment]
) -> Iterator[StatementFinding]:
    signed = (each.amount if each.direction is AdjustmentDirection.CREDIT else -each.amount for each in adjustments)
    expected = paid + sum(signed)
    if net and net != expected:
        yield _differs(name, net, expected)


def _stated(node: Any, name: str) -> Cents | None:
    found = next((each for each in node.iter() if name_of(each) == name), None)
    return None if found is None else Values(found.getparent()).amount(name)


def _item_of(line: StatementLine) -> tuple[object, ...]:
    numbers = (line.provider_claim_number, line.payer_claim_number)
    if line.item_sequence is None and line.item_code is None:
        return (*numbers, line.paid)
    return (*numbers, line.item_sequence, line.item_code, line.performed_on)
