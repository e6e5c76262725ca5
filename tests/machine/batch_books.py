"""What must hold of batches, looked up in the rows themselves."""

from collections import Counter
from typing import Any

from app.domain import batches
from app.domain.batches import ACTIVE, FINISHED, UNDECIDED, BatchAction, BatchStatus

Row = dict[str, Any]


def check(claims: dict[str, Row], found: dict[str, Row], members: list[Row], steps: list[Row]) -> None:
    """Numbers without gaps, a claim in one active batch, totals that are sums, and histories that give the row."""
    assert sorted(batch["number"] for batch in found.values()) == list(range(1, len(found) + 1))
    active = [row for row in members if found[row["batch_id"]]["status"] in ACTIVE and row["refusal_code"] is None]
    assert all(times == 1 for times in Counter(row["claim_id"] for row in active).values())
    for row in members:
        assert row["active_claim_id"] == (row["claim_id"] if row in active else None)
    for batch in found.values():
        of_batch = [row for row in members if row["batch_id"] == batch["id"] and row["refusal_code"] is None]
        _check_batch(batch, [claims[row["claim_id"]] for row in of_batch])
        _replay(batch, [step for step in steps if step["batch_id"] == batch["id"]])


def _check_batch(batch: Row, claims: list[Row]) -> None:
    assert batch["guide_count"] == len(claims) > 0
    assert len({(claim["type"], claim["provider_cnes"], claim["payer_ans"]) for claim in claims}) == 1
    if batch["status"] in ACTIVE:
        assert batch["total_cents"] == sum(claim["claimed_cents"] for claim in claims)
    is_finished = all(claim["status"] in FINISHED for claim in claims)
    assert is_finished or batch["status"] != "PROCESSED"
    assert not is_finished or batch["status"] not in UNDECIDED
    assert (batch["sent_at"] is None) == (batch["status"] in ("OPEN", "CANCELLED")) == (batch["document"] is None)
    if batch["status"] in ("OPEN", "SENT", "RECEIVED"):
        assert all(claim["status"] != "DRAFT" for claim in claims)


def _replay(batch: Row, steps: list[Row]) -> None:
    status = BatchStatus.OPEN
    assert (steps[0]["action"], steps[0]["status"], steps[0]["version"]) == ("CREATE", "OPEN", 1)
    for version, step in enumerate(steps[1:], start=2):
        status = batches.next_status(status, BatchAction(step["action"]))
        assert (step["status"], step["version"]) == (status, version)
    names = ("status", "version", "guide_count", "total_cents")
    assert [steps[-1][name] for name in names] == [batch[name] for name in names]
