"""A payer's statement through the API: kept once, posted once, every line decided and paid to the cent."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.factories import BLOOD_COUNT, CONSULTATION, World, flat, key, refusals, today

LINE = "id sequence status problem itemSequence itemCode paidAmount deniedAmount denials { code amount } matchedBy"
REMITTANCE = f"remittance {{ id status statementNumber source paidOn method bankReference paidAmount deniedAmount \
postedAt cancelledBy cancelReason lines(first: 100) {{ nodes {{ {LINE} claim {{ id }} }} }} }}"
POSTED = f"{REMITTANCE} settlements {{ id amount paidOn method statementNumber bankReference invoice {{ id }} }} \
postedLines putBackLines alreadyPosted"
CLAIM = "status approvedAmount deniedAmount paidAmount payerClaimNumber invoice { id status billingMonth totalAmount \
settledAmount dueAmount lines(first: 100) { nodes { amount settledAmount claim { id } } } }"
BOOKS = "billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"


def line(claim: Any, paid: str, *denials: tuple[str, str], **values: Any) -> dict[str, Any]:
    """A line for the claim under the provider's number; `denials` are pairs of code and amount."""
    denied = [{"code": code, "amount": amount} for code, amount in denials]
    return {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": paid, "denials": denied, **values}


async def take(world: World, lines: list[dict[str, Any]] | None, **changes: Any) -> Any:
    """The payload of importRemittance for a statement paid today."""
    values = {
        "payer": world.payer,
        "provider": world.provider,
        "statementNumber": f"D{key()[:16]}",
        "paidOn": today().isoformat(),
        "lines": lines,
        "idempotencyKey": key(),
        **changes,
    }
    return await world.mutate("finance", "importRemittance", f"alreadyImported {REMITTANCE}", **values)


async def taken(world: World, *lines: dict[str, Any], **changes: Any) -> Any:
    """The remittance of these lines."""
    payload = await take(world, list(lines), **changes)
    assert (payload["errors"], payload["alreadyImported"]) == ([], False)
    return payload["remittance"]


async def post(world: World, remittance: Any, **changes: Any) -> Any:
    """The payload of postRemittance."""
    values = {"id": remittance["id"], "idempotencyKey": key(), **changes}
    return await world.mutate("finance", "postRemittance", POSTED, **values)


async def money(world: World, claim: Any) -> Any:
    """The claim with its invoice as finance reads it."""
    query = f"query($id: ID!) {{ claim(id: $id) {{ {CLAIM} }} }}"
    return flat((await world.call("finance", query, id=claim["id"]))["claim"])


async def books(world: World) -> list[str]:
    """Billed, paid, in dispute, lost, awaited, unexplained."""
    query = f"query($p: AnsCode) {{ reconciliation(payerAnsCode: $p) {{ {BOOKS} }} }}"
    found = (await world.call("finance", query, p=world.payer))["reconciliation"]
    return [found[name] for name in BOOKS.split()]


async def shared_invoice(world: World, *claims: Any) -> Any:
    """One issued invoice of these approved claims."""
    draft = (await world.create_invoice([claim["id"] for claim in claims]))["invoice"]
    return (await world.mutate("finance", "issueInvoice", "invoice { id }", id=draft["id"]))["invoice"]


def done(payload: Any) -> tuple[str, int, int, list[str]]:
    """Status, posted lines, lines put back, amounts of the settlements."""
    assert payload["errors"] == []
    amounts = [row["amount"] for row in payload["settlements"]]
    return payload["remittance"]["status"], payload["postedLines"], payload["putBackLines"], amounts


async def _numbered(world: World, number: str) -> Any:
    """An approved claim of 100.00 that carries this number of the payer."""
    claim = await world.claim_in_review()
    decided = await world.adjudicate(
        claim["id"], [{"sequence": 1, "approvedAmount": "100.00"}], payerClaimNumber=number
    )
    assert decided["claim"]["payerClaimNumber"] == number
    return decided["claim"]


@pytest.mark.parametrize("by", [("providerClaimNumber",), ("payerClaimNumber",), ("providerClaimNumber",) * 2])
async def test_a_line_finds_its_claim_by_either_number(world: World, by: tuple[str, ...]) -> None:
    claim, _other = await _numbered(world, "OP-1"), await _numbered(world, "OP-2")
    numbers = {name: claim[name] for name in (*by, *(["payerClaimNumber"] if len(by) > 1 else []))}
    remittance = await taken(world, {"paidAmount": "100.00", **numbers})
    found = remittance["lines"][0]
    assert (found["status"], found["problem"], found["claim"]) == ("MATCHED", None, {"id": claim["id"]})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert (await money(world, claim))["paidAmount"] == "100.00"


async def test_a_statement_is_kept_as_it_was_typed(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    first = line(claim, "60.00", ("1801", "30.00"), ("1705", "10.00"), itemSequence=1)
    second = line(claim, "37.00", itemCode="40304361")
    remittance = await taken(world, first, second, statementNumber="D-77", method="PIX", bankReference="TED 5")
    kept = {name: value for name, value in remittance.items() if name not in ("id", "lines")}
    assert kept == {
        "status": "IMPORTED",
        "statementNumber": "D-77",
        "source": "TYPED",
        "paidOn": today().isoformat(),
        "method": "PIX",
        "bankReference": "TED 5",
        "paidAmount": "97.00",
        "deniedAmount": "40.00",
        "postedAt": None,
        "cancelledBy": None,
        "cancelReason": None,
    }
    assert [(one["sequence"], one["itemSequence"], one["itemCode"]) for one in remittance["lines"]] == [
        (1, 1, None),
        (2, None, "40304361"),
    ]
    assert remittance["lines"][0]["denials"] == first["denials"]
    assert [one["deniedAmount"] for one in remittance["lines"]] == ["40.00", "0.00"]
    assert await world.events(remittance["id"]) == ["RemittanceImported"]
    assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"


async def test_items_are_decided_with_all_their_denials_and_paid(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    first = line(claim, "60.00", ("1801", "30.00"), ("1705", "10.00"), itemSequence=1, payerClaimNumber="OP-9")
    remittance = await taken(world, line(claim, "37.00", itemCode="40304361"), first, statementNumber="D-1")
    posted = await post(world, remittance)
    assert done(posted) == ("POSTED", 2, 0, ["97.00"])
    row = posted["settlements"][0]
    assert (row["paidOn"], row["method"], row["statementNumber"]) == (today().isoformat(), "BANK_TRANSFER", "D-1")
    decided = await world.claim(claim["id"])
    assert (decided["status"], decided["approvedAmount"], decided["deniedAmount"]) == (
        "PARTIALLY_APPROVED",
        "97.00",
        "40.00",
    )
    assert decided["payerClaimNumber"] == "OP-9"
    assert [(item["approvedAmount"], item["deniedAmount"]) for item in decided["items"]] == [
        ("60.00", "40.00"),
        ("37.00", "0.00"),
    ]
    denials = [(denial["code"], denial["amount"], denial["status"]) for denial in decided["items"][0]["denials"]]
    assert sorted(denials) == [("1705", "10.00", "OPEN"), ("1801", "30.00", "OPEN")]
    assert await world.events(claim["id"]) == [
        "ClaimCreated",
        "ClaimSubmitted",
        "ClaimReviewStarted",
        "ClaimPartiallyApproved",
    ]
    assert await world.events(row["invoice"]["id"]) == [
        "InvoiceCreated",
        "InvoiceIssued",
        "SettlementConfirmed",
        "InvoiceSettled",
    ]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittancePosted"]
    assert await books(world) == ["137.00", "97.00", "40.00", "0.00", "0.00", "0.00"]


@pytest.mark.parametrize(
    ("items", "paid", "denials", "status", "denied"),
    [
        ([CONSULTATION, BLOOD_COUNT], "137.00", [], "APPROVED", [[], []]),
        ([CONSULTATION, BLOOD_COUNT], "0.00", [("1705", "137.00")], "DENIED", [["100.00"], ["37.00"]]),
        ([CONSULTATION], "99.99", [("1705", "0.01")], "PARTIALLY_APPROVED", [["0.01"]]),
        ([CONSULTATION], "0.00", [("1705", "60.00"), ("1801", "40.00")], "DENIED", [["60.00", "40.00"]]),
    ],
    ids=["all paid", "all denied", "one item in part", "one item for two reasons"],
)
async def test_one_line_decides_a_whole_claim(
    world: World,
    items: list[dict[str, str]],
    paid: str,
    denials: list[tuple[str, str]],
    status: str,
    denied: list[list[str]],
) -> None:
    claim = await world.submitted_claim(items=items)
    posted = await post(world, await taken(world, line(claim, paid, *denials)))
    assert done(posted) == ("POSTED", 1, 0, [] if paid == "0.00" else [paid])
    decided = await world.claim(claim["id"])
    assert (decided["status"], decided["approvedAmount"]) == (status, paid)
    assert [[denial["amount"] for denial in item["denials"]] for item in decided["items"]] == denied
    assert (await money(world, claim))["paidAmount"] == paid
    assert (await books(world))[5] == "0.00"


@pytest.mark.parametrize("state", ["UNDER_REVIEW", "PENDING_INFORMATION"])
async def test_a_claim_in_any_state_of_review_is_decided(world: World, state: str) -> None:
    claim = await world.claim_in_review()
    if state == "PENDING_INFORMATION":
        await world.mutate("reviewer", "requestInformation", "claim { id }", id=claim["id"], reason="laudo")
    assert (await world.claim(claim["id"]))["status"] == state
    assert done(await post(world, await taken(world, line(claim, "100.00")))) == ("POSTED", 1, 0, ["100.00"])
    assert (await world.claim(claim["id"]))["status"] == "APPROVED"


async def test_a_statement_without_a_payment_day_decides_and_pays_nothing(world: World) -> None:
    claim = await world.submitted_claim()
    lines = [line(claim, "70.00", ("1705", "30.00"))]
    posted = await post(world, await taken(world, *lines, paidOn=None))
    assert done(posted) == ("POSTED", 1, 0, [])
    after = await money(world, claim)
    assert (after["status"], after["paidAmount"], after["invoice"]) == ("PARTIALLY_APPROVED", "0.00", None)
    assert await books(world) == ["100.00", "0.00", "30.00", "0.00", "70.00", "0.00"]
    paid = await post(world, await taken(world, *lines))
    assert done(paid) == ("POSTED", 1, 0, ["70.00"])
    assert await books(world) == ["100.00", "70.00", "30.00", "0.00", "0.00", "0.00"]
    assert (await world.events(claim["id"])).count("ClaimPartiallyApproved") == 1


async def test_two_claims_of_one_invoice_are_paid_by_one_settlement(world: World) -> None:
    claims = [await world.approved_claim("100.00"), await world.approved_claim("50.00")]
    invoice = await shared_invoice(world, *claims)
    posted = await post(world, await taken(world, line(claims[1], "49.99"), line(claims[0], "60.00")))
    assert done(posted) == ("POSTED", 2, 0, ["109.99"])
    after = [await money(world, claim) for claim in claims]
    assert [claim["paidAmount"] for claim in after] == ["60.00", "49.99"]
    kept = after[0]["invoice"]
    assert (kept["id"], kept["status"], kept["dueAmount"]) == (invoice["id"], "PARTIALLY_SETTLED", "40.01")
    lines = {one["claim"]["id"]: one["settledAmount"] for one in kept["lines"]}
    assert lines == {claims[0]["id"]: "60.00", claims[1]["id"]: "49.99"}
    rest = await post(world, await taken(world, line(claims[0], "40.00"), line(claims[1], "0.01")))
    assert done(rest) == ("POSTED", 2, 0, ["40.01"])
    kept = (await money(world, claims[0]))["invoice"]
    assert (kept["status"], [one["settledAmount"] for one in kept["lines"]]) == ("SETTLED", ["100.00", "50.00"])
    assert (await world.events(invoice["id"]))[2:] == [
        "SettlementConfirmed",
        "InvoicePartiallySettled",
        "SettlementConfirmed",
        "InvoiceSettled",
    ]
    assert await books(world) == ["150.00", "150.00", "0.00", "0.00", "0.00", "0.00"]


async def test_every_invoice_gets_a_settlement_of_its_own(world: World) -> None:
    claims = [await world.approved_claim("10.00") for _ in range(3)]
    invoices = [await shared_invoice(world, *claims[:1]), await shared_invoice(world, *claims[1:])]
    posted = await post(world, await taken(world, *(line(claim, "10.00") for claim in claims)))
    assert {row["invoice"]["id"]: row["amount"] for row in posted["settlements"]} == {
        invoices[0]["id"]: "10.00",
        invoices[1]["id"]: "20.00",
    }
    assert [(await world.invoice(one["id"]))["status"] for one in invoices] == ["SETTLED", "SETTLED"]


async def test_claims_that_nobody_billed_get_one_issued_invoice(world: World) -> None:
    day = today().replace(day=1) - timedelta(days=1)
    claims = [await world.approved_claim("100.00"), await world.submitted_claim()]
    lines = [line(claims[0], "80.00"), line(claims[1], "90.00", ("1705", "10.00"))]
    posted = await post(world, await taken(world, *lines, paidOn=day.isoformat()))
    assert done(posted) == ("POSTED", 2, 0, ["170.00"])
    after = [await money(world, claim) for claim in claims]
    assert after[0]["invoice"]["id"] == after[1]["invoice"]["id"] == posted["settlements"][0]["invoice"]["id"]
    invoice = after[0]["invoice"]
    assert (invoice["status"], invoice["totalAmount"], invoice["dueAmount"]) == ("PARTIALLY_SETTLED", "190.00", "20.00")
    assert (invoice["billingMonth"], posted["settlements"][0]["paidOn"]) == (day.strftime("%Y-%m"), day.isoformat())
    assert [claim["paidAmount"] for claim in after] == ["80.00", "90.00"]
    assert await books(world) == ["200.00", "170.00", "10.00", "0.00", "20.00", "0.00"]


async def test_a_claim_of_a_cancelled_invoice_is_billed_anew(world: World) -> None:
    claim = await world.approved_claim()
    old = await shared_invoice(world, claim)
    await world.mutate("finance", "cancelInvoice", "invoice { id }", id=old["id"])
    posted = await post(world, await taken(world, line(claim, "100.00")))
    assert done(posted) == ("POSTED", 1, 0, ["100.00"])
    assert posted["settlements"][0]["invoice"]["id"] != old["id"]
    assert (await world.invoice(old["id"]))["settlements"] == []


async def test_the_same_statement_is_kept_once(world: World) -> None:
    claim = await world.submitted_claim()
    first = await taken(world, line(claim, "100.00"), statementNumber="D-5")
    again = await take(world, [line(claim, "100.00")], statementNumber="D-5")
    assert (again["errors"], again["alreadyImported"], again["remittance"]) == ([], True, first)
    for changed in (
        await take(world, [line(claim, "99.00", ("1705", "1.00"))], statementNumber="D-5"),
        await take(world, [line(claim, "100.00")] * 2, statementNumber="D-5"),
        await take(world, [line(claim, "100.00")], statementNumber="D-5", paidOn=None),
    ):
        assert (changed["remittance"], refusals(changed)) == (None, [("CONFLICT", "statementNumber", None)])
    query = f"{{ remittances {{ nodes {{ id lines(first: 100) {{ nodes {{ {LINE} }} }} }} }} }}"
    listed = flat(await world.call("finance", query))["remittances"]
    assert [(one["id"], len(one["lines"])) for one in listed] == [(first["id"], 1)]
    assert await world.events(first["id"]) == ["RemittanceImported"]
    await post(world, first)
    known = await take(world, [line(claim, "100.00")], statementNumber="D-5")
    assert (known["alreadyImported"], known["remittance"]["status"]) == (True, "POSTED")


async def test_a_statement_is_posted_once(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, line(claim, "60.00", ("1705", "40.00")))
    first = await post(world, remittance)
    assert first["alreadyPosted"] is False
    before = await money(world, claim), await books(world), await world.events(claim["id"])
    again = await post(world, remittance)
    assert (again["alreadyPosted"], done(again)) == (True, ("POSTED", 0, 0, []))
    assert again["remittance"] == first["remittance"]
    assert (await money(world, claim), await books(world), await world.events(claim["id"])) == before
    assert (await world.events(remittance["id"])).count("RemittancePosted") == 1


async def test_a_repeated_call_with_one_key_is_answered_from_memory(world: World) -> None:
    claim, used = await world.submitted_claim(), key()
    lines = [line(claim, "100.00")]
    calls = [await take(world, lines, statementNumber="D-8", idempotencyKey=used) for _ in range(2)]
    assert [(one["replayed"], one["alreadyImported"]) for one in calls] == [(False, False), (True, False)]
    assert calls[0]["remittance"] == calls[1]["remittance"]
    other = await take(world, lines, statementNumber="D-9", idempotencyKey=used)
    assert refusals(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]
    remittance = calls[0]["remittance"]
    first, second = [await post(world, remittance, idempotencyKey=used) for _ in range(2)]
    assert (second["replayed"], second["settlements"]) == (True, first["settlements"])
    assert len((await world.invoice(first["settlements"][0]["invoice"]["id"]))["settlements"]) == 1


async def test_posting_at_once_pays_once(server_world: World) -> None:
    world = server_world
    claims = [await world.submitted_claim(), await world.approved_claim("50.00")]
    await shared_invoice(world, claims[1])
    remittance = await taken(world, line(claims[0], "60.00", ("1705", "40.00")), line(claims[1], "50.00"))
    found = await asyncio.gather(*[post(world, remittance) for _ in range(8)])
    assert [one["errors"] for one in found] == [[]] * 8
    assert sorted(one["alreadyPosted"] for one in found) == [False] + [True] * 7
    assert sorted(row["amount"] for one in found for row in one["settlements"]) == ["50.00", "60.00"]
    listed = (await world.call("finance", "{ settlements { nodes { amount } } }"))["settlements"]["nodes"]
    assert sorted(row["amount"] for row in listed) == ["50.00", "60.00"]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittancePosted"]
    assert await books(world) == ["150.00", "110.00", "40.00", "0.00", "0.00", "0.00"]


async def test_one_statement_imported_at_once_is_kept_once(server_world: World) -> None:
    claim = await server_world.submitted_claim()
    lines = [line(claim, "100.00")]
    found = await asyncio.gather(*[take(server_world, lines, statementNumber="D-1") for _ in range(8)])
    kept = {one["remittance"]["id"] for one in found if one["remittance"]}
    assert len(kept) == 1
    assert [one["alreadyImported"] for one in found if one["remittance"]].count(False) == 1
    assert {code for one in found for code in refusals(one)} <= {("CONFLICT", "statementNumber", None)}
    assert await server_world.events(kept.pop()) == ["RemittanceImported"]


async def test_statements_on_one_claim_at_once_never_pass_what_is_due(server_world: World) -> None:
    claim = await server_world.approved_claim("100.00")
    invoice = await shared_invoice(server_world, claim)
    kept = [await taken(server_world, line(claim, "30.00")) for _ in range(6)]
    found = await asyncio.gather(*[post(server_world, one) for one in kept])
    assert sorted(done(one)[1:3] for one in found) == [(0, 1)] * 3 + [(1, 0)] * 3
    after = await server_world.invoice(invoice["id"])
    assert (after["settledAmount"], [row["amount"] for row in after["settlements"]]) == ("90.00", ["30.00"] * 3)


async def test_a_payment_typed_beside_the_statement_never_passes_the_total(server_world: World) -> None:
    world = server_world
    for _ in range(6):
        claim = await world.approved_claim("100.00")
        invoice = await shared_invoice(world, claim)
        remittance = await taken(world, line(claim, "80.00"))
        settled, posted = await asyncio.gather(world.settle(invoice["id"], "50.00"), post(world, remittance))
        after = await world.invoice(invoice["id"])
        if settled["errors"]:
            assert refusals(settled) == [("OVER_SETTLEMENT", "amount", None)]
            assert (done(posted), after["settledAmount"]) == (("POSTED", 1, 0, ["80.00"]), "80.00")
        else:
            assert (done(posted), after["settledAmount"]) == (("IMPORTED", 0, 1, []), "50.00")
            assert [one["problem"] for one in posted["remittance"]["lines"]] == ["OVERPAID"]
        assert [row["amount"] for row in after["settlements"]] == [after["settledAmount"]]
    assert (await books(world))[5] == "0.00"
