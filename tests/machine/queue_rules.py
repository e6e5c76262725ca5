"""What the finance department does with lines that wait, and with money that no claim gets."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.held_rules import HeldRules, steps_of_held_lines
from tests.machine.life import NUMBERS, PICKS, SHARES
from tests.machine.statement_rules import STRANGE

STEPS: dict[str, dict[str, Any]] = {
    "match": {},
    "acceptAsDenial": {"code": "1705"},
    "acceptOverpayment": {},
    "recoverDenial": {},
    "writeOff": {"code": "1705", "reason": "centavos"},
    "mapToItem": {"itemSequence": 1},
    "setAside": {"until": "2199-01-31"},
    "assign": {"assignee": "ana"},
    "note": {"text": "liguei"},
}


class QueueRules(HeldRules):
    """Steps with lines and uses of credits."""

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, share=st.integers(1, 150), name=st.sampled_from(sorted(STEPS)), is_undone=st.booleans())
    def resolve_a_difference(self, number: int, share: int, name: str, *, is_undone: bool) -> None:
        """A statement that pays more or less than a claim, resolved and posted."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW", "DENIED", "PARTIALLY_APPROVED")
        assert claim is not None
        paid = format_money(max(claim["claimed_cents"] * share // 100, 1))
        line = {"providerClaimNumber": claim["provider_claim_number"], "paidAmount": paid}
        taken = self.import_lines(f"S{next(NUMBERS):09d}", [line], is_paying=True)
        if taken is None:
            return
        self.post(taken["id"])
        fields = "remittance(id: $id) { lines { nodes { id } } }"
        found = self.stage.call(self.tokens["finance"], f"query($id: ID!) {{ {fields} }}", id=taken["id"])
        row = found["remittance"]["lines"]["nodes"][0]["id"]
        self.step(row, name)
        if is_undone:
            self.undo(row)
        self.post(taken["id"])

    def step(self, line: str, name: str) -> None:
        """A step with a line."""
        values = {"remittanceLineId": line, "resolution": {name: STEPS[name]}, "idempotencyKey": key()}
        self.mutate("finance", "resolveRemittanceLine", "line { status problem }", values)

    def undo(self, line: str) -> None:
        """The last step taken back."""
        values = {"remittanceLineId": line, "reason": "engano", "idempotencyKey": key()}
        self.mutate("finance", "undoRemittanceLine", "line { status problem }", values)

    @precondition(lambda self: self.rows.remittance_lines)
    @rule(number=PICKS, name=st.sampled_from(sorted(STEPS)), is_undo=st.booleans())
    def work_on_the_queue(self, number: int, name: str, *, is_undo: bool) -> None:
        line = self.pick(self.rows.remittance_lines, number, *(("DISMISSED", "SPLIT") if is_undo else ("UNMATCHED",)))
        assert line is not None
        if is_undo:
            self.undo(line["id"])
        else:
            self.step(line["id"], name)

    @precondition(lambda self: self.rows.remittance_lines)
    @rule(number=PICKS, share=SHARES)
    def split_a_line(self, number: int, share: int) -> None:
        line = self.pick(self.rows.remittance_lines, number, "UNMATCHED")
        assert line is not None
        first = line["paid_cents"] * share // 100
        parts = [{"paidAmount": format_money(each)} for each in (first, line["paid_cents"] - first)]
        values = {"remittanceLineId": line["id"], "parts": parts, "idempotencyKey": key()}
        self.mutate("finance", "splitRemittanceLine", "line { status }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, cents=st.integers(1, 50), is_late=st.booleans(), is_undone=st.booleans())
    def dismiss_beside_taxes(self, number: int, cents: int, *, is_late: bool, is_undone: bool) -> None:
        """A statement net of tax of which a line is dismissed, before the others are posted or after them."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW")
        assert claim is not None
        taxes = [{"direction": "DEBIT", "type": "01", "amount": format_money(cents)}]
        lines = [STRANGE, *self.lines_of(claim, [100, 100, 100])]
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=True, adjustments=taxes)
        fields = "remittance(id: $id) { lines { nodes { id } } }"
        found = self.stage.call(self.tokens["finance"], f"query($id: ID!) {{ {fields} }}", id=taken["id"])
        line = found["remittance"]["lines"]["nodes"][0]["id"]
        if is_late:
            self.post(taken["id"])
        values = {"remittanceLineId": line, "reason": "de outro", "idempotencyKey": key()}
        self.mutate("finance", "dismissRemittanceLine", "line { status }", values)
        if is_undone:
            self.undo(line)
        if not is_late:
            self.post(taken["id"])

    @rule(cents=st.integers(0, 50) | st.integers(90, 200))
    def keep_money_without_a_claim(self, cents: int = 0) -> None:
        taxes = [{"direction": "DEBIT", "type": "01", "amount": format_money(cents)}] if cents else []
        number = f"S{next(NUMBERS):09d}"
        taken = self.import_lines(number, [STRANGE], is_paying=True, adjustments=taxes)
        values = {
            "filter": {"ids": [taken["id"]]},
            "resolution": {"acceptOverpayment": {}},
            "idempotencyKey": key(),
        }
        self.mutate("finance", "resolveRemittanceLines", "results { object { status } }", values)
        self.post(taken["id"])

    @precondition(lambda self: self.rows.credits)
    @rule(number=PICKS, other=PICKS, is_refund=st.booleans())
    def use_a_credit(self, number: int, other: int, *, is_refund: bool) -> None:
        credit, invoice = self.pick(self.rows.credits, number), self.pick(self.rows.invoices, other, "ISSUED")
        assert credit is not None
        values = {"creditId": credit["id"], "idempotencyKey": key()}
        if is_refund:
            self.mutate("finance", "refundCredit", "credit { leftAmount }", {**values, "reason": "devolvido"})
        elif invoice is not None:
            fields = "credit { leftAmount } use { amount }"
            self.mutate("finance", "applyCredit", fields, {**values, "invoiceId": invoice["id"]})

    @precondition(lambda self: self.rows.credit_moves)
    @rule(number=PICKS)
    def take_a_use_back(self, number: int) -> None:
        move = self.pick(self.rows.credit_moves, number)
        assert move is not None
        values = {"creditUseId": move["id"], "reason": "engano", "idempotencyKey": key()}
        self.mutate("finance", "reverseCreditUse", "credit { leftAmount }", values)


def steps_of_the_queue(life: Any) -> list[Callable[[], None]]:
    """Steps of which each does what it tries; the life has the rules of claims too."""
    submitted = partial(life.create, [10_00], is_sent=True, quantity=10_000)
    resolved: list[Callable[[], None]] = []
    for name, share in (("acceptAsDenial", 80), ("writeOff", 90), ("acceptOverpayment", 120)):
        resolved += [submitted, partial(life.resolve_a_difference, 0, share, name, is_undone=False)]
    split = [partial(life.take_a_statement, 0, [100, 100, 100], is_again=False), partial(life.split_a_line, 0, 50)]
    credits: list[Callable[[], None]] = [partial(life.keep_money_without_a_claim, cents) for cents in (130, 7)]
    credits += [partial(life.use_a_credit, 0, 0, is_refund=True), life.bill]
    credits += [partial(life.use_a_credit, 1, 0, is_refund=False), partial(life.take_a_use_back, 0)]
    corrected = [partial(life.correct_a_day_of_payment, number, 3) for number in range(4)]
    held = steps_of_held_lines(life)
    for is_late in (True, False):
        credits += [submitted, partial(life.dismiss_beside_taxes, 0, 9, is_late=is_late, is_undone=False)]
    return [*resolved, *corrected, *split, partial(life.work_on_the_queue, 0, "note", is_undo=True), *credits, *held]
