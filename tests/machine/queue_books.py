"""The invariants of lines that people have resolved, and of money that no claim gets."""

import json
from typing import Any

Row = dict[str, Any]
CORRECTION = "data errada"
"""The reason of every corrected day of payment in the random lives."""


def check(
    remittances: list[Row],
    lines: list[Row],
    settlements: list[Row],
    credits: list[Row],
    moves: list[Row],
    adjustments: list[Row],
) -> None:
    """What a paid statement's posted lines pay is in settlements and in credits, what they take back in reversals and
    in debits; credits are the sum of their uses."""
    by_credit = {move["settlement_id"] for move in moves}
    for remittance in remittances:
        if remittance["paid_on"] is None:
            continue
        own = [each for each in lines if each["remittance_id"] == remittance["id"]]
        posted = [each for each in own if each["status"] in ("POSTED", "HELD")]
        own_settlements = {
            each["id"]: each["amount_cents"]
            for each in settlements
            if each["statement_number"] == remittance["statement_number"]
            and each["reverses_id"] is None
            and each["id"] not in by_credit
        }
        # A corrected day of payment reverses what is left of a settlement and records it again.
        corrected = [
            -each["amount_cents"]
            for each in settlements
            if each["reverses_id"] in own_settlements and each["reason"] == CORRECTION
        ]
        paid = [*own_settlements.values(), *corrected]
        of_lines = [each for each in credits if each["remittance_id"] == remittance["id"] and each["line_id"]]
        kept = [each["amount_cents"] for each in of_lines]
        ids = {each["id"] for each in of_lines}
        kept += [-each["amount_cents"] for each in moves if each["action"] == "WITHDRAW" and each["credit_id"] in ids]
        if remittance["cancelled_id"] == "":
            back = [
                each["amount_cents"]
                for each in settlements
                if each["reason"] == f"taken back by statement {remittance['statement_number']}"
            ]
            debits = {
                each["line_id"]: each["amount_cents"]
                for each in adjustments
                if each["remittance_id"] == remittance["id"] and each["line_id"] and each["status"] != "WITHDRAWN"
            }
            assert debits == {each["id"]: -each["paid_cents"] for each in posted if _is_debit(each)}
            gone = sum(back) + sum(debits.values())
            assert sum(each["paid_cents"] for each in posted) == sum(paid) + sum(kept) - gone
    for credit in credits:
        used = [move for move in moves if move["credit_id"] == credit["id"]]
        assert credit["used_cents"] == sum(move["amount_cents"] for move in used)
        assert 0 <= credit["used_cents"] <= credit["amount_cents"]
        assert credit["version"] == len(used) + 1
        assert [move["used_cents"] for move in used[-1:]] == ([credit["used_cents"]] if used else [])


def _is_debit(line: Row) -> bool:
    return bool(line["paid_cents"] < 0 and line["claim_id"] is None)


def is_without_claim(line: Row) -> bool:
    """Whether all that the line pays is a credit, or all that it takes back a debit."""
    return bool(line["resolution"]) and json.loads(line["resolution"])["unapplied"] == line["paid_cents"]
