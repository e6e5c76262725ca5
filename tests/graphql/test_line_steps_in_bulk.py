"""The same step with many lines: all are reached, parts by their own code, and a refusal names its value."""

from typing import Any

import pytest

from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, refusals
from tests.graphql.test_line_resolutions import fate, resolve, stuck, undo, waiting
from tests.graphql.test_remittances import books, done, line, post, taken


async def _many(world: World, resolution: Any, **changes: Any) -> Any:
    values = {"filter": {"payerAnsCode": [world.payer]}, "resolution": resolution, "idempotencyKey": key(), **changes}
    fields = "results { id errors { code field } } hasMore"
    return await world.mutate("finance", "resolveRemittanceLines", fields, **values)


async def test_lines_that_stay_in_the_queue_do_not_hide_those_behind_them(world: World) -> None:
    lines = [{"payerClaimNumber": f"OP-{number}", "paidAmount": "1.00"} for number in range(101)]
    known = [each["id"] for each in (await taken(world, *lines))["lines"]]
    note = {"note": {"text": "liguei para o convênio"}}
    first = await _many(world, note)
    assert (first["errors"], first["hasMore"], len(first["results"])) == ([], True, 100)
    last = first["results"][-1]["id"]
    rest = await _many(world, note, afterLineId=last)
    assert (rest["errors"], rest["hasMore"], len(rest["results"])) == ([], False, 1)
    assert [each["id"] for each in (*first["results"][:-1], first["results"][-1])] == known
    assert rest["results"][0]["id"] not in known
    assert refusals(await _many(world, note, afterLineId="rml_nowhere")) == [("NOT_FOUND", "afterLineId", None)]
    behind = await _many(world, note, afterLineId=rest["results"][0]["id"])
    assert refusals(behind) == [("NOT_FOUND", "lineFilter", None)]


async def test_a_part_of_a_line_is_found_by_its_own_code(world: World) -> None:
    denied = [{"code": "1705", "amount": "30.00"}, {"code": "1801", "amount": "20.00"}]
    remittance = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "50.00", "denials": denied})
    parts = [{"paidAmount": "50.00"}, {"paidAmount": "0.00", "denials": denied[:1]}]
    parts += [{"paidAmount": "0.00", "denials": denied[1:]}]
    values = {"remittanceLineId": remittance["lines"][0]["id"], "parts": parts, "idempotencyKey": key()}
    assert (await world.mutate("finance", "splitRemittanceLine", "line { id }", **values))["errors"] == []
    _, of_1705, of_1801 = await waiting(world)
    for code, row in (("1705", of_1705), ("1801", of_1801)):
        found = await _many(world, {"assign": {"assignee": "ana"}}, lineFilter={"reasonCode": [code]})
        assert [each["id"] for each in found["results"]] == [row["id"]]


async def test_lines_beside_one_that_differs_are_matched_again_together(world: World) -> None:
    claim = await world.submitted_claim(items=[CONSULTATION, BLOOD_COUNT])
    lines = [line(claim, "80.00", itemSequence=1), line(claim, "37.00", itemSequence=2)]
    remittance = await taken(world, *lines, {"payerClaimNumber": "NENHUMA", "paidAmount": "1.00"})
    assert done(await post(world, remittance)) == ("IMPORTED", 0, 2, [])
    differing, fitting, strange = [each["id"] for each in remittance["lines"]]

    def told(payload: Any) -> dict[str, list[str]]:
        assert payload["errors"] == []
        return {each["id"]: [error["code"] for error in each["errors"]] for each in payload["results"]}

    refused = {fitting: ["CONFLICT"], strange: ["CONFLICT"]}
    assert told(await _many(world, {"acceptAsDenial": {"code": "1705"}})) == {differing: [], **refused}
    again = {"match": {"note": "confere"}}
    assert told(await _many(world, again, dryRun=True)) == {fitting: [], strange: ["CONFLICT"]}
    assert told(await _many(world, again)) == {fitting: [], strange: ["CONFLICT"]}
    assert (await undo(world, {"id": fitting}))["problem"] == "AMOUNTS_DIFFER"
    assert told(await _many(world, again)) == {fitting: [], strange: ["CONFLICT"]}
    assert done(await post(world, remittance)) == ("PARTIALLY_POSTED", 2, 0, ["117.00"])
    assert await fate(world, claim) == ("PARTIALLY_APPROVED", "117.00", "117.00", [("1705", "20.00", "OPEN")])
    assert await books(world) == ["137.00", "117.00", "20.00", "0.00", "0.00", "0.00"]


@pytest.mark.parametrize(
    ("resolution", "refusal"),
    [
        ({"writeOff": {"code": "0000", "reason": "centavo"}}, ("UNKNOWN_CODE", "resolution.writeOff.code")),
        ({"writeOff": {"code": "1705", "reason": ""}}, ("INVALID_INPUT", "resolution.writeOff.reason")),
        ({"acceptAsDenial": {"code": "0000"}}, ("UNKNOWN_CODE", "resolution.acceptAsDenial.code")),
        ({"acceptAsDenial": {"code": "1705", "note": ""}}, ("INVALID_INPUT", "resolution.acceptAsDenial.note")),
        ({"mapToItem": {"itemSequence": 9}}, ("NOT_FOUND", "resolution.mapToItem.itemSequence")),
        ({"recoverDenial": {"denialId": "dnl_0"}}, ("NOT_FOUND", "resolution.recoverDenial.denialId")),
        ({"dismissDuplicate": {"duplicateOfId": "rml_0"}}, ("NOT_FOUND", "resolution.dismissDuplicate.duplicateOfId")),
        ({"setAside": {"until": "2020-01-31"}}, ("INVALID_DATE", "resolution.setAside.until")),
        ({"assign": {"assignee": ""}}, ("INVALID_INPUT", "resolution.assign.assignee")),
        ({"note": {"text": ""}}, ("INVALID_INPUT", "resolution.note.text")),
    ],
)
async def test_a_refusal_names_the_value_in_the_input(world: World, resolution: Any, refusal: tuple[str, str]) -> None:
    remittance = await stuck(world, line(await world.submitted_claim(), "80.00", itemSequence=1))
    assert refusals(await resolve(world, remittance["lines"][0], **resolution)) == [(*refusal, None)]
    (found,) = await waiting(world)
    assert (found["problem"], found["differenceAmount"]) == ("AMOUNTS_DIFFER", "-20.00")
