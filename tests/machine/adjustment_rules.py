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
FORGOTTEN = {"payerClaimNumber": "ESQUECIDA", "paidAmount": "0.00", "takenBackAmount": "7.00"}


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

    @rule(name=st.sampled_from([None, "accept", "dispute"]), is_undone=st.booleans())
    def take_back_of_a_claim_that_nobody_knows(self, name: str | None, *, is_undone: bool) -> None:
        """A statement that takes money back, kept as a debit, posted, explained, and perhaps taken back itself."""
        taken = self.import_lines(f"S{next(NUMBERS):09d}", [FORGOTTEN], is_paying=True)
        fields = "remittance(id: $id) { lines { nodes { id } } adjustments { id } }"
        query = f"query($id: ID!) {{ {fields} }}"
        found = self.stage.call(self.tokens["finance"], query, id=taken["id"])["remittance"]
        line = {"remittanceLineId": found["lines"]["nodes"][0]["id"], "idempotencyKey": key()}
        step = {**line, "resolution": {"keepAsDebit": {}}}
        self.mutate("finance", "resolveRemittanceLine", "line { status }", step)
        self.post(taken["id"])
        found = self.stage.call(self.tokens["finance"], query, id=taken["id"])["remittance"]
        if name is not None:
            explained = {"explanation": {name: {"reason": "conforme aviso"}}, "idempotencyKey": key()}
            values = {"remittanceAdjustmentId": found["adjustments"][0]["id"], **explained}
            self.mutate("finance", "explainAdjustment", "adjustment { status }", values)
        if is_undone:
            undone = {**line, "reason": "engano", "idempotencyKey": key()}
            self.mutate("finance", "undoRemittanceLine", "line { status }", undone)

    def _of_other_months(self) -> dict[str, Row]:
        found = {name: row for name, row in self.rows.adjustments.items() if row["type"] == "08"}
        return {name: row for name, row in found.items() if row["direction"] == "CREDIT"} or found


def steps_of_adjustments(life: Any) -> list[Callable[[], None]]:
    """Steps of which each does what it tries: a credit is disputed, and then each of the others is undone."""
    explained = [partial(life.explain, 0, name) for each in STEPS[:-1] for name in (each, "undo")]
    sent = partial(life.create, [10_00], is_sent=True, quantity=10_000)
    forgotten = [
        partial(life.take_back_of_a_claim_that_nobody_knows, name, is_undone=is_undone)
        for name, is_undone in ((None, True), ("accept", True), ("dispute", False))
    ]
    return [sent, partial(life.adjust_a_statement, 0, 3_00, "CREDIT"), *explained, *forgotten]
