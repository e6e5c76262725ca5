"""Claims that a payer decides one statement at a time: their lines are held until the last one, or until a person
ends it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS, SHARES, decision
from tests.machine.statement_rules import KEPT, StatementRules, line_of

ENDS = ("cancelClaim", "withdrawClaim", "adjudicateClaim")


class HeldRules(StatementRules):
    """Statements about a part of a claim, and what else may become of it."""

    def held(self) -> dict[str, Row]:
        """The claims with held lines."""
        lines = self.rows.remittance_lines.of("status", "HELD")
        return {line["claim_id"]: self.rows.claims[line["claim_id"]] for line in lines}

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, share=SHARES, is_paying=st.booleans(), kept=KEPT)
    def pay_a_part(self, number: int, share: int, kept: list[tuple[str, int]], *, is_paying: bool) -> None:
        """A statement about one item of a claim that has several, net of tax if it pays."""
        claims = self.held() or {
            claim["id"]: claim
            for claim in self.rows.claims.values()
            if claim["status"] == "SUBMITTED" and len(self.rows.items.of("claim_id", claim["id"])) > 1
        }
        claim = self.pick(claims, number)
        if claim is None:
            return
        held = {line["item_sequence"] for line in self.rows.remittance_lines.of("claim_id", claim["id"])}
        items = self.rows.items.of("claim_id", claim["id"])
        item = next((each for each in items if each["sequence"] not in held), items[0])
        lines = [line_of(claim, item, share)]
        adjustments = [
            {"direction": "DEBIT", "type": code, "amount": format_money(max(item["total_cents"] * part // 1_000, 1))}
            for code, part in kept
        ]
        more = {"adjustments": adjustments} if is_paying else {}
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=is_paying, **more)
        if taken is not None:
            self.post(taken["id"])

    @precondition(lambda self: self.held())
    @rule(number=PICKS, name=st.sampled_from(ENDS), share=SHARES, is_used=st.booleans())
    def end_a_held_claim(self, number: int, name: str, share: int, *, is_used: bool) -> None:
        """A person ends it; the money of its lines may be used by then."""
        claim = self.pick(self.held(), number)
        assert claim is not None
        for credit in self.rows.credits.of("claim_id", claim["id"]) if is_used else ():
            refund = {"creditId": credit["id"], "amount": "0.01", "reason": "devolvido", "idempotencyKey": key()}
            self.mutate("finance", "refundCredit", "credit { leftAmount }", refund)
        values: dict[str, Any] = {"id": claim["id"], "idempotencyKey": key()}
        if name == "adjudicateClaim":
            if claim["status"] == "SUBMITTED":
                self.mutate("reviewer", "startReview", "claim { status }", {**values, "idempotencyKey": key()})
            values["items"] = [decision(item, share) for item in self.rows.items.of("claim_id", claim["id"])]
        role = "payer_agent" if name == "adjudicateClaim" else "biller"
        self.mutate(role, name, "claim { status }", values)


def steps_of_held_lines(life: Any) -> list[Callable[[], None]]:
    """A claim that two statements decide, of which only the first pays; and two that a person ends."""
    two = partial(life.create, [10_00, 20_00], is_sent=True, quantity=10_000)
    paid = partial(life.pay_a_part, 0, 100, [("01", 15)], is_paying=True)
    steps: list[Callable[[], None]] = [two, paid, partial(life.pay_a_part, 0, 50, [], is_paying=False)]
    for name, is_used in zip(ENDS[1:], (False, True), strict=True):
        steps += [two, paid, partial(life.end_a_held_claim, 0, name, 100, is_used=is_used)]
    return steps
