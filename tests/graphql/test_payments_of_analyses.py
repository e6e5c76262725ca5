"""Analysis first, payment later: the payment settles what the analysis approved; its day is corrected by reversals."""

from datetime import timedelta
from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, flat, key, refusals, today
from tests.graphql import test_statement_documents as documents
from tests.graphql.test_line_resolutions import fate, kept_credits, resolved
from tests.graphql.test_posting_units import CLAIMS, claim_line, ledger, submitted_claims, until_posted
from tests.graphql.test_remittances import books, done, line, money, post, take, taken
from tests.payer_documents import analysis, message

EARLIER = (today() - timedelta(days=3)).isoformat()
ROWS = "{ settlements(orderBy: { field: CREATED_AT, direction: ASC }) { nodes { amount paidOn reason reverses { id } \
statementNumber bankReference } } }"
CORRECTED = "remittance { status paidOn } settlements { amount paidOn reason }"


async def _analysed(world: World, *lines: dict[str, Any], number: str = "A-1") -> Any:
    """A statement without a payment date, and what posting it answers."""
    remittance = await taken(world, *lines, statementNumber=number, paidOn=None)
    return remittance, await post(world, remittance)


async def test_the_payment_of_an_analysis_settles_what_it_approved(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    lines = [
        line(claim, "60.00", ("1705", "40.00"), itemSequence=1),
        line(claim, "0.00", ("1801", "37.00"), itemSequence=2),
    ]
    remittance, decided = await _analysed(world, *lines)
    assert done(decided) == ("POSTED", 2, 0, [])
    assert await books(world) == ["137.00", "0.00", "77.00", "0.00", "60.00", "0.00"]
    payment = {"statementNumber": "A-1", "paidOn": today().isoformat(), "method": "PIX", "bankReference": "TED 3"}
    joined = await take(world, lines, **payment)
    assert (joined["errors"], joined["alreadyImported"]) == ([], False)
    after = joined["remittance"]
    assert after["id"] == remittance["id"]
    assert (after["status"], after["paidOn"], after["bankReference"]) == (
        "PARTIALLY_POSTED",
        today().isoformat(),
        "TED 3",
    )
    assert [each["status"] for each in after["lines"]] == ["MATCHED", "POSTED"]
    assert done(await post(world, after)) == ("POSTED", 1, 0, ["60.00"])
    paid = await money(world, claim)
    assert (paid["status"], paid["approvedAmount"], paid["paidAmount"]) == ("PARTIALLY_APPROVED", "60.00", "60.00")
    assert (await world.events(claim["id"])).count("ClaimPartiallyApproved") == 1
    assert await books(world) == ["137.00", "60.00", "77.00", "0.00", "0.00", "0.00"]
    assert await world.events(remittance["id"]) == [
        "RemittanceImported",
        "RemittancePosted",
        "RemittancePaymentAdded",
        "RemittancePosted",
    ]
    # Either of the two again changes nothing, and another day is not taken for the same payment.
    for again in ({**payment}, {**payment, "paidOn": None}):
        repeated = await take(world, lines, **again)
        assert (repeated["errors"], repeated["alreadyImported"]) == ([], True)
    other = await take(world, lines, **{**payment, "paidOn": EARLIER})
    assert refusals(other) == [("CONFLICT", "paidOn", None)]
    assert done(await post(world, after)) == ("POSTED", 0, 0, [])
    assert (await books(world))[1] == "60.00"


async def test_a_payment_with_other_lines_does_not_join(world: World) -> None:
    claim = await world.submitted_claim()
    await _analysed(world, line(claim, "60.00", ("1705", "40.00")))
    other = await take(world, [line(claim, "70.00", ("1705", "30.00"))], statementNumber="A-1")
    assert refusals(other) == [("CONFLICT", "statementNumber", None)]
    assert (await books(world))[1] == "0.00"


async def test_a_payment_joins_an_analysis_of_which_a_line_waits(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    lines = [line(claims[0], "100.00"), line(claims[1], "70.00")]
    _, decided = await _analysed(world, *lines)
    assert done(decided) == ("PARTIALLY_POSTED", 1, 1, [])
    joined = await take(world, lines, statementNumber="A-1")
    assert [each["status"] for each in joined["remittance"]["lines"]] == ["MATCHED", "UNMATCHED"]
    assert done(await post(world, joined["remittance"])) == ("PARTIALLY_POSTED", 1, 0, ["100.00"])
    assert await books(world) == ["200.00", "100.00", "0.00", "0.00", "100.00", "0.00"]


async def test_a_long_payment_joins_its_analysis_and_is_posted_in_units(server_world: World) -> None:
    world = server_world
    lines = [claim_line(each, "60.00", ("1705", "40.00")) for each in await submitted_claims(world)]
    remittance, _ = await _analysed(world, *lines)
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    assert await ledger(world) == []
    joined = await take(world, lines, statementNumber="A-1")
    assert joined["errors"] == []
    assert (await post(world, remittance))["remittance"]["status"] == "POSTING"
    assert (await until_posted(world, remittance))["status"] == "POSTED"
    assert sum(await ledger(world)) == CLAIMS * 6000
    assert await books(world) == ["12100.00", "7200.00", "4800.00", "0.00", "100.00", "0.00"]


async def _corrected(world: World, remittance: Any, **changes: Any) -> Any:
    values = {"remittanceId": remittance["id"], "paidOn": EARLIER, "reason": "data errada", "idempotencyKey": key()}
    return await world.mutate("finance", "correctPaymentDate", CORRECTED, **{**values, **changes})


async def test_a_day_of_payment_is_corrected_by_reversals(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    await world.issued_invoice()
    remittance = await taken(world, *[line(each, "100.00") for each in claims], statementNumber="A-1")
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["200.00"])
    given = {"idempotencyKey": key()}
    fixed = await _corrected(world, remittance, **given)
    assert (fixed["errors"], fixed["remittance"]) == ([], {"status": "POSTED", "paidOn": EARLIER})
    assert fixed["settlements"] == [
        {"amount": "200.00", "paidOn": today().isoformat(), "reason": "data errada"},
        {"amount": "200.00", "paidOn": EARLIER, "reason": None},
    ]
    again = await _corrected(world, remittance, **given)
    assert (again["replayed"], again["settlements"]) == (True, fixed["settlements"])
    rows = flat(await world.call("finance", ROWS))["settlements"]
    assert [(each["amount"], each["paidOn"], each["reverses"] is not None) for each in rows] == [
        ("200.00", today().isoformat(), False),
        ("200.00", today().isoformat(), True),
        ("200.00", EARLIER, False),
    ]
    assert {each["statementNumber"] for each in rows} == {"A-1"}
    for claim in claims:
        assert (await money(world, claim))["paidAmount"] == "100.00"
    assert await books(world) == ["300.00", "200.00", "0.00", "0.00", "100.00", "0.00"]
    assert (await world.events(remittance["id"]))[-1] == "RemittancePaymentCorrected"
    assert refusals(await _corrected(world, remittance)) == [("CONFLICT", "paidOn", None)]
    future = (today() + timedelta(days=1)).isoformat()
    assert refusals(await _corrected(world, remittance, paidOn=future)) == [("INVALID_DATE", "paidOn", None)]


async def test_only_what_is_left_of_a_payment_is_corrected(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    remittance = await taken(world, *[line(each, "100.00") for each in claims])
    (paid,) = (await post(world, remittance))["settlements"]
    await world.reverse(paid["id"], "130.00")
    fixed = await _corrected(world, remittance)
    assert [each["amount"] for each in fixed["settlements"]] == ["70.00", "70.00"]
    assert [(await money(world, each))["paidAmount"] for each in claims] == ["70.00", "0.00"]
    assert await books(world) == ["200.00", "70.00", "0.00", "0.00", "130.00", "0.00"]


async def test_an_analysis_has_no_day_of_payment_to_correct(world: World) -> None:
    remittance, _ = await _analysed(world, line(await world.submitted_claim(), "100.00"))
    assert refusals(await _corrected(world, remittance)) == [("CONFLICT", "remittanceId", None)]


async def test_a_payment_passes_no_review(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    for number, claim in zip(("LIMPA", "SUJA"), claims, strict=True):
        of_claim = documents.guide(world, claim)
        right = message(world.payer, analysis(world, number, of_claim))
        wrong = message(world.payer, analysis(world, number, of_claim), digest="0" * 32)
        # One of the two contradicts itself: the payment of a sound analysis, and the analysis of a sound payment.
        first, second = (right, wrong) if number == "LIMPA" else (wrong, right)
        remittance = await documents.taken(world, first)
        assert remittance["status"] == ("IMPORTED" if number == "LIMPA" else "REVIEW")
        joined = await documents.send(world, second, paidOn=today().isoformat())
        assert (joined["errors"], joined["alreadyImported"]) == ([], False)
        (after,) = joined["remittances"]
        assert (after["id"], after["status"], documents.kinds(after)) == (remittance["id"], "REVIEW", ["HASH_WRONG"])
        assert refusals(await post(world, after)) == [("CONFLICT", "remittanceId", None)]
        assert (await money(world, claim))["status"] == "SUBMITTED"
        assert (await documents.release(world, after))["errors"] == []
        assert done(await post(world, after)) == ("POSTED", 1, 0, ["100.00"])
    assert await books(world) == ["200.00", "200.00", "0.00", "0.00", "0.00", "0.00"]


async def test_a_day_of_payment_is_corrected_when_no_credit_is_used(world: World) -> None:
    stray = {"payerClaimNumber": "NENHUMA", "paidAmount": "30.00"}
    remittance = await taken(world, line(await world.submitted_claim(), "100.00"), stray)
    await resolved(world, remittance["lines"][1], acceptOverpayment={})
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    (credit,) = await kept_credits(world)
    invoice = await world.issued_invoice("50.00")
    apply = {"creditId": credit["id"], "invoiceId": invoice["id"]}
    used = await world.mutate("finance", "applyCredit", "use { id }", **apply, idempotencyKey=key())
    refused = await _corrected(world, remittance)
    assert [(each["code"], each["message"]) for each in refused["errors"]] == [
        (
            "CONFLICT",
            "an unapplied credit made a settlement of the statement: reverse its use with reverseCreditUse",
        )
    ]
    back = {"creditUseId": used["use"]["id"], "reason": "conta errada", "idempotencyKey": key()}
    assert (await world.mutate("finance", "reverseCreditUse", "use { id }", **back))["errors"] == []
    fixed = await _corrected(world, remittance)
    assert [(each["amount"], each["paidOn"]) for each in fixed["settlements"]] == [
        ("100.00", today().isoformat()),
        ("100.00", EARLIER),
    ]
    fields = "credit { paidOn } use { settlement { paidOn } }"
    again = await world.mutate("finance", "applyCredit", fields, **apply, idempotencyKey=key())
    assert (again["credit"], again["use"]) == ({"paidOn": EARLIER}, {"settlement": {"paidOn": EARLIER}})
    assert await books(world) == ["150.00", "130.00", "0.00", "0.00", "20.00", "0.00"]


async def test_a_payment_joins_no_second_denial_to_what_was_written_off(world: World) -> None:
    """Two equal denials: that of the second item is written off, that of the first can still be appealed."""
    claim = await world.submitted_claim(items=[CONSULTATION, CONSULTATION])
    said = [line(claim, "80.00", ("1705", "20.00"), itemSequence=1), line(claim, "80.00", itemSequence=2)]
    remittance, decided = await _analysed(world, *said)
    assert done(decided) == ("IMPORTED", 0, 2, [])
    await resolved(world, remittance["lines"][1], writeOff={"code": "1705", "reason": "tabela antiga"})
    match = {"id": remittance["lines"][0]["id"], "claimId": claim["id"]}
    assert (await world.mutate("finance", "matchRemittanceLine", "line { status }", **match))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, [])
    assert await books(world) == ["200.00", "0.00", "20.00", "20.00", "160.00", "0.00"]
    assert (await take(world, said, statementNumber="A-1"))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["160.00"])
    denied = [("1705", "20.00", "OPEN"), ("1705", "20.00", "ACCEPTED")]
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "160.00", "160.00", denied)
    assert await books(world) == ["200.00", "160.00", "20.00", "20.00", "0.00", "0.00"]
