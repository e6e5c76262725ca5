"""Lines that do not fit wait for a person, with the reason; nothing of their claim is carried out until they do."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, refusals
from tests.gateway import Gateway
from tests.graphql.test_remittances import LINE, books, done, line, money, post, shared_invoice, take, taken

BOTH = [CONSULTATION, BLOOD_COUNT]
QUEUE = (
    f"query($w: RemittanceFilterInput, $n: Int!, $after: String) {{ unmatchedRemittanceLines(filter: $w, first: $n, \
after: $after) {{ totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {LINE} remittance {{ id }} }} }} }}"
)
Lines = tuple[list[Any], list[dict[str, Any]]]


async def _queue(world: World, first: int = 20, after: str | None = None, **where: Any) -> Any:
    found = await world.call("finance", QUEUE, w=where or None, n=first, after=after)
    return found["unmatchedRemittanceLines"]


async def _match(world: World, line_id: str, claim_id: str, **changes: Any) -> Any:
    values = {"id": line_id, "claimId": claim_id, **changes}
    fields = f"line {{ {LINE} claim {{ id }} remittance {{ id }} }}"
    return await world.mutate("finance", "matchRemittanceLine", fields, **values)


async def _fate(world: World, claims: list[Any]) -> list[Any]:
    """All that posting may change of these claims and of the books."""
    events = [await world.events(claim["id"]) for claim in claims]
    return [events, [await money(world, claim) for claim in claims], await books(world)]


async def _two_of_one_number(world: World) -> list[Any]:
    """Two approved claims of 100.00 that the payer gave the same number."""
    found = []
    for _ in range(2):
        claim = await world.claim_in_review()
        item = {"sequence": 1, "approvedAmount": "100.00"}
        found.append((await world.adjudicate(claim["id"], [item], payerClaimNumber="OP-1"))["claim"])
    return found


async def _unknown(world: World) -> Lines:
    claim = await world.submitted_claim()
    return [claim], [{"providerClaimNumber": "NOBODY", "paidAmount": "100.00"}]


async def _payers_number_of_two(world: World) -> Lines:
    return await _two_of_one_number(world), [{"payerClaimNumber": "OP-1", "paidAmount": "100.00"}]


async def _numbers_of_two_claims(world: World) -> Lines:
    claims = [await world.approved_claim(), (await _two_of_one_number(world))[0]]
    return claims, [line(claims[0], "100.00", payerClaimNumber="OP-1")]


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [(_unknown, "UNKNOWN_CLAIM"), (_payers_number_of_two, "AMBIGUOUS"), (_numbers_of_two_claims, "AMBIGUOUS")],
)
async def test_a_line_without_its_one_claim_waits(
    world: World, prepare: Callable[[World], Awaitable[Lines]], problem: str
) -> None:
    claims, lines = await prepare(world)
    before = await _fate(world, claims)
    remittance = await taken(world, *lines)
    row = remittance["lines"][0]
    assert (row["status"], row["problem"], row["claim"]) == ("UNMATCHED", problem, None)
    posted = await post(world, remittance)
    assert (posted["alreadyPosted"], done(posted)) == (True, ("IMPORTED", 0, 0, []))
    assert await _fate(world, claims) == before
    waiting = await _queue(world)
    assert [(one["id"], one["remittance"]) for one in waiting["nodes"]] == [(row["id"], {"id": remittance["id"]})]


async def _strange_item(world: World) -> Lines:
    claim = await world.submitted_claim(items=BOTH)
    return [claim], [line(claim, "100.00", itemSequence=1), line(claim, "37.00", itemSequence=3)]


async def _strange_code(world: World) -> Lines:
    claim = await world.submitted_claim()
    return [claim], [line(claim, "100.00", itemCode="40304361")]


async def _code_of_two_items(world: World) -> Lines:
    claim = await world.submitted_claim(items=[CONSULTATION, {**CONSULTATION, "unitPrice": "50.00"}])
    lines = [line(claim, "30.00", itemCode="10101012"), line(claim, "120.00", itemCode="10101012")]
    return [claim], lines


async def _cent_missing(world: World) -> Lines:
    claim = await world.submitted_claim()
    return [claim], [line(claim, "60.00", ("1705", "39.99"))]


async def _whole_claim_in_part(world: World) -> Lines:
    claim = await world.submitted_claim(items=BOTH)
    return [claim], [line(claim, "100.00", ("1705", "37.00"))]


async def _other_denial(world: World) -> Lines:
    claim = await world.approved_claim()
    return [claim], [line(claim, "60.00", ("1705", "39.00"))]


async def _draft_claim(world: World) -> Lines:
    claim = (await world.create_claim())["claim"]
    return [claim], [line(claim, "100.00")]


async def _cancelled_claim(world: World) -> Lines:
    # A claim that is cancelled before its review gives its number back, and then no line is about it.
    claim = await world.claim_in_review()
    await world.mutate("biller", "cancelClaim", "claim { id }", id=claim["id"])
    return [claim], [line(claim, "100.00")]


async def _draft_invoice(world: World) -> Lines:
    claim = await world.approved_claim()
    await world.create_invoice([claim["id"]])
    return [claim], [line(claim, "100.00")]


async def _cent_too_much(world: World) -> Lines:
    claim = await world.approved_claim()
    return [claim], [line(claim, "100.01")]


async def _cent_more_than_due(world: World) -> Lines:
    claim = await world.approved_claim()
    await world.settle((await shared_invoice(world, claim))["id"], "60.00")
    return [claim], [line(claim, "40.01")]


async def _paid_before(world: World) -> Lines:
    claim = await world.approved_claim()
    await world.settle((await shared_invoice(world, claim))["id"])
    return [claim], [line(claim, "100.00")]


async def _money_for_a_denied_claim(world: World) -> Lines:
    claim = await world.claim_in_review()
    denials = [{"code": "1705", "amount": "100.00"}]
    await world.adjudicate(claim["id"], [{"sequence": 1, "approvedAmount": "0.00", "denials": denials}])
    return [claim], [line(claim, "0.01")]


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (_strange_item, "UNKNOWN_ITEM"),
        (_strange_code, "UNKNOWN_ITEM"),
        (_code_of_two_items, "AMBIGUOUS"),
        (_cent_missing, "AMOUNTS_DIFFER"),
        (_whole_claim_in_part, "AMOUNTS_DIFFER"),
        (_other_denial, "AMOUNTS_DIFFER"),
        (_draft_claim, "NOT_PAYABLE"),
        (_cancelled_claim, "NOT_PAYABLE"),
        (_draft_invoice, "NOT_PAYABLE"),
        (_cent_too_much, "OVERPAID"),
        (_cent_more_than_due, "OVERPAID"),
        (_paid_before, "OVERPAID"),
        (_money_for_a_denied_claim, "OVERPAID"),
    ],
)
async def test_lines_that_do_not_fit_their_claim_are_put_back(
    world: World, prepare: Callable[[World], Awaitable[Lines]], problem: str
) -> None:
    claims, lines = await prepare(world)
    before = await _fate(world, claims)
    remittance = await taken(world, *lines)
    assert [one["status"] for one in remittance["lines"]] == ["MATCHED"] * len(lines)
    assert (await _queue(world))["totalCount"] == 0
    posted = await post(world, remittance)
    assert done(posted) == ("IMPORTED", 0, len(lines), [])
    assert (posted["alreadyPosted"], posted["remittance"]["postedAt"]) == (False, None)
    rows = posted["remittance"]["lines"]
    assert [(one["status"], one["problem"]) for one in rows] == [("UNMATCHED", problem)] * len(lines)
    assert [one["claim"] for one in rows] == [{"id": claims[0]["id"]}] * len(lines)
    assert [one["id"] for one in (await _queue(world))["nodes"]] == [one["id"] for one in rows]
    assert await _fate(world, claims) == before
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittanceLinesWaiting"]


async def test_a_code_that_stands_twice_is_told_apart_by_the_amounts(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, {**CONSULTATION, "unitPrice": "50.00"}])
    lines = [line(claim, "50.00", itemCode="10101012"), line(claim, "99.00", ("1705", "1.00"), itemCode="10101012")]
    assert done(await post(world, await taken(world, *lines))) == ("POSTED", 2, 0, ["149.00"])
    items = (await world.claim(claim["id"]))["items"]
    assert [item["approvedAmount"] for item in items] == ["99.00", "50.00"]


async def test_the_lines_of_one_claim_stand_or_fall_together(world: World) -> None:
    bad, good = await world.submitted_claim(items=BOTH), await world.submitted_claim(items=BOTH)
    lines = [
        line(bad, "100.00", itemSequence=1),
        line(good, "100.00", itemSequence=1),
        line(bad, "36.00", itemSequence=2),
        line(good, "0.00", ("1705", "37.00"), itemSequence=2),
    ]
    posted = await post(world, await taken(world, *lines))
    assert done(posted) == ("PARTIALLY_POSTED", 2, 2, ["100.00"])
    assert [(one["status"], one["problem"]) for one in posted["remittance"]["lines"]] == [
        ("UNMATCHED", "AMOUNTS_DIFFER"),
        ("POSTED", None),
    ] * 2
    assert [(await world.claim(one["id"]))["status"] for one in (bad, good)] == ["SUBMITTED", "PARTIALLY_APPROVED"]
    assert await books(world) == ["274.00", "100.00", "37.00", "0.00", "137.00", "0.00"]


async def test_a_matched_line_is_posted_with_the_next_call(world: World) -> None:
    claims = [await world.submitted_claim(), await world.submitted_claim()]
    remittance = await taken(world, line(claims[0], "100.00"), {"payerClaimNumber": "OP-7", "paidAmount": "100.00"})
    assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 1, 0, ["100.00"])
    waiting = remittance["lines"][1]
    payload = await _match(world, waiting["id"], claims[1]["id"])
    row = payload["line"]
    assert (payload["errors"], row["status"], row["problem"], row["matchedBy"]) == ([], "MATCHED", None, "dev-finance")
    assert (row["claim"], row["remittance"]) == ({"id": claims[1]["id"]}, {"id": remittance["id"]})
    assert (await _queue(world))["totalCount"] == 0
    assert (await world.claim(claims[1]["id"]))["status"] == "SUBMITTED"
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert (await world.claim(claims[1]["id"]))["payerClaimNumber"] == "OP-7"
    assert (await post(world, remittance))["alreadyPosted"] is True
    paid_and_waiting = ["RemittanceImported", "RemittanceLinesWaiting", "RemittancePosted"]
    events = [*paid_and_waiting, "RemittanceLineChanged", "RemittancePosted"]
    assert await world.events(remittance["id"]) == events
    assert await books(world) == ["200.00", "200.00", "0.00", "0.00", "0.00", "0.00"]


async def test_a_line_put_back_is_posted_once_its_invoice_is_issued(world: World) -> None:
    claim = await world.approved_claim()
    invoice = (await world.create_invoice([claim["id"]]))["invoice"]
    remittance = await taken(world, line(claim, "100.00"))
    assert done(await post(world, remittance)) == ("IMPORTED", 0, 1, [])
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    assert (await post(world, remittance))["alreadyPosted"] is True, "only a person takes a line out of the queue"
    assert (await _match(world, remittance["lines"][0]["id"], claim["id"]))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert (await world.invoice(invoice["id"]))["status"] == "SETTLED"


async def test_a_claim_that_another_one_replaces_is_not_meant(world: World) -> None:
    old = (await _two_of_one_number(world))[0]
    values = {"id": old["id"], "providerClaimNumber": "NEW-1", "submit": True, "idempotencyKey": key()}
    new = (await world.mutate("biller", "replaceClaim", "claim { id payerClaimNumber }", **values))["claim"]
    remittance = await taken(world, line(old, "100.00"))
    assert [one["problem"] for one in remittance["lines"]] == ["UNKNOWN_CLAIM"]
    assert (await _match(world, remittance["lines"][0]["id"], old["id"]))["errors"] == []
    posted = await post(world, remittance)
    assert [one["problem"] for one in posted["remittance"]["lines"]] == ["NOT_PAYABLE"]
    assert (await _match(world, remittance["lines"][0]["id"], new["id"]))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])


async def test_what_cannot_be_matched_is_refused(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    elsewhere = World(gateway, other.payer, world.provider, other.patient, other.card)
    claim, strange = await world.submitted_claim(), await other.submitted_claim()
    remittance = await taken(world, line(claim, "100.00"), {"payerClaimNumber": "OP-1", "paidAmount": "1.00"})
    await post(world, remittance)
    paid, waiting = (one["id"] for one in remittance["lines"])
    assert refusals(await _match(world, paid, claim["id"])) == [("CONFLICT", "remittanceLineId", None)]
    assert refusals(await _match(world, waiting, strange["id"])) == [("NOT_FOUND", "claimId", None)]
    payers = (await elsewhere.submitted_claim())["id"]
    assert refusals(await _match(world, waiting, payers)) == [("CONFLICT", "claimId", None)]
    nothing = "rml_00000000000000000000000000"
    assert refusals(await _match(world, nothing, claim["id"])) == [("NOT_FOUND", "remittanceLineId", None)]
    assert refusals(await _match(other, waiting, strange["id"])) == [("NOT_FOUND", "remittanceLineId", None)]
    rows = (await _queue(world))["nodes"]
    assert [(one["id"], one["problem"], one["matchedBy"]) for one in rows] == [(waiting, "UNKNOWN_CLAIM", None)]


async def test_a_match_with_a_key_is_done_once(world: World) -> None:
    claim, used = await world.submitted_claim(), key()
    remittance = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "100.00"})
    line_id = remittance["lines"][0]["id"]
    first, second = [await _match(world, line_id, claim["id"], idempotencyKey=used) for _ in range(2)]
    assert (first["replayed"], second["replayed"], second["line"]) == (False, True, first["line"])
    other = await _match(world, line_id, (await world.submitted_claim())["id"], idempotencyKey=used)
    assert refusals(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]


async def test_the_queue_is_paged_oldest_first_and_filtered(gateway: Gateway, world: World) -> None:
    lines = [{"payerClaimNumber": f"OP-{number}", "paidAmount": "1.00"} for number in range(3)]
    first = await taken(world, *lines, statementNumber="D-1")
    second = await taken(world, *lines[:2], statementNumber="D-2")
    ids = [one["id"] for remittance in (first, second) for one in remittance["lines"]]
    page = await _queue(world, 2)
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (5, True)
    rest = await _queue(world, 3, page["pageInfo"]["endCursor"])
    assert [one["id"] for one in [*page["nodes"], *rest["nodes"]]] == ids
    assert [one["id"] for one in (await _queue(world, statementNumber="D-2"))["nodes"]] == ids[3:]
    assert (await _queue(world, status=["POSTED"]))["totalCount"] == 0
    assert (await _queue(world, payerAnsCode=[world.payer], providerCnes=[world.provider], status=["IMPORTED"]))[
        "totalCount"
    ] == 5
    assert (await _queue(await new_world(gateway)))["totalCount"] == 0
    again = await take(world, lines[:2], statementNumber="D-2")
    assert (again["alreadyImported"], (await _queue(world))["totalCount"]) == (True, 5)
