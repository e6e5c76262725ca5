"""When objects were made and when they last changed: by the clock of the database, and moved by nothing else."""

from typing import Any

from tests.factories import World, key
from tests.graphql.test_remittances import line, post, taken


async def _times(world: World, remittance: Any) -> tuple[str, str]:
    query = "query($id: ID!) { remittance(id: $id) { createdAt updatedAt } }"
    found = (await world.call("finance", query, id=remittance["id"]))["remittance"]
    return found["createdAt"], found["updatedAt"]


async def test_every_change_of_a_remittance_or_of_its_lines_moves_its_time(world: World) -> None:
    claim, other = await world.submitted_claim(), await world.submitted_claim()
    remittance = await taken(world, line(claim, "100.00"), {"payerClaimNumber": "OP-1", "paidAmount": "100.00"})
    waiting = remittance["lines"][1]["id"]
    created, updated = await _times(world, remittance)
    assert updated == created
    times = [updated]
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("dismissRemittanceLine", "line { id }", {"remittanceLineId": waiting, "reason": "fora do sistema"}),
        ("matchRemittanceLine", "line { id }", {"remittanceLineId": waiting, "claimId": other["id"]}),
        ("unmatchRemittanceLine", "line { id }", {"remittanceLineId": waiting}),
        ("postRemittance", "remittance { id }", {"remittanceId": remittance["id"], "idempotencyKey": key()}),
    ]
    for name, fields, values in steps:
        assert (await world.mutate("finance", name, fields, **values))["errors"] == []
        times.append((await _times(world, remittance))[1])
    assert times == sorted(set(times))
    assert (await post(world, remittance))["alreadyPosted"] is True
    assert await _times(world, remittance) == (created, times[-1])


async def test_a_cancellation_and_a_deleted_draft_move_it_too(world: World) -> None:
    draft = (await world.create_claim())["claim"]
    remittance = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "100.00"})
    match = {"remittanceLineId": remittance["lines"][0]["id"], "claimId": draft["id"]}
    assert (await world.mutate("finance", "matchRemittanceLine", "line { id }", **match))["errors"] == []
    times = [(await _times(world, remittance))[1]]
    done = await world.mutate("biller", "deleteDraftClaim", "deletedClaimId", claimId=draft["id"])
    assert done["errors"] == []
    times.append((await _times(world, remittance))[1])
    values = {"remittanceId": remittance["id"], "reason": "arquivo errado", "idempotencyKey": key()}
    shown = "remittance { updatedAt cancelledAt }"
    cancelled = (await world.mutate("finance", "cancelRemittance", shown, **values))["remittance"]
    times.append(cancelled["updatedAt"])
    assert times == sorted(set(times))
    assert cancelled["updatedAt"] == cancelled["cancelledAt"]


async def test_lines_of_an_invoice_are_as_old_as_what_added_them(world: World) -> None:
    invoice = await world.issued_invoice("100.00")
    values = {"id": invoice["id"], "kind": "CREDIT", "amount": "1.00", "reason": "acerto", "idempotencyKey": key()}
    assert (await world.mutate("finance", "adjustInvoice", "invoice { id }", **values))["errors"] == []
    query = "query($id: ID!) { invoice(id: $id) { createdAt updatedAt lines { nodes { kind createdAt } } } }"
    found = (await world.call("finance", query, id=invoice["id"]))["invoice"]
    assert found["lines"]["nodes"] == [
        {"kind": "CLAIM", "createdAt": found["createdAt"]},
        {"kind": "CREDIT", "createdAt": found["updatedAt"]},
    ]
    assert found["createdAt"] < found["updatedAt"]
