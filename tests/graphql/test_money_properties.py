"""The invariants of claims, invoices and the ledger, with random values and sequences through the API."""

import os
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.claims import TRANSITIONS, ClaimAction, ClaimStatus
from tests.factories import CONSULTATION, World

EXAMPLES = int(os.environ.get("BILLING_TEST_EXAMPLES", "12"))
quick = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[str]:
    """Decimal text with exactly so many places."""
    return st.integers(low, high).map(lambda number: str(Decimal(number).scaleb(-places)))


ITEM = st.fixed_dictionaries(
    {
        "codeSystem": st.just("22"),
        "code": st.just("10101012"),
        "quantity": decimals(1, 999_999, 4),
        "unitPrice": decimals(100, 5_000_000, 2),
        "factor": decimals(1, 999, 2),
    }
)


def _total(item: dict[str, str]) -> Decimal:
    exact = Decimal(item["unitPrice"]) * Decimal(item["quantity"]) * Decimal(item["factor"])
    return exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@quick
@given(items=st.lists(ITEM, min_size=1, max_size=4))
async def test_totals_are_exact_products_rounded_half_up_and_their_sum(
    world: World, items: list[dict[str, str]]
) -> None:
    totals = [_total(item) for item in items]
    payload = await world.create_claim(items=items)
    if any(total == 0 for total in totals) or any(total > Decimal("99999999.99") for total in totals):
        assert [error["code"] for error in payload["errors"]] != []
        return
    assert payload["errors"] == []
    kept = await world.claim(payload["claim"]["id"])
    assert [item["totalAmount"] for item in kept["items"]] == [str(total) for total in totals]
    assert kept["claimedAmount"] == str(sum(totals))


@quick
@given(data=st.data(), prices=st.lists(st.integers(1, 50_000), min_size=1, max_size=3))
async def test_a_decision_adds_up_per_item_and_per_claim(world: World, data: st.DataObject, prices: list[int]) -> None:
    items = [{**CONSULTATION, "unitPrice": _money(price)} for price in prices]
    claim = await world.claim_in_review(items=items)
    approved = [data.draw(st.integers(0, price), label="approved") for price in prices]
    decisions = [
        _decision(data, place, price, part) for place, (price, part) in enumerate(zip(prices, approved, strict=True), 1)
    ]
    payload = await world.adjudicate(claim["id"], decisions)
    assert payload["errors"] == []
    decided = await world.claim(claim["id"])
    for item, price, part in zip(decided["items"], prices, approved, strict=True):
        assert (item["approvedAmount"], item["deniedAmount"]) == (_money(part), _money(price - part))
        assert item["processedAmount"] == item["totalAmount"] == _money(price)
        assert _money(sum(_cents(denial["amount"]) for denial in item["denials"])) == item["deniedAmount"]
    assert decided["approvedAmount"] == _money(sum(approved))
    assert decided["deniedAmount"] == _money(sum(prices) - sum(approved))
    assert decided["status"] == _status(sum(prices), sum(approved))


def _status(total: int, approved: int) -> str:
    if approved == total:
        return "APPROVED"
    return "DENIED" if approved == 0 else "PARTIALLY_APPROVED"


def _decision(data: st.DataObject, sequence: int, price: int, approved: int) -> dict[str, Any]:
    denied = price - approved
    first = data.draw(st.integers(1, denied), label="first denial") if denied else 0
    parts = [part for part in (first, denied - first) if part]
    denials = [{"code": code, "amount": _money(part)} for code, part in zip(("1705", "3209"), parts, strict=False)]
    return {"sequence": sequence, "approvedAmount": _money(approved), "denials": denials}


MOVES = st.lists(
    st.tuples(st.sampled_from(["settle", "reverse"]), st.integers(0, 7_000), st.integers(0, 9)), min_size=1, max_size=8
)


@quick
@given(moves=MOVES)
async def test_the_invoice_follows_its_ledger_whatever_happens(world: World, moves: list[tuple[str, int, int]]) -> None:
    total = 10_000
    invoice = await world.issued_invoice(_money(total))
    standing: dict[str, int] = {}
    became_settled = 0
    before = "ISSUED"
    for move, cents, pick in moves:
        settled = sum(standing.values())
        if move == "settle":
            payload = await world.settle(invoice["id"], _money(cents))
            is_allowed = 0 < cents <= total - settled
            if is_allowed:
                standing[payload["settlement"]["id"]] = cents
        elif standing:
            target = sorted(standing)[pick % len(standing)]
            payload = await world.reverse(target, _money(cents))
            is_allowed = 0 < cents <= standing[target]
            if is_allowed:
                standing[target] -= cents
        else:
            continue
        assert (payload["errors"] == []) == is_allowed
        after = await world.invoice(invoice["id"])
        _check_ledger(after, total, standing)
        became_settled += after["status"] == "SETTLED" != before
        before = after["status"]
    assert (await world.events(invoice["id"])).count("InvoiceSettled") == became_settled


def _check_ledger(invoice: dict[str, Any], total: int, standing: dict[str, int]) -> None:
    rows = invoice["settlements"]
    confirmed = sum(_cents(row["amount"]) for row in rows if row["reverses"] is None)
    undone = sum(_cents(row["amount"]) for row in rows if row["reverses"] is not None)
    settled = sum(standing.values())
    assert (invoice["totalAmount"], invoice["settledAmount"]) == (_money(total), _money(confirmed - undone))
    assert (confirmed - undone, invoice["dueAmount"]) == (settled, _money(total - settled))
    assert 0 <= settled <= total
    expected = "ISSUED" if settled == 0 else "SETTLED" if settled == total else "PARTIALLY_SETTLED"
    assert invoice["status"] == expected


ACTIONS = {
    "cancelClaim": ClaimAction.CANCEL,
    "startReview": ClaimAction.START_REVIEW,
    "submitClaims": ClaimAction.SUBMIT,
    "approve": ClaimAction.APPROVE,
    "deny": ClaimAction.DENY,
    "updateDraftClaim": ClaimAction.UPDATE,
}


@quick
@given(names=st.lists(st.sampled_from(sorted(ACTIONS)), min_size=1, max_size=7))
async def test_a_claim_moves_only_along_its_table_and_never_out_of_an_end(world: World, names: list[str]) -> None:
    claim = (await world.create_claim())["claim"]
    status, version = ClaimStatus.DRAFT, 1
    for name in names:
        expected = TRANSITIONS.get((status, ACTIONS[name]))
        errors = await _act(world, claim["id"], name)
        if expected is None:
            assert [error["code"] for error in errors] == ["CONFLICT"]
        else:
            assert errors == []
            status, version = expected, version + 1
        kept = await world.claim(claim["id"])
        assert (kept["status"], kept["version"]) == (status.value, version)


async def _act(world: World, claim_id: str, name: str) -> Any:
    if name == "submitClaims":
        payload = await world.mutate("biller", name, "results { errors { code } }", claimIds=[claim_id])
        return payload["results"][0]["errors"]
    if name == "updateDraftClaim":
        return (await world.mutate("biller", name, "claim { id }", id=claim_id, clinicalIndication="x"))["errors"]
    if name in ("approve", "deny"):
        decision = {"sequence": 1, "approvedAmount": "100.00" if name == "approve" else "0.00"}
        denials = [] if name == "approve" else [{"code": "1705", "amount": "100.00"}]
        return (await world.adjudicate(claim_id, [{**decision, "denials": denials}]))["errors"]
    role = "reviewer" if name == "startReview" else "biller"
    return (await world.mutate(role, name, "claim { id }", id=claim_id))["errors"]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _cents(amount: str) -> int:
    return int(Decimal(amount) * 100)
