"""An appeal that is not answered can be withdrawn: the denial is open again, or expired after its last day."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.auth import roles
from app.auth.roles import ROLES
from app.db.tables import denials
from app.db.tables import idempotency_keys as keys
from tests.factories import World, key, new_world, refusals, today
from tests.gateway import Gateway

DENIAL = "id status amount inDisputeAmount lostAmount appeal { appealedAmount justification }"
BOOKS = "billedAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"
HISTORY = "... on DenialStep { denialAction denialStatus amount actor }"


async def _appealed(world: World, amount: str = "30.00") -> tuple[str, str]:
    """A claim of 100.00 with a denial of 40.00, appealed for the amount: the ids of both."""
    claim_id = (await world.claim_in_review())["id"]
    denial = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": "1801", "amount": "40.00"}]}
    assert (await world.adjudicate(claim_id, [denial]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("reviewer", query, id=claim_id))["claim"]["items"][0]["denials"][0]["id"]
    assert (await _appeal(world, found, amount))["errors"] == []
    return claim_id, found


async def _appeal(world: World, denial_id: str, amount: str) -> Any:
    values = {"id": denial_id, "amount": amount, "justification": "conforme contrato", "idempotencyKey": key()}
    return await world.mutate("biller", "appealDenial", "denial { status }", **values)


async def _withdraw(world: World, denial_id: str, **changes: Any) -> Any:
    values = {"denialId": denial_id, "idempotencyKey": key(), **changes}
    return await world.mutate("biller", "withdrawAppeal", f"denial {{ {DENIAL} }}", **values)


async def _answer(world: World, denial_id: str) -> Any:
    values = {"id": denial_id, "acceptedAmount": "10.00", "idempotencyKey": key()}
    return await world.mutate("payer_agent", "answerAppeal", "denial { status }", **values)


async def _books(world: World) -> list[str]:
    found = (await world.call("finance", f"{{ reconciliation {{ {BOOKS} }} }}"))["reconciliation"]
    return [found[name] for name in BOOKS.split()]


async def _steps(world: World, claim_id: str) -> list[tuple[str, ...]]:
    """The steps of the claim's denials."""
    query = f"query($id: ID!) {{ claim(id: $id) {{ history(first: 100) {{ nodes {{ {HISTORY} }} }} }} }}"
    history = (await world.call("biller", query, id=claim_id))["claim"]["history"]["nodes"]
    return [tuple(step.values()) for step in history if step]


async def _last_day_was_yesterday(world: World, denial_id: str) -> None:
    async def work(connection: Any) -> None:
        day = today() - timedelta(days=1)
        await connection.execute(update(denials).where(denials.c.id == denial_id).values(appeal_deadline=day))

    await world.gateway.database.transact(work)


async def test_the_denial_is_open_again_and_may_be_appealed_again(world: World) -> None:
    claim_id, denial_id = await _appealed(world)
    assert await _books(world) == ["100.00", "30.00", "10.00", "60.00", "0.00"]
    withdrawn = await _withdraw(world, denial_id)
    assert (withdrawn["errors"], withdrawn["denial"]) == (
        [],
        {
            "id": denial_id,
            "status": "OPEN",
            "amount": "40.00",
            "inDisputeAmount": "40.00",
            "lostAmount": "0.00",
            "appeal": None,
        },
    )
    assert await _books(world) == ["100.00", "40.00", "0.00", "60.00", "0.00"]
    assert (await _appeal(world, denial_id, "40.00"))["denial"]["status"] == "APPEALED"
    assert (await _answer(world, denial_id))["denial"]["status"] == "PARTIALLY_OVERTURNED"
    assert await _books(world) == ["100.00", "0.00", "30.00", "70.00", "0.00"]
    assert await _steps(world, claim_id) == [
        ("DENY", "OPEN", "40.00", "dev-reviewer"),
        ("APPEAL", "APPEALED", "30.00", "dev-biller"),
        ("WITHDRAW", "OPEN", "30.00", "dev-biller"),
        ("APPEAL", "APPEALED", "40.00", "dev-biller"),
        ("OVERTURN_PARTIALLY", "PARTIALLY_OVERTURNED", "10.00", "dev-payer_agent"),
    ]
    assert (await world.events(claim_id))[-4:] == [
        *("DenialAppealed", "AppealWithdrawn", "DenialAppealed", "AppealAnswered")
    ]


async def test_after_the_last_day_it_expires_at_once(world: World) -> None:
    claim_id, denial_id = await _appealed(world)
    await _last_day_was_yesterday(world, denial_id)
    denial = (await _withdraw(world, denial_id))["denial"]
    assert (denial["status"], denial["inDisputeAmount"], denial["lostAmount"]) == ("EXPIRED", "0.00", "40.00")
    assert await _books(world) == ["100.00", "0.00", "40.00", "60.00", "0.00"]
    assert (await _steps(world, claim_id))[-2:] == [
        ("WITHDRAW", "OPEN", "30.00", "dev-biller"),
        ("EXPIRE", "EXPIRED", "40.00", "dev-biller"),
    ]
    assert (await world.events(claim_id))[-2:] == ["AppealWithdrawn", "DenialExpired"]
    assert refusals(await _appeal(world, denial_id, "40.00")) == [("APPEAL_TOO_LATE", "denialId", "2909")]


async def test_only_an_unanswered_appeal_of_the_own_scope_is_withdrawn(gateway: Gateway, world: World) -> None:
    _, denial_id = await _appealed(world)
    assert refusals(await _withdraw(await new_world(gateway), denial_id)) == [("NOT_FOUND", "denialId", None)]
    await _answer(world, denial_id)
    refused = await _withdraw(world, denial_id)
    message = "cannot withdraw the appeal of a denial that is PARTIALLY_OVERTURNED"
    assert [(each["code"], each["message"], *each["field"]) for each in refused["errors"]] == [
        ("CONFLICT", message, "denialId")
    ]
    assert await _books(world) == ["100.00", "0.00", "30.00", "70.00", "0.00"]


async def test_a_key_withdraws_once(world: World) -> None:
    claim_id, denial_id = await _appealed(world)
    used = key()
    first, second = [await _withdraw(world, denial_id, idempotencyKey=used) for _ in range(2)]
    assert (first["replayed"], second["replayed"], second["denial"]) == (False, True, first["denial"])
    await _appeal(world, denial_id, "5.00")
    third = await _withdraw(world, denial_id, idempotencyKey=used)
    assert (third["replayed"], third["denial"]["status"]) == (True, "OPEN")
    assert (await world.events(claim_id)).count("AppealWithdrawn") == 1


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch) -> str:
    """A role that appeals, and reads what appeals say."""
    monkeypatch.setitem(roles.ROLES, "doctor", ROLES["biller"] | {"claims:read_health"})
    return "doctor"


async def test_a_replay_shows_the_appeal_as_it_was_first_told(world: World, doctor: str) -> None:
    """A withdrawal erases its text, another appeal has another one, and an answer adds the payer's."""
    _, denial_id = await _appealed(world)
    assert (await _withdraw(world, denial_id))["errors"] == []
    values = {"id": denial_id, "amount": "30.00", "justification": "laudo anexo", "idempotencyKey": key()}
    shown = "denial { status appeal { appealedAmount justification answeredAmount payerJustification } }"

    async def told() -> Any:
        return (await world.mutate(doctor, "appealDenial", shown, **values))["denial"]

    appeal = {"appealedAmount": "30.00", "justification": "laudo anexo"}
    first = {"status": "APPEALED", "appeal": {**appeal, "answeredAmount": None, "payerJustification": None}}
    assert await told() == first
    assert (await _withdraw(world, denial_id))["errors"] == []
    assert await told() == first
    assert (await _appeal(world, denial_id, "5.00"))["errors"] == []
    assert await told() == first
    answer = {"id": denial_id, "acceptedAmount": "0.00", "justification": "sem cobertura", "idempotencyKey": key()}
    assert (await world.mutate("payer_agent", "answerAppeal", "denial { status }", **answer))["errors"] == []
    assert await told() == first


async def test_a_replay_of_many_appeals_shows_them_as_they_were_first_told(world: World, doctor: str) -> None:
    _, denial_id = await _appealed(world)
    assert (await _withdraw(world, denial_id))["errors"] == []
    appeals = [{"denialId": denial_id, "justification": "laudo anexo"}, {"denialId": "dnl_0", "justification": "laudo"}]
    values = {"appeals": appeals, "idempotencyKey": key()}
    shown = "replayed results { id object { status appeal { justification } } errors { code } }"
    first = await world.mutate(doctor, "appealDenials", shown, **values)
    told = {"status": "APPEALED", "appeal": {"justification": "laudo anexo"}}
    assert first["results"] == [
        {"id": denial_id, "object": told, "errors": []},
        {"id": "dnl_0", "object": None, "errors": [{"code": "NOT_FOUND"}]},
    ]
    assert (await _withdraw(world, denial_id))["errors"] == []
    again = await world.mutate(doctor, "appealDenials", shown, **values)
    assert (again["results"], again["replayed"]) == (first["results"], True)


async def test_no_text_is_stored_with_a_key(world: World) -> None:
    _, denial_id = await _appealed(world)
    async with world.gateway.database.reading() as connection:
        query = select(keys.c.response).where(keys.c.response.contains(denial_id))
        stored = [row[0] for row in (await connection.execute(query)).all()]
    assert len(stored) == 1
    assert "conforme contrato" not in stored[0]


async def test_an_answer_and_a_withdrawal_at_once_leave_one_winner(world: World) -> None:
    for _ in range(4):
        _, denial_id = await _appealed(world)
        answered, withdrawn = await asyncio.gather(_answer(world, denial_id), _withdraw(world, denial_id))
        codes = sorted(tuple(error["code"] for error in each["errors"]) for each in (answered, withdrawn))
        assert codes == [(), ("CONFLICT",)]
    assert (await _books(world))[-1] == "0.00"


async def test_what_may_be_done_with_the_denial_says_so(world: World) -> None:
    _, denial_id = await _appealed(world)
    query = "query($id: ID!) { node(id: $id) { ... on Denial { availableActions { action blockedBy { message } } } } }"
    found = [(await world.call("biller", query, id=denial_id))["node"]["availableActions"]]
    await _withdraw(world, denial_id)
    found.append((await world.call("biller", query, id=denial_id))["node"]["availableActions"])
    blocks = [{each["action"]: each["blockedBy"] for each in actions} for actions in found]
    is_open = {"message": "cannot withdraw the appeal of a denial that is OPEN"}
    is_appealed = {"message": "this denial has been appealed already"}
    assert [each["WITHDRAW_APPEAL"] for each in blocks] == [None, is_open]
    assert [each["APPEAL"] for each in blocks] == [is_appealed, None]
