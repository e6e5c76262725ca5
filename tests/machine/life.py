"""What all rules of the machine need: its world, its rows, and mutations that may be sent again."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from app.domain.calendar import business_day
from app.domain.money import format_money
from tests.factories import World
from tests.inputs import input_type, shaped
from tests.machine.books import Row, Rows
from tests.machine.stage import Stage

PICKS = st.integers(0, 10_000)
SHARES = st.integers(0, 100)
NUMBERS = itertools.count(1)


class Life(RuleBasedStateMachine):
    """The callers of one payer and one provider, and what they have sent."""

    stage: ClassVar[Stage]
    steps: ClassVar[int] = 0
    done: ClassVar[dict[str, int]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.world: World
        self.tokens: dict[str, str] = {}
        self.rows = Rows()
        self.sent: list[tuple[str, str, str, dict[str, Any], dict[str, Any]]] = []

    def mutate(self, role: str, name: str, fields: str, values: dict[str, Any]) -> dict[str, Any]:
        """A mutation's payload, kept to be sent again later."""
        kind, values = input_type(name), shaped(name, values)
        text = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ {fields} errors {{ code }} replayed }} }}"
        payload: dict[str, Any] = self.stage.call(self.tokens[role], text, input=values)[name]
        if payload["errors"]:
            codes = {error["code"] for error in payload["errors"]}
            assert codes <= {"CONFLICT", "OVER_SETTLEMENT", "INVALID_AMOUNT", "APPEAL_EXISTS", "APPEAL_TOO_LATE"} | {
                *("INVALID_INPUT", "INVALID_QUANTITY", "BATCH_TOO_LARGE")
            }, payload
        else:
            self.done[name] = self.done.get(name, 0) + 1
            if "idempotencyKey" in values:
                self.sent.append((role, name, text, values, payload))
        return payload

    def today(self) -> str:
        """The day of the stage."""
        return business_day(datetime.now(UTC) + timedelta(days=self.stage.days)).isoformat()

    def pick(self, rows: dict[str, Row], number: int, *statuses: str) -> Row | None:
        """One of the rows, of these states when there is one, else any: refusals are part of life."""
        fitting = [row for row in rows.values() if row.get("status") in statuses] or list(rows.values())
        return fitting[number % len(fitting)] if fitting else None


def decision(item: Row, share: int) -> dict[str, Any]:
    """A decision that approves this share of the item, in percent, and denies the rest for two reasons."""
    approved = item["total_cents"] * share // 100
    denied = item["total_cents"] - approved
    first = denied // 3
    parts = {"1705": first, "3209": denied - first}
    return {
        "sequence": item["sequence"],
        "approvedAmount": format_money(approved),
        "denials": [{"code": code, "amount": format_money(part)} for code, part in parts.items() if part],
    }
