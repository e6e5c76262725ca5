"""The second instance of appeals: a denial that the payer upholds is open once more, with a time of its own."""

from datetime import date, timedelta
from typing import Any

from tests.factories import World, key, party_admin, refusals, today
from tests.graphql.test_appeal_answers import RESULTS, _number, _xml
from tests.graphql.test_appeal_batches import BATCH, appealed, change, create
from tests.graphql.test_appeal_terms import TERMS
from tests.graphql.test_remittances import books
from tests.tiss.appeal_answers import Answer, document

DENIAL = (
    "id status appealInstance appealDeadline inDisputeAmount wonAmount lostAmount "
    "appeal { appealedAmount answeredAmount } earlierAppeals { appealedAmount answeredAmount } "
)
ACTIONS = "availableActions { action blockedBy { message } }"
OPENED = {"status": "OPEN", "appealInstance": 2, "appeal": None}
FIRST = {"appealedAmount": "30.00", "answeredAmount": "0.00"}


async def _contract(world: World, **values: Any) -> Any:
    parties = {"providerCnes": world.provider, "payerAnsCode": world.payer}
    return await party_admin(world, "saveContract", "contract { appealInstances }", **parties, **TERMS, **values)


async def _denial(world: World, denial_id: str, fields: str = DENIAL) -> Any:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Denial {{ {fields} }} }} }}"
    return (await world.call("biller", query, id=denial_id))["node"]


async def _appeal(world: World, denial_id: str, **values: Any) -> Any:
    given = {"denialId": denial_id, "justification": "devida", "idempotencyKey": key(), **values}
    return await world.mutate("biller", "appealDenial", f"denial {{ {DENIAL} }}", **given)


async def _answer(world: World, content: Any) -> Any:
    given = {"payerAnsCode": world.payer, "providerCnes": world.provider, "content": content, "idempotencyKey": key()}
    return await world.mutate("biller", "recordAppealAnswers", RESULTS, **given)


async def _sent_batch(world: World) -> Any:
    (batch,) = (await create(world))["batches"]
    assert (await change(world, "sendAppealBatch", batch["id"]))["errors"] == []
    return batch


async def test_the_contract_has_one_or_two_instances(world: World) -> None:
    assert (await _contract(world))["contract"] == {"appealInstances": 1}
    assert (await _contract(world, appealInstances=2))["contract"] == {"appealInstances": 2}
    assert (await _contract(world))["contract"] == {"appealInstances": 2}
    for wrong in (0, 3):
        assert refusals(await _contract(world, appealInstances=wrong)) == [("INVALID_INPUT", "appealInstances", None)]


async def test_an_upheld_denial_is_open_once_more(world: World) -> None:
    """40.00 denied, 30.00 of them appealed twice, in documents: upheld, then 20.00 accepted of 25.00."""
    await _contract(world, appealInstances=2)
    _, (denial, other) = await appealed(world, amount="30.00")
    first = await _sent_batch(world)
    claim = await _number(world, first)
    upheld = _xml(document(world.payer, first["number"], [Answer(claim, "1801", "0.00", 1)]))
    assert (await _answer(world, upheld))["appliedCount"] == 1
    # The document is of 2026-11-20, before the appeal: the days count from the day of the appeal.
    deadline = (today() + timedelta(days=15)).isoformat()
    money = {"inDisputeAmount": "30.00", "wonAmount": "0.00", "lostAmount": "10.00"}
    assert await _denial(world, denial) == {
        "id": denial,
        "appealDeadline": deadline,
        "earlierAppeals": [FIRST],
        **OPENED,
        **money,
    }
    assert (await books(world))[-1] == "0.00"
    open_now = await _denial(world, denial, ACTIONS)
    assert [each["action"] for each in open_now["availableActions"] if each["blockedBy"] is None] == [
        "ACCEPT",
        "APPEAL",
    ]
    # The same answers again, as the document and by denial, change nothing.
    assert (await _answer(world, upheld))["appliedCount"] == 0
    typed = await _answer(world, {"answers": [{"denialId": denial, "acceptedAmount": "0"}]})
    assert (typed["appliedCount"], typed["results"][0]["errors"]) == (0, [])
    assert refusals(await _appeal(world, denial, amount="30.01")) == [("INVALID_AMOUNT", "amount", None)]
    again = await _appeal(world, denial, amount="25.00")
    assert again["denial"]["appeal"] == {"appealedAmount": "25.00", "answeredAmount": None}
    withdrawn = {"denialId": denial, "idempotencyKey": key()}
    payload = await world.mutate("biller", "withdrawAppeal", f"denial {{ {DENIAL} }}", **withdrawn)
    assert (payload["denial"]["inDisputeAmount"], payload["denial"]["lostAmount"]) == ("30.00", "10.00")
    assert (await _appeal(world, denial, amount="25.00"))["errors"] == []
    (second,) = (await create(world))["batches"]
    assert second["denials"]["nodes"] == [{"id": denial}]
    assert (await change(world, "sendAppealBatch", second["id"]))["errors"] == []
    query = f"query($id: ID!) {{ appealBatch(id: $id) {{ {BATCH} appealInstance }} }}"
    found = [(await world.call("biller", query, id=each["id"]))["appealBatch"] for each in (first, second)]
    assert [(each["number"], each["appealInstance"], each["status"]) for each in found] == [
        (1, 1, "SENT"),
        (2, 2, "SENT"),
    ]
    # The first answer is still that to the first batch.
    assert (await _answer(world, upheld))["appliedCount"] == 0
    won = _xml(document(world.payer, second["number"], [Answer(claim, "1801", "20.00", 1)]))
    assert [(await _answer(world, won))["appliedCount"] for _ in range(2)] == [1, 0]
    assert await _denial(world, denial) == {
        "id": denial,
        "status": "PARTIALLY_OVERTURNED",
        "appealInstance": 2,
        "appealDeadline": deadline,
        "inDisputeAmount": "0.00",
        "wonAmount": "20.00",
        "lostAmount": "20.00",
        "appeal": {"appealedAmount": "25.00", "answeredAmount": "20.00"},
        "earlierAppeals": [FIRST],
    }
    assert (await _denial(world, other))["appealInstance"] == 1
    assert (await books(world))[-1] == "0.00"


async def test_the_second_answer_is_the_last(world: World) -> None:
    await _contract(world, appealInstances=2)
    claim_id, (denial, _) = await appealed(world)
    assert (await _answer(world, {"answers": [{"denialId": denial, "acceptedAmount": "0"}]}))["appliedCount"] == 1
    replace = {"claimId": claim_id, "providerClaimNumber": f"R{key()[:12]}", "idempotencyKey": key()}
    assert refusals(await world.mutate("biller", "replaceClaim", "claim { id }", **replace))[0][0] == "CONFLICT"
    assert (await _appeal(world, denial))["errors"] == []
    assert (await _answer(world, {"answers": [{"denialId": denial, "acceptedAmount": "0"}]}))["appliedCount"] == 1
    found = await _denial(world, denial)
    assert (found["status"], found["appealInstance"], found["lostAmount"]) == ("UPHELD", 2, "40.00")
    assert refusals(await _appeal(world, denial)) == [("APPEAL_EXISTS", "denialId", "2904")]
    shown = "history(first: 20) { nodes { ... on DenialStep { denialAction denialStatus } } }"
    history = f"query($id: ID!) {{ claim(id: $id) {{ {shown} }} }}"
    steps = (await world.call("biller", history, id=claim_id))["claim"]["history"]["nodes"]
    assert [(each["denialAction"], each["denialStatus"]) for each in steps if each][-3:] == [
        ("UPHOLD_FIRST", "OPEN"),
        ("APPEAL", "APPEALED"),
        ("UPHOLD", "UPHELD"),
    ]
    assert (await world.events(claim_id)).count("AppealAnswered") == 2


async def test_an_answer_of_a_document_counts_from_its_day(world: World) -> None:
    """Not from the future, whatever the document says, nor from before the appeal."""
    await _contract(world, appealInstances=2)
    await appealed(world)
    batch = await _sent_batch(world)
    claim = await _number(world, batch)
    days = {"1801": date(2026, 1, 1), "1705": today() + timedelta(days=90)}
    for sequence, (code, day) in enumerate(days.items(), start=1):
        raw = document(world.payer, 1, [Answer(claim, code, "0.00", sequence)], day=day.isoformat())
        payload = await _answer(world, _xml(raw))
        found = await _denial(world, payload["results"][0]["id"], "appealDeadline")
        assert found == {"appealDeadline": (today() + timedelta(days=15)).isoformat()}


async def test_a_contract_with_one_instance_ends_with_the_answer(world: World) -> None:
    _, (denial, _) = await appealed(world)
    assert (await _answer(world, {"answers": [{"denialId": denial, "acceptedAmount": "0"}]}))["appliedCount"] == 1
    found = await _denial(world, denial)
    assert (found["status"], found["appealInstance"], found["earlierAppeals"]) == ("UPHELD", 1, [])
