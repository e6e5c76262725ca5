"""Debits and credits that statements have beside their claims, and what people say about them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS
from tests.machine.statement_rules import StatementRules

STEPS = ("accept", "link", "keep", "dispute", "undo")


class AdjustmentRules(StatementRules):
    """What the finance department does with what belongs to no claim."""

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, cents=st.integers(1, 50_00), direction=st.sampled_from(["CREDIT", "DEBIT"]))
    def adjust_a_statement(self, number: int, cents: int, direction: str) -> None:
        """A statement that pays a claim, with something of another month beside it."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW")
        assert claim is not None
        beside = [{"direction": direction, "type": "08", "amount": format_money(cents)}]
        lines = self.lines_of(claim, [100, 100, 100])
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=True, adjustments=beside)
        self.post(taken["id"])

    @precondition(lambda self: self.rows.adjustments)
    @rule(number=PICKS, name=st.sampled_from(STEPS))
    def explain(self, number: int, name: str) -> None:
        """A step with one of them; of a credit where there is one."""
        fitting = ("ACCEPTED", "LINKED", "CREDITED", "DISPUTED") if name == "undo" else ("OPEN", "DISPUTED")
        found = self.pick(self._of_other_months(), number, *fitting)
        if found is None:
            return
        values: dict[str, Any] = {"remittanceAdjustmentId": found["id"], "idempotencyKey": key()}
        if name == "undo":
            self.mutate("finance", "undoAdjustment", "adjustment { status }", {**values, "reason": "engano"})
            return
        said = {"reason": "conforme aviso"}
        if name == "link":
            said["claimId"] = next(iter(self.rows.claims))
        values["explanation"] = {name: said}
        self.mutate("finance", "explainAdjustment", "adjustment { status }", values)

    def _of_other_months(self) -> dict[str, Row]:
        found = {name: row for name, row in self.rows.adjustments.items() if row["type"] == "08"}
        return {name: row for name, row in found.items() if row["direction"] == "CREDIT"} or found


def steps_of_adjustments(life: Any) -> list[Callable[[], None]]:
    """Steps of which each does what it tries: a credit is disputed, and then each of the others is undone."""
    explained = [partial(life.explain, 0, name) for each in STEPS[:-1] for name in (each, "undo")]
    sent = partial(life.create, [10_00], is_sent=True, quantity=10_000)
    return [sent, partial(life.adjust_a_statement, 0, 3_00, "CREDIT"), *explained]
