"""Every line that waits has an exit that balances: each shape is resolved, posted, and taken back to the cent."""

from typing import Any

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, refusals
from tests.graphql.test_remittances import books, done, line, money, post, taken

STEP = "line { id status problem differenceAmount assignee setAsideUntil \
availableActions { action blockedBy { message } } \
history(first: 100) { nodes { action status note undoes { id } actor } } remittance { status } }"
CREDIT = "id amount usedAmount leftAmount version uses(first: 10) { nodes { id action amount usedAmount reason } }"
QUEUE = "{ unmatchedRemittanceLines { nodes { id problem differenceAmount waitingSince candidates { \
reason differenceAmount claim { id } items { sequence code totalAmount differenceAmount } } } } }"


async def resolve(world: World, row: Any, **resolution: Any) -> Any:
    """The payload of resolveRemittanceLine."""
    values = {"remittanceLineId": row["id"], "resolution": resolution, "idempotencyKey": key()}
    return await world.mutate("finance", "resolveRemittanceLine", STEP, **values)


async def resolved(world: World, row: Any, **resolution: Any) -> Any:
    """The line after the step."""
    payload = await resolve(world, row, **resolution)
    assert payload["errors"] == []
    return payload["line"]


async def undo(world: World, row: Any) -> Any:
    """The line after its last step was taken back."""
    values = {"remittanceLineId": row["id"], "reason": "engano", "idempotencyKey": key()}
    payload = await world.mutate("finance", "undoRemittanceLine", STEP, **values)
    assert payload["errors"] == []
    return payload["line"]


async def stuck(world: World, *lines: dict[str, Any], **changes: Any) -> Any:
    """The remittance of these lines after a posting that has put them back."""
    remittance = await taken(world, *lines, **changes)
    assert done(await post(world, remittance))[1:] == (0, len(lines), [])
    return remittance


async def waiting(world: World) -> list[Any]:
    """The queue."""
    return list((await world.call("finance", QUEUE))["unmatchedRemittanceLines"]["nodes"])


async def kept_credits(world: World) -> list[Any]:
    """The unapplied credits of the payer."""
    query = f"query($p: [AnsCode!]) {{ unappliedCredits(filter: {{ payerAnsCode: $p }}) {{ nodes {{ {CREDIT} }} }} }}"
    found = await world.call("finance", query, p=[world.payer])
    return [{**each, "uses": each["uses"]["nodes"]} for each in found["unappliedCredits"]["nodes"]]


async def fate(world: World, claim: Any) -> tuple[str, str, str, list[Any]]:
    """Status, approved and paid amount of a claim, and its denials."""
    found = await money(world, claim)
    items = (await world.claim(claim["id"]))["items"]
    denied = [(each["code"], each["amount"], each["status"]) for item in items for each in item["denials"]]
    return found["status"], found["approvedAmount"], found["paidAmount"], denied


async def test_a_recalculation_is_accepted_as_a_denial(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "80.00", itemSequence=1))
    (row,) = remittance["lines"]
    assert [(each["problem"], each["differenceAmount"]) for each in await waiting(world)] == [
        ("AMOUNTS_DIFFER", "-20.00")
    ]
    before = await books(world)
    after = await resolved(world, row, acceptAsDenial={"code": "1705", "note": "tabela antiga"})
    assert (after["status"], after["problem"], after["differenceAmount"]) == ("MATCHED", None, None)
    assert await books(world) == before
    assert (await undo(world, row))["problem"] == "AMOUNTS_DIFFER"
    assert await books(world) == before
    await resolved(world, row, acceptAsDenial={"code": "1705"})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["80.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OPEN")])
    assert await books(world) == ["100.00", "80.00", "20.00", "0.00", "0.00", "0.00"]


async def test_what_is_written_off_is_lost(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "99.99"))
    (row,) = remittance["lines"]
    await resolved(world, row, writeOff={"code": "1705", "reason": "centavo"})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["99.99"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "99.99", "99.99", [("1705", "0.01", "ACCEPTED")])
    assert await books(world) == ["100.00", "99.99", "0.00", "0.01", "0.00", "0.00"]


async def test_an_overpayment_is_an_unapplied_credit(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "110.00", itemSequence=1))
    (row,) = remittance["lines"]
    assert [each["differenceAmount"] for each in await waiting(world)] == ["10.00"]
    await resolved(world, row, acceptOverpayment={})
    assert await kept_credits(world) == []
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert (await fate(world, claim))[:3] == ("APPROVED", "100.00", "100.00")
    (credit,) = await kept_credits(world)
    assert (credit["amount"], credit["usedAmount"], credit["leftAmount"]) == ("10.00", "0.00", "10.00")
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]


async def test_money_without_a_claim_is_a_credit_that_settles_an_invoice(world: World) -> None:
    remittance = await taken(world, {"payerClaimNumber": "NENHUMA", "paidAmount": "30.00"})
    (row,) = remittance["lines"]
    await resolved(world, row, acceptOverpayment={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, [])
    (credit,) = await kept_credits(world)
    invoice = await world.issued_invoice()
    before = await books(world)
    values = {"creditId": credit["id"], "invoiceId": invoice["id"], "amount": "20.00", "idempotencyKey": key()}
    fields = f"credit {{ {CREDIT} }} use {{ id action amount settlement {{ id amount }} }}"
    used = await world.mutate("finance", "applyCredit", fields, **values)
    assert (used["errors"], used["credit"]["leftAmount"], used["use"]["settlement"]["amount"]) == ([], "10.00", "20.00")
    assert await books(world) == ["100.00", "20.00", "0.00", "0.00", "80.00", "0.00"]
    direct = await world.reverse(used["use"]["settlement"]["id"])
    assert refusals(direct) == [("CONFLICT", "settlementId", None)]
    too_much = {"creditId": credit["id"], "amount": "10.01", "reason": "devolvido", "idempotencyKey": key()}
    refused = await world.mutate("finance", "refundCredit", fields, **too_much)
    assert refusals(refused) == [("INVALID_AMOUNT", "amount", None)]
    refunded = await world.mutate("finance", "refundCredit", fields, **{**too_much, "amount": None})
    assert refunded["credit"]["leftAmount"] == "0.00"
    back = {"creditUseId": used["use"]["id"], "reason": "conta errada", "idempotencyKey": key()}
    reversed_ = await world.mutate("finance", "reverseCreditUse", fields, **back)
    assert (reversed_["errors"], reversed_["credit"]["leftAmount"]) == ([], "20.00")
    assert await books(world) == before
    again = await world.mutate("finance", "reverseCreditUse", fields, **{**back, "idempotencyKey": key()})
    assert again["errors"] != []
    uses = [(each["action"], each["amount"], each["usedAmount"]) for each in (await kept_credits(world))[0]["uses"]]
    assert uses == [("APPLY", "20.00", "20.00"), ("REFUND", "10.00", "30.00"), ("REVERSE", "-20.00", "10.00")]


async def test_a_guide_in_two_protocols_is_posted_once(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, *[line(claim, "100.00", itemSequence=1)] * 2)
    assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 1, 1, ["100.00"])
    first, second = remittance["lines"]
    assert [(each["id"], each["problem"]) for each in await waiting(world)] == [(second["id"], "REPEATED")]
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]
    after = await resolved(world, second, dismissDuplicate={"duplicateOfId": first["id"]})
    assert (after["status"], after["remittance"]["status"]) == ("DISMISSED", "POSTED")
    assert (await undo(world, second))["problem"] == "REPEATED"
    await resolved(world, second, acceptOverpayment={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, [])
    assert [each["amount"] for each in await kept_credits(world)] == ["100.00"]
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]


async def test_an_item_that_the_payer_split_adds_up(world: World) -> None:
    claim = await world.submitted_claim(items=[{**CONSULTATION, "quantity": "2", "unitPrice": "50.00"}])
    lines = [line(claim, "50.00", itemSequence=1), line(claim, "0.00", ("1806", "50.00"), itemSequence=1)]
    assert done(await post(world, await taken(world, *lines))) == ("POSTED", 2, 0, ["50.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "50.00", "50.00", [("1806", "50.00", "OPEN")])
    assert await books(world) == ["100.00", "50.00", "50.00", "0.00", "0.00", "0.00"]


async def test_a_code_that_the_payer_changed_is_mapped_to_the_item(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await stuck(world, line(claim, "80.00", ("1705", "20.00"), itemCode="10101039"))
    (row,) = remittance["lines"]
    (found,) = await waiting(world)
    item = {"sequence": 1, "code": "10101012", "totalAmount": "100.00", "differenceAmount": "0.00"}
    matched = {"reason": "MATCHED", "differenceAmount": "0.00", "claim": {"id": claim["id"]}, "items": [item]}
    assert (found["problem"], found["candidates"]) == ("UNKNOWN_ITEM", [matched])
    wrong = await resolve(world, row, mapToItem={"itemSequence": 2})
    assert [each["code"] for each in wrong["errors"]] == ["NOT_FOUND"]
    await resolved(world, row, mapToItem={"itemSequence": 1})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["80.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OPEN")])


async def test_a_denial_that_the_payer_pays_by_itself_is_recovered(world: World) -> None:
    claim = await world.submitted_claim()
    first = await taken(world, line(claim, "0.00", ("1801", "100.00"), itemSequence=1))
    assert done(await post(world, first)) == ("POSTED", 1, 0, [])
    remittance = await stuck(world, line(claim, "100.00", itemSequence=1))
    (row,) = remittance["lines"]
    assert [(each["problem"], each["differenceAmount"]) for each in await waiting(world)] == [("OVERPAID", "100.00")]
    before = await books(world)
    await resolved(world, row, recoverDenial={"note": "reprocessado"})
    await undo(world, row)
    assert await books(world) == before == ["100.00", "0.00", "100.00", "0.00", "0.00", "0.00"]
    await resolved(world, row, recoverDenial={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert await fate(world, claim) == ("DENIED", "0.00", "100.00", [("1801", "100.00", "OVERTURNED")])
    assert await books(world) == ["100.00", "100.00", "0.00", "0.00", "0.00", "0.00"]


async def test_a_line_is_split_over_items(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    remittance = await stuck(world, line(claim, "100.00", ("1705", "37.00")))
    (row,) = remittance["lines"]
    denied = {"paidAmount": "0.00", "itemSequence": 2, "denials": [{"code": "1705", "amount": "37.00"}]}

    async def split(*parts: dict[str, Any]) -> Any:
        values = {"remittanceLineId": row["id"], "parts": list(parts), "idempotencyKey": key()}
        return await world.mutate("finance", "splitRemittanceLine", STEP, **values)

    wrong = await split({"paidAmount": "99.00", "itemSequence": 1}, denied)
    assert refusals(wrong) == [("TOTAL_MISMATCH", "parts", None)]
    done_ = await split({"paidAmount": "100.00", "itemSequence": 1}, denied)
    assert (done_["errors"], done_["line"]["status"]) == ([], "SPLIT")
    assert (await undo(world, row))["problem"] == "AMOUNTS_DIFFER"
    assert (await split({"paidAmount": "100.00", "itemSequence": 1}, denied))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["100.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "100.00", "100.00", [("1705", "37.00", "OPEN")])
    assert await books(world) == ["137.00", "100.00", "37.00", "0.00", "0.00", "0.00"]


async def test_steps_are_a_history_that_shows_who_works_on_a_line(world: World) -> None:
    remittance = await taken(world, {"payerClaimNumber": "NENHUMA", "paidAmount": "30.00"})
    (row,) = remittance["lines"]
    assert (await resolved(world, row, assign={"assignee": "ana"}))["assignee"] == "ana"
    assert (await resolved(world, row, setAside={"until": "2099-01-31"}))["setAsideUntil"] == "2099-01-31"
    await resolved(world, row, note={"text": "liguei para o convênio"})
    assert (await undo(world, row))["setAsideUntil"] is None
    after = await undo(world, row)
    assert (after["status"], after["assignee"]) == ("UNMATCHED", None)
    steps = after["history"]
    assert [(each["action"], each["note"]) for each in steps] == [
        ("ASSIGN", None),
        ("SET_ASIDE", None),
        ("NOTE", "liguei para o convênio"),
        ("UNDO", "engano"),
        ("UNDO", "engano"),
    ]
    assert {each["actor"] for each in steps} == {"dev-finance"}
    assert await world.events(remittance["id"]) == [
        *("RemittanceImported", "RemittanceLinesWaiting"),
        *["RemittanceLineChanged"] * 5,
    ]
    past = await resolve(world, row, setAside={"until": "2020-01-31"})
    assert [each["code"] for each in past["errors"]] == ["INVALID_DATE"]
    nothing = {"remittanceLineId": row["id"], "reason": "engano", "idempotencyKey": key()}
    assert refusals(await world.mutate("finance", "undoRemittanceLine", STEP, **nothing)) == [
        ("CONFLICT", "remittanceLineId", None)
    ]


async def test_a_claim_is_found_by_a_number_that_the_payer_wrote_another_way(world: World) -> None:
    claim = await world.submitted_claim(providerClaimNumber="00123")
    await taken(world, {"providerClaimNumber": "12-3", "paidAmount": "100.00"})
    (found,) = await waiting(world)
    assert (found["problem"], found["differenceAmount"]) == ("UNKNOWN_CLAIM", None)
    assert [(each["reason"], each["differenceAmount"], each["claim"]) for each in found["candidates"]] == [
        ("NUMBER", "0.00", {"id": claim["id"]})
    ]


async def test_a_contract_says_that_recalculations_are_denials(world: World) -> None:
    days = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30}
    values = {"provider": world.provider, "payer": world.payer, **days}
    fields = "contract { recalculationCode }"
    unknown = await world.mutate("admin", "saveContract", fields, **values, recalculationCode="0000")
    assert [(each["code"], each["field"]) for each in unknown["errors"]] == [("UNKNOWN_CODE", ["recalculationCode"])]
    saved = await world.mutate("admin", "saveContract", fields, **values, recalculationCode="1705")
    assert saved["contract"] == {"recalculationCode": "1705"}
    claim, other = await world.submitted_claim(), await world.submitted_claim()
    lines = [line(claim, "80.00", itemSequence=1), line(other, "60.00", ("1801", "30.00"), itemSequence=1)]
    assert done(await post(world, await taken(world, *lines))) == ("PARTIALLY_POSTED", 1, 1, ["80.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1705", "20.00", "OPEN")])
    assert [(each["problem"], each["differenceAmount"]) for each in await waiting(world)] == [
        ("AMOUNTS_DIFFER", "-10.00")
    ]
    assert await books(world) == ["200.00", "80.00", "20.00", "0.00", "100.00", "0.00"]


async def test_lines_of_a_filter_are_resolved_together_or_only_tried(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(3)]
    remittance = await stuck(world, *(line(claim, "80.00", itemSequence=1) for claim in claims[:2]))
    over = await stuck(world, line(claims[2], "110.00", itemSequence=1))
    fields = "results { id object { status } errors { code } } hasMore"

    async def resolve_all(**changes: Any) -> Any:
        values = {"filter": {"payerAnsCode": [world.payer]}, "resolution": {"acceptAsDenial": {"code": "1705"}}}
        return await world.mutate(
            "finance", "resolveRemittanceLines", fields, **{**values, "idempotencyKey": key(), **changes}
        )

    def told(payload: Any) -> list[tuple[str | None, list[str]]]:
        assert payload["errors"] == []
        return [
            (each["object"] and each["object"]["status"], [error["code"] for error in each["errors"]])
            for each in payload["results"]
        ]

    tried = [("MATCHED", []), ("MATCHED", []), (None, ["CONFLICT"])]
    assert told(await resolve_all(dryRun=True)) == tried
    assert len(await waiting(world)) == 3
    assert (await resolve_all(atomic=True))["errors"] != []
    assert len(await waiting(world)) == 3
    used = key()
    assert told(await resolve_all(idempotencyKey=used)) == tried
    again = await resolve_all(idempotencyKey=used)
    assert (again["replayed"], told(again)) == (True, tried)
    assert [each["problem"] for each in await waiting(world)] == ["AMOUNTS_DIFFER"]
    narrow = {"lineFilter": {"problem": ["OVERPAID"]}}
    assert refusals(await resolve_all(**narrow)) == [("NOT_FOUND", "lineFilter", None)]
    assert done(await post(world, remittance)) == ("POSTED", 2, 0, ["160.00"])
    assert told(await resolve_all(resolution={"acceptOverpayment": {}})) == [("MATCHED", [])]
    assert done(await post(world, over)) == ("POSTED", 1, 0, ["100.00"])
    assert await books(world) == ["300.00", "260.00", "40.00", "0.00", "0.00", "0.00"]


async def test_the_queue_is_filtered_by_what_is_known_of_its_lines(world: World) -> None:
    lines: list[dict[str, Any]] = [
        {"payerClaimNumber": "OP-1", "paidAmount": "1.00", "denials": [{"code": "1705", "amount": "1.00"}]},
        {"payerClaimNumber": "OP-2", "paidAmount": "2.00"},
    ]
    first, second = (await taken(world, *lines))["lines"]
    await resolved(world, first, assign={"assignee": "ana"})
    await resolved(world, second, setAside={"until": "2099-01-31"})
    query = "query($f: WaitingLineFilterInput) { unmatchedRemittanceLines(lineFilter: $f) { totalCount nodes { id } } }"

    async def found(**where: Any) -> list[str]:
        page = (await world.call("finance", query, f=where))["unmatchedRemittanceLines"]
        assert page["totalCount"] == len(page["nodes"])
        return [each["id"] for each in page["nodes"]]

    assert await found(problem=["UNKNOWN_CLAIM"]) == [first["id"], second["id"]]
    assert await found(problem=["OVERPAID"]) == []
    assert await found(reasonCode=["1705"]) == await found(assignee="ana") == await found(isAssigned=True)
    assert await found(reasonCode=["1705"]) == await found(isSetAside=False) == [first["id"]]
    assert await found(isAssigned=False) == await found(isSetAside=True) == [second["id"]]
    assert await found(waitingSince={"from": "2099-01-01T00:00:00Z"}) == []
    assert await found(waitingSince={"to": "2099-01-01T00:00:00Z"}) == [first["id"], second["id"]]
    assert await found(ids=[second["id"]]) == [second["id"]]


async def test_a_posted_credit_is_withdrawn_with_its_step(world: World) -> None:
    remittance = await taken(world, {"payerClaimNumber": "NENHUMA", "paidAmount": "30.00"})
    (row,) = remittance["lines"]
    await resolved(world, row, acceptOverpayment={})
    await post(world, remittance)
    before = await books(world)
    after = await undo(world, row)
    assert (after["status"], after["problem"], after["remittance"]["status"]) == (
        *("UNMATCHED", "UNKNOWN_CLAIM"),
        "IMPORTED",
    )
    assert [(each["leftAmount"], each["uses"][0]["reason"]) for each in await kept_credits(world)] == [
        ("0.00", "engano")
    ]
    await resolved(world, row, acceptOverpayment={})
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, [])
    assert [each["leftAmount"] for each in await kept_credits(world)] == ["0.00", "30.00"]
    used = {"creditId": (await kept_credits(world))[1]["id"], "reason": "devolvido", "idempotencyKey": key()}
    assert (await world.mutate("finance", "refundCredit", "credit { id }", **used))["errors"] == []
    refused = {"remittanceLineId": row["id"], "reason": "engano", "idempotencyKey": key()}
    assert refusals(await world.mutate("finance", "undoRemittanceLine", STEP, **refused)) == [
        ("CONFLICT", "remittanceLineId", None)
    ]
    assert await books(world) == before


async def test_what_was_decided_about_one_claim_is_not_carried_over_to_another(world: World) -> None:
    first, other = [await world.submitted_claim() for _ in range(2)]
    remittance = await stuck(world, line(first, "80.00", itemSequence=1))
    (row,) = remittance["lines"]
    match = {"id": row["id"], "claimId": other["id"]}
    await resolved(world, row, acceptAsDenial={"code": "1705"})
    assert (await world.mutate("finance", "matchRemittanceLine", "line { id }", **match))["errors"] == []
    assert done(await post(world, remittance)) == ("IMPORTED", 0, 1, [])
    assert [(each["problem"], each["differenceAmount"]) for each in await waiting(world)] == [
        ("AMOUNTS_DIFFER", "-20.00")
    ]
    await resolved(world, row, writeOff={"code": "1801", "reason": "tabela antiga"})
    # Matched to the same claim, it is read as before.
    assert (await world.mutate("finance", "matchRemittanceLine", "line { id }", **match))["errors"] == []
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["80.00"])
    assert await fate(world, other) == ("PARTIALLY_APPROVED", "80.00", "80.00", [("1801", "20.00", "ACCEPTED")])
    assert (await world.claim(first["id"]))["status"] == "SUBMITTED"
