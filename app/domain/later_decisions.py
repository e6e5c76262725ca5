"""What a statement says anew about a claim that is decided: denied later, or paid of what was denied.

Only what has one reading is read; a person reads the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

from app.domain.claims import DeniedAmount
from app.domain.money import NO_CENTS, Cents
from app.domain.paid_lines import BilledItem, PaidLine
from app.domain.remittances import RemittanceLineProblem, lines_by_item
from app.values.frozen import frozen


@frozen
class KnownDenial:
    """A denial of an item: how much of it is still denied, and whether the payer may pay it without an appeal."""

    id: str
    code: str
    amount: Cents
    is_recoverable: bool


@frozen
class DecidedItem:
    """An item as it is decided, with the denials that have not been won whole."""

    billed: BilledItem
    approved: Cents
    patient: Cents = NO_CENTS
    denials: tuple[KnownDenial, ...] = ()


@frozen
class LaterDecision:
    """What is denied from now on, by item, and how much of which denial is paid."""

    denied: Mapping[int, tuple[DeniedAmount, ...]] = field(default_factory=dict)
    recovered: tuple[tuple[str, Cents], ...] = ()

    @property
    def denied_cents(self) -> Cents:
        """The sum of what is denied from now on."""
        return Cents(sum(each.amount for of_item in self.denied.values() for each in of_item))

    @property
    def recovered_cents(self) -> Cents:
        """The sum of what is paid of denials."""
        return Cents(sum(amount for _, amount in self.recovered))


@frozen
class _Said:
    """What the lines about one item say: taken back, paid, and denied by code."""

    taken_back: Cents
    paid: Cents
    denials: tuple[DeniedAmount, ...]

    @property
    def net(self) -> int:
        return self.paid - self.taken_back

    @property
    def denied(self) -> dict[str, int]:
        return _by_code(self.denials)

    def added(self, changes: Mapping[str, int]) -> tuple[DeniedAmount, ...]:
        """What is denied from now on: as the lines say it, or what they say above what was denied before."""
        denied = self.denied
        whole = {code for code, cents in changes.items() if cents == denied.get(code)}
        rest = {code: cents for code, cents in changes.items() if cents > 0 and code not in whole}
        return (
            *(each for each in self.denials if each.code in whole),
            *(DeniedAmount(code, Cents(cents)) for code, cents in rest.items()),
        )


def later_decision(items: Sequence[DecidedItem], lines: Sequence[PaidLine], due: Cents) -> LaterDecision | None:
    """What the lines of a decided claim, of which so much is `due`, decide anew; None if that has not one reading.

    An item of 100_00, approved and paid:

    - -100_00 and then 80_00 with 20_00 denied, or -20_00 with 20_00 denied: 20_00 are denied from now on.
    - -20_00 with 10_00 denied: None, since nothing says what has become of 10_00.

    Not paid yet: 80_00 paid and 20_00 denied are the whole item, so the 20_00 are denied from now on. Of an item of
    which 100_00 are denied with 1801: 60_00 paid and 40_00 denied with 1801 are the whole item, so 60_00 of the denial
    are recovered.
    """
    if _decide_nothing(items, lines):
        return LaterDecision()
    found = _by_item(items, lines)
    if found is None:
        return None
    net = sum(line.paid for line in lines)
    denied: dict[int, tuple[DeniedAmount, ...]] = {}
    recovered: list[tuple[str, Cents]] = []
    for item in items:
        said = found.get(item.billed.sequence)
        if said is None:
            continue
        changes = _changes(item, said, rest=due - net)
        if changes is None:
            return None
        if new := said.added(changes):
            denied[item.billed.sequence] = new
        for code, cents in changes.items():
            if cents < 0:
                known = [each for each in item.denials if each.code == code]
                if len(known) > 1 or not known[0].is_recoverable:
                    return None
                recovered.append((known[0].id, Cents(-cents)))
    return LaterDecision(denied, tuple(recovered))


def _decide_nothing(items: Sequence[DecidedItem], lines: Sequence[PaidLine]) -> bool:
    """Whether nothing is denied, and no denial can be paid: money that is only taken back is due again."""
    is_paying = any(line.paid > 0 for line in lines)
    return not any(line.denials for line in lines) and not (is_paying and any(item.denials for item in items))


def _by_item(items: Sequence[DecidedItem], lines: Sequence[PaidLine]) -> dict[int, _Said] | None:
    """Item sequence -> what the lines say about it; None if that cannot be said of all that deny something."""
    if len(items) == 1:
        lines = [_named(line, items[0]) if line.is_whole_claim else line for line in lines]
    elif all(line.is_whole_claim for line in lines):
        return _of_whole_claim(items, lines)
    # Money that is taken back of the whole claim says nothing about its items: the other lines do.
    lines = [line for line in lines if not line.is_whole_claim or line.denials or line.paid > 0]
    # Those about the same item are one line before the item is looked for: -100_00 and 80_00 are not two items.
    groups: dict[tuple[object, ...], list[PaidLine]] = {}
    for line in lines:
        groups.setdefault((line.item, line.item_sequence, line.item_code, line.day), []).append(line)
    found: dict[int, list[PaidLine]] = {}
    billed = [item.billed for item in items]
    for group in groups.values():
        matched = lines_by_item(billed, [replace(group[0], paid=Cents(sum(each.said for each in group)), denials=())])
        if isinstance(matched, RemittanceLineProblem):
            return None
        for sequence in matched:
            found.setdefault(sequence, []).extend(group)
    return {sequence: _said(group) for sequence, group in found.items()}


def _named(line: PaidLine, item: DecidedItem) -> PaidLine:
    return replace(line, item=item.billed.sequence)


def _of_whole_claim(items: Sequence[DecidedItem], lines: Sequence[PaidLine]) -> dict[int, _Said] | None:
    """Lines about a claim of several items say what became of these if all that was approved is denied for one
    reason."""
    said = _said(lines)
    approved = sum(item.approved for item in items)
    if len(said.denied) != 1 or sum(said.denied.values()) != approved or any(item.denials for item in items):
        return None
    code = said.denials[0].code
    if said.net not in (0, -approved):
        return None
    share = [Cents(item.approved if said.net else 0) for item in items]
    return {
        item.billed.sequence: _Said(back, NO_CENTS, (DeniedAmount(code, item.approved),))
        for item, back in zip(items, share, strict=True)
        if item.approved
    }


def _said(lines: Iterable[PaidLine]) -> _Said:
    known = list(lines)
    back = -sum(line.paid for line in known if line.paid < 0)
    paid = sum(line.paid for line in known if line.paid > 0)
    return _Said(Cents(back), Cents(paid), tuple(each for line in known for each in line.denials))


def _by_code(denials: Iterable[DeniedAmount | KnownDenial]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in denials:
        found[each.code] = found.get(each.code, 0) + each.amount
    return found


def _changes(item: DecidedItem, said: _Said, *, rest: int) -> dict[str, int] | None:
    """Code -> by how much more is denied of the item than before, below zero for less; None if that is not clear.

    `rest` is what is due of the claim less what all lines pay.
    """
    known, added = _by_code(item.denials), said.denied
    anew = {code: added.get(code, 0) - known.get(code, 0) for code in {**known, **added}}
    anew = {code: cents for code, cents in anew.items() if cents}
    if said.paid and said.paid + sum(added.values()) + item.patient == item.billed.total:
        # The lines account for the whole item: more and less denied at once is another decision, not a part of it.
        one_way = {cents > 0 for cents in anew.values()}
        return anew if len(one_way) < 2 and _is_approved(item, anew) else None
    if not added:
        return {}
    readings = [added] if said.taken_back else []
    if all(added.get(code, 0) >= cents for code, cents in known.items()):
        readings.append(anew)
    elif not said.taken_back and not set(known) & set(added):
        readings.append(added)
    for each in readings:
        total = sum(each.values())
        fits = said.net == -total if said.taken_back else total == rest or (said.paid == 0 and total < rest)
        if fits and _is_approved(item, each):
            return each
    # The same denials as before.
    return None if anew else {}


def _is_approved(item: DecidedItem, changes: Mapping[str, int]) -> bool:
    """Whether what is denied more was approved before."""
    return sum(cents for cents in changes.values() if cents > 0) <= item.approved


def denied_anew(items: Sequence[DecidedItem], lines: Sequence[PaidLine]) -> Cents:
    """How much more than before the lines deny of a claim, at a rough reading for a person; below zero for less.

    Denials that repeat known codes are compared with these, others are new.
    """
    said = _said(lines)
    if not said.denied:
        return NO_CENTS
    known = _by_code(denial for item in items for denial in item.denials)
    added = sum(said.denied.values())
    compared = sum(cents - known.get(code, 0) for code, cents in said.denied.items())
    if said.net < 0:
        return Cents(min(added, compared, key=lambda each: abs(said.net + each)))
    return Cents(compared if set(known) & set(said.denied) else added)
