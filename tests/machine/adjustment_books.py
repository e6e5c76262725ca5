"""What must hold of debits and credits beside the claims, looked up in the rows themselves."""

from collections.abc import Iterable
from typing import Any

from app.domain import adjustments
from app.domain.adjustments import AdjustmentStatus, AdjustmentStep

Row = dict[str, Any]


def check(found: Iterable[Row], steps: list[Row], credits: list[Row], moves: list[Row]) -> None:
    """Each history gives the row, and the money of a credit that is kept now is an unapplied credit, once; a debit that
    was a line has its amount."""
    for row in found:
        status = AdjustmentStatus.OPEN
        own = [each for each in steps if each["adjustment_id"] == row["id"]]
        for step in own:
            status = adjustments.next_status(status, AdjustmentStep(step["action"]))
            assert step["status"] == status
        assert (row["status"], row["version"]) == (status, len(own) + 1)
        kept = [each for each in credits if each["adjustment_id"] == row["id"]]
        assert [each["id"] for each in kept] == [each["credit_id"] for each in own if each["action"] == "KEEP"]
        gone = {move["credit_id"] for move in moves if move["action"] == "WITHDRAW"}
        left = [each["amount_cents"] for each in kept if each["id"] not in gone]
        assert left == ([row["amount_cents"]] if status is AdjustmentStatus.CREDITED else [])
