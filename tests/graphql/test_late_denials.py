"""A statement that denies what was decided and paid before, and one that pays a part of a denial: to the cent."""

from datetime import timedelta
from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, refusals, today
from tests.graphql.test_line_resolutions import fate, kept_credits, resolve, resolved, stuck, undo, waiting
from tests.graphql.test_remittances import books, done, line, money, post, taken
from tests.graphql.test_statement_documents import guide
from tests.graphql.test_statement_documents import taken as document
from tests.payer_documents import Item, analysis, message

ACTIONS = "{ unmatchedRemittanceLines { nodes { availableActions { action blockedBy { code } } } } }"
DENIALS = """query($id: ID!) { claim(id: $id) { history(first: 100) { nodes { __typename
  ... on ClaimStep { action status reason approvedAmount deniedAmount } } }
  items { denials { id code amount status appealDeadline } } } }"""


def back(claim: Any, amount: str, *denials: tuple[str, str], **values: Any) -> dict[str, Any]:
    """A line that takes back so much of a claim."""
    return line(claim, "0.00", *denials, takenBackAmount=amount, **values)


async def paid_claim(world: World, total: str = "100.00", **changes: Any) -> Any:
    """A claim that a statement has decided and paid in full."""
    claim = await world.submitted_claim(**changes)
    assert done(await post(world, await taken(world, line(claim, total))))[1:3] == (1, 0)
    return claim


async def denied_claim(world: World, *denials: tuple[str, str]) -> Any:
    """A claim of 100.00 that is denied."""
    claim = await world.submitted_claim()
    first = await taken(world, line(claim, "0.00", *(denials or (("1801", "100.00"),)), itemSequence=1))
    assert done(await post(world, first)) == ("POSTED", 1, 0, [])
    return claim


async def send(world: World, number: str, claim: Any, *guides: tuple[Item, ...], issued: str) -> Any:
    """The payload of posting a payer's document with these guides of a claim, paid today."""
    xml = message(
        world.payer, analysis(world, number, *(guide(world, claim, *items) for items in guides), issued=issued)
    )
    return await post(world, await document(world, xml, paidOn=today().isoformat()))


async def blocked(world: World) -> dict[str, bool]:
    """Whether each step with the first waiting line is refused now."""
    (row, *_) = (await world.call("finance", ACTIONS))["unmatchedRemittanceLines"]["nodes"]
    return {each["action"]: each["blockedBy"] is not None for each in row["availableActions"]}


async def test_a_payers_document_denies_later_what_it_has_paid(world: World) -> None:
    claim = await world.submitted_claim()
    issued = today() - timedelta(days=3)
    await send(world, "L-1", claim, (Item(),), issued=issued.isoformat())
    reversal, again = Item(paid="-100.00"), Item(paid="80.00", denials=(("1705", "20.00"),))
    # In guides of their own, as payers write it.
    posted = await send(world, "L-2", claim, (reversal,), (again,), issued=issued.isoformat())
    assert done(posted) == ("POSTED", 2, 0, ["100.00", "80.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OPEN")])
    invoice = (await money(world, claim))["invoice"]
    assert (invoice["totalAmount"], invoice["status"], invoice["dueAmount"]) == ("80.00", "SETTLED", "0.00")
    assert await books(world) == ["100.00", "80.00", "20.00", "0.00", "0.00", "0.00"]
    found = (await world.call("reviewer", DENIALS, id=claim["id"]))["claim"]
    (denial,) = found["items"][0]["denials"]
    assert denial["appealDeadline"] == (issued + timedelta(days=30)).isoformat()
    steps = [each for each in found["history"]["nodes"] if each.get("action") == "DENY_PART_LATER"]
    assert [(each["status"], each["reason"], each["approvedAmount"]) for each in steps] == [
        ("PARTIALLY_APPROVED", "denied by statement L-2", "80.00")
    ]
    assert (await world.events(claim["id"]))[-1] == "ClaimPartiallyApproved"
    appealed = await world.mutate(
        "biller", "appealDenial", "denial { status }", id=denial["id"], justification="correto", idempotencyKey=key()
    )
    assert appealed["denial"] == {"status": "APPEALED"}


async def test_one_line_takes_back_what_it_denies(world: World) -> None:
    claim = await paid_claim(world)
    posted = await post(world, await taken(world, back(claim, "20.00", ("1705", "20.00"))))
    assert done(posted) == ("POSTED", 1, 0, ["20.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OPEN")])
    # A second one of the same, and then all that is left: its invoice has nothing any more.
    await post(world, await taken(world, back(claim, "20.00", ("1705", "20.00"))))
    await post(world, await taken(world, back(claim, "60.00", ("1801", "60.00"), itemSequence=1)))
    denials = [("1705", "20.00", "OPEN"), ("1705", "20.00", "OPEN"), ("1801", "60.00", "OPEN")]
    assert await fate(world, claim) == ("DENIED", "0.00", "0.00", denials)
    assert (await money(world, claim))["invoice"] is None
    assert await books(world) == ["100.00", "0.00", "100.00", "0.00", "0.00", "0.00"]


async def test_a_new_decision_before_the_payment_is_posted(world: World) -> None:
    claim, other = await world.approved_claim(), await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    await post(world, await taken(world, line(other, "137.00"), paidOn=None))
    lines = [line(claim, "60.00", ("1705", "40.00")), line(other, "17.00", ("1801", "20.00"), itemSequence=2)]
    assert done(await post(world, await taken(world, *lines))) == ("POSTED", 2, 0, ["77.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "60.00", "60.00", [("1705", "40.00", "OPEN")])
    assert await fate(world, other) == ("PARTIALLY_APPROVED", "117.00", "17.00", [("1801", "20.00", "OPEN")])
    # The same again denies nothing more.
    assert done(await post(world, await taken(world, line(other, "100.00", itemSequence=1))))[3] == ["100.00"]
    assert await books(world) == ["237.00", "177.00", "60.00", "0.00", "0.00", "0.00"]


async def test_what_is_taken_back_without_a_reason_is_denied_by_a_person(world: World) -> None:
    claim = await paid_claim(world)
    remittance = await stuck(world, back(claim, "20.00", ("1705", "10.00"), itemSequence=1))
    assert [(each["problem"], each["differenceAmount"]) for each in await waiting(world)] == [
        ("AMOUNTS_DIFFER", "-10.00")
    ]
    steps = await blocked(world)
    assert (steps["ACCEPT_AS_DENIAL"], steps["ACCEPT_OVERPAYMENT"], steps["RECOVER_DENIAL"]) == (False, True, True)
    before = await books(world)
    (row,) = remittance["lines"]
    await resolved(world, row, writeOff={"code": "1801", "reason": "pouco"})
    assert (await undo(world, row))["problem"] == "AMOUNTS_DIFFER"
    assert await books(world) == before == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]
    await resolved(world, row, writeOff={"code": "1801", "reason": "pouco"})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["20.00"])
    denials = [("1705", "10.00", "OPEN"), ("1801", "10.00", "ACCEPTED")]
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", denials)
    assert await books(world) == ["100.00", "80.00", "10.00", "10.00", "0.00", "0.00"]


async def test_more_denied_than_taken_back_leaves_a_credit(world: World) -> None:
    claim = await paid_claim(world)
    remittance = await stuck(world, back(claim, "20.00", ("1705", "30.00"), itemSequence=1))
    assert [each["differenceAmount"] for each in await waiting(world)] == ["10.00"]
    await resolved(world, remittance["lines"][0], acceptOverpayment={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["30.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "70.00", "70.00", [("1705", "30.00", "OPEN")])
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["10.00"]
    assert await books(world) == ["100.00", "70.00", "30.00", "0.00", "0.00", "0.00"]


async def test_a_higher_new_payment_ends_as_a_credit_or_as_a_recovered_denial(world: World) -> None:
    claim = await paid_claim(world)
    remittance = await stuck(world, back(claim, "100.00", itemSequence=1), line(claim, "110.00", itemSequence=1))
    taken_back, paid = remittance["lines"]
    await resolved(world, paid, acceptOverpayment={})
    values = {"id": taken_back["id"], "claimId": claim["id"], "idempotencyKey": key()}
    await world.mutate("finance", "matchRemittanceLine", "line { status }", **values)
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00", "100.00"])
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["10.00"]
    denied = await world.submitted_claim()
    await post(world, await taken(world, line(denied, "90.00", ("1705", "10.00"))))
    lines = [back(denied, "90.00", itemSequence=1), line(denied, "100.00", itemSequence=1)]
    assert done(await post(world, await taken(world, *lines)))[:3] == ("POSTED", 2, 0)
    assert await fate(world, denied) == ("PARTIALLY_APPROVED", "90.00", "100.00", [("1705", "10.00", "OVERTURNED")])
    assert await books(world) == ["200.00", "200.00", "0.00", "0.00", "0.00", "0.00"]


async def test_a_part_of_a_denial_that_a_document_names_is_recovered(world: World) -> None:
    claim = await denied_claim(world)
    item = Item(paid="60.00", denials=(("1801", "40.00"),))
    assert done(await send(world, "R-1", claim, (item,), issued="2026-11-01")) == ("POSTED", 1, 0, ["60.00"])
    denials = [("1801", "40.00", "OPEN"), ("1801", "60.00", "OVERTURNED")]
    assert await fate(world, claim) == ("DENIED", "0.00", "60.00", denials)
    assert await books(world) == ["100.00", "60.00", "40.00", "0.00", "0.00", "0.00"]
    # The rest is a denial as before: paid, too, or accepted.
    (rest, _) = (await world.call("reviewer", DENIALS, id=claim["id"]))["claim"]["items"][0]["denials"]
    half = await stuck(world, line(claim, "15.00", itemSequence=1))
    await resolved(world, half["lines"][0], recoverDenial={})
    assert done(await post(world, half)) == ("POSTED", 1, 0, ["15.00"])
    await world.mutate("biller", "acceptDenial", "denial { status }", id=rest["id"], idempotencyKey=key())
    denials = [("1801", "25.00", "ACCEPTED"), ("1801", "60.00", "OVERTURNED"), ("1801", "15.00", "OVERTURNED")]
    assert await fate(world, claim) == ("DENIED", "0.00", "75.00", denials)
    assert await books(world) == ["100.00", "75.00", "0.00", "25.00", "0.00", "0.00"]


async def test_a_part_is_of_the_denial_that_a_person_names(world: World) -> None:
    claim = await denied_claim(world, ("1801", "70.00"), ("1705", "30.00"))
    remittance = await stuck(world, line(claim, "20.00", itemSequence=1))
    (row,) = remittance["lines"]
    refused = await resolve(world, row, recoverDenial={})
    assert refusals(refused) == [("CONFLICT", "remittanceLineId", None)]
    denials = (await world.call("reviewer", DENIALS, id=claim["id"]))["claim"]["items"][0]["denials"]
    second = next(each["id"] for each in denials if each["code"] == "1705")
    strange = await resolve(world, row, recoverDenial={"denialId": claim["id"]})
    assert [each["code"] for each in strange["errors"]] == ["NOT_FOUND"]
    await world.mutate("biller", "acceptDenial", "denial { status }", id=second, idempotencyKey=key())
    before = await books(world)
    await resolved(world, row, recoverDenial={"denialId": second})
    assert (await undo(world, row))["problem"] == "OVERPAID"
    assert await books(world) == before
    await resolved(world, row, recoverDenial={"denialId": second})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["20.00"])
    parts = [("1801", "70.00", "OPEN"), ("1705", "10.00", "ACCEPTED"), ("1705", "20.00", "OVERTURNED")]
    assert await fate(world, claim) == ("DENIED", "0.00", "20.00", parts)
    assert await books(world) == ["100.00", "20.00", "70.00", "10.00", "0.00", "0.00"]
    # A denial that is recovered already is none to pay.
    done_ = next(
        each["id"]
        for each in (await world.call("reviewer", DENIALS, id=claim["id"]))["claim"]["items"][0]["denials"]
        if each["status"] == "OVERTURNED"
    )
    again = await stuck(world, line(claim, "5.00", itemSequence=1))
    refused = await resolve(world, again["lines"][0], recoverDenial={"denialId": done_})
    assert refusals(refused) == [("CONFLICT", "remittanceLineId", None)]
