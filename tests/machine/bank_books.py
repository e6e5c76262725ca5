"""What must hold between the bank account and the payments, looked up in the rows themselves."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def check(remittances: dict[str, Row], entries: Iterable[Row], matches: Iterable[Row]) -> None:
    """The entries of each match add up to the net payments that it is, and so do all of them together."""
    received: dict[str, int] = defaultdict(int)
    announced: dict[str, int] = defaultdict(int)
    for entry in entries:
        assert (entry["status"], entry["dismissal_reason"]) == ("MATCHED", None)
        received[entry["match_id"]] += entry["amount_cents"] * (1 if entry["direction"] == "CREDIT" else -1)
    for match in matches:
        assert (match["active_remittance_id"] is None) == (match["undone_at"] is not None)
        remittance = remittances[match["remittance_id"]]
        if match["active_remittance_id"] is None:
            continue
        assert match["active_remittance_id"] == remittance["id"]
        assert remittance["paid_on"] is not None
        assert remittance["status"] != "CANCELLED"
        net = remittance["paid_cents"] if remittance["net_cents"] is None else remittance["net_cents"]
        assert match["net_cents"] == net
        announced[match["match_id"]] += net
    assert received == announced
