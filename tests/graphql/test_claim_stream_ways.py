"""The stream of claims in every combination: each transport, filter, cursor, scope and role."""

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import select

from app.auth.roles import ROLES
from app.db.tables import outbox
from tests.factories import World, add_card, key, new_world
from tests.gateway import Gateway
from tests.streams import TRANSPORTS, Listener, Told, asked, listening, no_listener, told_all

WATCH = """subscription WatchClaims($filter: ClaimStatusChangedFilterInput, $after: String) {
  claimStatusChanged(filter: $filter, after: $after) { cursor previousStatus status occurredAt claim { id } } }"""
SENSITIVE = (
    "id claimedAmount cardNumber clinicalIndication patient { name cpf } items { code totalAmount } invoice { id }"
)
TIMES = {"DRAFT": "createdAt", "SUBMITTED": "submittedAt"} | dict.fromkeys(
    ("APPROVED", "PARTIALLY_APPROVED", "DENIED"), "decidedAt"
)
# Which of the sensitive fields a role may not see; the others of them it does.
REFUSED = {
    "billing_reader": ["cardNumber", "clinicalIndication", "items", "patient"],
    "biller": ["clinicalIndication"],
    "reviewer": [],
    "finance": ["clinicalIndication", "items"],
    "front_desk": ["claimedAmount", "clinicalIndication", "items"],
    "payer_agent": [],
    "patient": ["invoice"],
}
LIVES = {
    "approved": ["DRAFT", "SUBMITTED", "UNDER_REVIEW", "APPROVED"],
    "cut": ["DRAFT", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION", "UNDER_REVIEW", "PARTIALLY_APPROVED"],
    "denied": ["DRAFT", "SUBMITTED", "UNDER_REVIEW", "DENIED"],
    "cancelled": ["DRAFT", "CANCELLED"],
}
DECISIONS: dict[str, dict[str, Any]] = {
    "approved": {"approvedAmount": "100.00"},
    "cut": {"approvedAmount": "60.00", "denials": [{"code": "1705", "amount": "40.00"}]},
    "denied": {"approvedAmount": "0.00", "denials": [{"code": "1705", "amount": "100.00"}]},
}


async def _live(world: World, life: str, **changes: Any) -> str:
    """A claim from its draft, changed once, to the end of this life."""
    claim = (await world.create_claim(**changes))["claim"]
    identifier: str = claim["id"]
    await world.mutate("biller", "updateDraftClaim", "claim { id }", id=identifier, clinicalIndication="dor")
    if life == "cancelled":
        await world.mutate("biller", "cancelClaim", "claim { id }", id=identifier)
        return identifier
    submit = {"claimIds": [identifier], "idempotencyKey": key()}
    await world.mutate("biller", "submitClaims", "results { object { id } }", **submit)
    await world.mutate("reviewer", "startReview", "claim { id }", id=identifier)
    if life == "cut":
        await world.mutate("reviewer", "requestInformation", "claim { id }", id=identifier, reason="laudo")
        await world.mutate("reviewer", "resumeReview", "claim { id }", claimId=identifier)
    assert (await world.adjudicate(identifier, [{"sequence": 1, **DECISIONS[life]}]))["errors"] == []
    return identifier


async def _log(gateway: Gateway, claim: str) -> list[tuple[str, str]]:
    """Name and cursor of everything that the event log holds of the claim."""
    await told_all(gateway)
    async with gateway.database.reading() as connection:
        query = select(outbox.c.name, outbox.c.position).where(outbox.c.aggregate_id == claim)
        rows = (await connection.execute(query.order_by(outbox.c.position))).all()
    return [(row.name, await gateway.stream_cursor(row.position)) for row in rows]


async def _times(world: World, claim: str) -> dict[str, Any]:
    query = "query($id: ID!) { claim(id: $id) { createdAt submittedAt decidedAt } }"
    found: dict[str, Any] = (await world.call("biller", query, id=claim))["claim"]
    return found


async def _statuses(listener: Listener, count: int) -> list[tuple[str, str]]:
    return [(event["claim"]["id"], event["status"]) for event in await listener.events(count)]


async def _silent(listeners: list[Listener], seconds: float = 0.4) -> list[bool]:
    return list(await asyncio.gather(*[listener.is_silent(seconds) for listener in listeners]))


async def test_every_state_is_told_with_its_place_its_time_and_the_claim(world: World) -> None:
    gateway, token = world.gateway, world.token("biller")
    await told_all(gateway)
    async with listening(gateway, token, WATCH) as socket, listening(gateway, token, WATCH, over="events") as events:
        for life, statuses in LIVES.items():
            claim = await _live(world, life)
            heard = await socket.events(len(statuses))
            assert await events.events(len(statuses)) == heard
            log = await _log(gateway, claim)
            assert [name for name, _ in log].count("ClaimUpdated") == 1
            places = [cursor for name, cursor in log if name != "ClaimUpdated"]
            changes = zip(places, [None, *statuses[:-1]], statuses, strict=True)
            assert [{**event, "occurredAt": None} for event in heard] == [
                {"cursor": place, "previousStatus": old, "status": new, "occurredAt": None, "claim": {"id": claim}}
                for place, old, new in changes
            ]
            times = await _times(world, claim)
            at = {event["status"]: event["occurredAt"] for event in heard if event["status"] in TIMES}
            assert at == {status: times[TIMES[status]] for status in at}
        assert await _silent([socket, events]) == [True, True]


async def test_whoever_goes_on_behind_any_cursor_hears_exactly_the_rest(world: World) -> None:
    """With and without a filter, over both transports, and what happens after the replay too."""
    gateway, token = world.gateway, world.token("biller")
    claim = await _live(world, "cut")
    log = [cursor for name, cursor in await _log(gateway, claim) if name != "ClaimUpdated"]
    told = list(zip(log, LIVES["cut"], strict=True))
    wanted = ["UNDER_REVIEW", "DRAFT"]
    async with contextlib.AsyncExitStack() as stack:
        listeners, expected = [], []
        for index, after in enumerate([await gateway.stream_cursor(0), *log]):
            for over in TRANSPORTS:
                whole = listening(gateway, token, WATCH, over=over, after=after)
                part = listening(gateway, token, WATCH, over=over, after=after, filter={"status": wanted})
                listeners += [await stack.enter_async_context(each) for each in (whole, part)]
                expected += [told[index:], [each for each in told[index:] if each[1] in wanted]]
        later = (await world.submitted_claim())["id"]
        news = [
            (cursor, name.removeprefix("Claim").replace("Created", "Draft").upper())
            for name, cursor in await _log(gateway, later)
        ]
        assert [status for _, status in news] == ["DRAFT", "SUBMITTED"]
        expected = [each + (news[:1] if index % 2 else news) for index, each in enumerate(expected)]
        found = [await each.events(len(rest)) for each, rest in zip(listeners, expected, strict=True)]
        assert [[(event["cursor"], event["status"]) for event in each] for each in found] == expected
        assert await _silent(listeners) == [True] * 28


async def test_a_replay_that_meets_the_live_events_has_no_gap_and_no_repeat(world: World) -> None:
    gateway, token = world.gateway, world.token("biller")
    first = (await world.create_claim())["claim"]["id"]
    (_, after), *_ = await _log(gateway, first)
    body = {"query": WATCH, "variables": {"after": after}}
    expected: list[tuple[str, str]] = []
    async with contextlib.AsyncExitStack() as stack:
        listeners = []
        for number in range(8):
            expected.append(((await world.create_claim())["claim"]["id"], "DRAFT"))
            # Nobody waits until the hub has told the claim, nor until the subscription has joined the hub.
            listeners.append(await stack.enter_async_context(asked(gateway, token, body, TRANSPORTS[number % 2])))
            expected.append(((await world.create_claim())["claim"]["id"], "DRAFT"))
        starts = [(await each.payload())["data"]["claimStatusChanged"]["cursor"] for each in listeners]
        assert starts == [after] * 8
        assert [await _statuses(each, 16) for each in listeners] == [expected] * 8
        assert await _silent(listeners) == [True] * 8


OWN = [
    *("payerAnsCode", "providerCnes", "claimId", "status", "payerAnsCode providerCnes", "payerAnsCode status"),
    *("providerCnes claimId", "claimId status"),
]
FILTERS = [
    *[dict.fromkeys(parts.split(), "own") for parts in OWN],
    {"payerAnsCode": "own", "providerCnes": "own", "claimId": "own", "status": "own"},
    {"payerAnsCode": "own", "providerCnes": "other"},
    {"payerAnsCode": "other", "claimId": "own"},
    {"providerCnes": "other", "status": "own"},
    {"claimId": "own", "status": "other"},
    {"claimId": "other", "providerCnes": "own"},
]


async def test_all_parts_of_a_filter_must_hold_live_and_replayed(world: World) -> None:
    gateway, other = world.gateway, await new_world(world.gateway)
    claim, stranger = await world.submitted_claim(), await other.submitted_claim()
    after = (await _log(gateway, claim["id"]))[-1][1]
    values: dict[str, dict[str, Any]] = {
        "payerAnsCode": {"own": world.payer, "other": other.payer},
        "providerCnes": {"own": world.provider, "other": other.provider},
        "claimId": {"own": claim["id"], "other": stranger["id"]},
        "status": {"own": ["UNDER_REVIEW"], "other": ["APPROVED", "DENIED"]},
    }
    wanted = [{part: values[part][whose] for part, whose in parts.items()} for parts in FILTERS]
    heard = [[(claim["id"], "UNDER_REVIEW")] if set(parts.values()) == {"own"} else [] for parts in FILTERS]
    token = gateway.token("reviewer")
    await told_all(gateway)
    async with contextlib.AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(gateway, token, WATCH, filter=each)) for each in wanted]
        await other.mutate("biller", "cancelClaim", "claim { id }", id=stranger["id"])
        await world.mutate("reviewer", "startReview", "claim { id }", id=claim["id"])
        for each in wanted:
            replay = listening(gateway, token, WATCH, over="events", filter=each, after=after)
            listeners.append(await stack.enter_async_context(replay))
        expected = [*heard, *heard]
        told = [await _statuses(each, len(rest)) for each, rest in zip(listeners, expected, strict=True)]
        assert told == expected
        assert await _silent(listeners) == [True] * len(listeners)


async def test_no_filter_opens_what_the_token_does_not(world: World) -> None:
    gateway, other = world.gateway, await new_world(world.gateway)
    stranger = await other.submitted_claim()
    wanted = [{"payerAnsCode": other.payer}, {"providerCnes": other.provider}, {"claimId": stranger["id"]}]
    await told_all(gateway)
    async with contextlib.AsyncExitStack() as stack:
        listeners = []
        for role in ("biller", "payer_agent", "patient"):
            for part in wanted:
                for variables in ({"filter": part}, {"filter": part, "after": await gateway.stream_cursor(0)}):
                    asking = listening(gateway, world.token(role), WATCH, **variables)
                    listeners.append(await stack.enter_async_context(asking))
        everybody = await stack.enter_async_context(listening(gateway, gateway.token("reviewer"), WATCH))
        await other.mutate("reviewer", "startReview", "claim { id }", id=stranger["id"])
        created = (await other.create_claim())["claim"]["id"]
        assert await _statuses(everybody, 2) == [(stranger["id"], "UNDER_REVIEW"), (created, "DRAFT")]
        assert await _silent(listeners) == [True] * 18


async def test_of_one_clinic_a_payer_hears_its_own_and_a_patient_their_own(world: World) -> None:
    """Claims of the same provider: the other payer's and the other patient's are told to the clinic alone."""
    gateway, other = world.gateway, await new_world(world.gateway)
    neighbour = await add_card(world)
    await told_all(gateway)
    log = await gateway.stream_cursor(gateway.parts.hub.last_position or 0)
    roles = ("patient", "payer_agent", "biller")
    parties: list[dict[str, Any]] = [{"payer": other.payer, "cardNumber": other.card}, {"cardNumber": neighbour}, {}]
    async with contextlib.AsyncExitStack() as stack:

        async def listened(**variables: Any) -> list[Listener]:
            ways = [(role, over) for role in roles for over in TRANSPORTS]
            asked_for = [listening(gateway, world.token(role), WATCH, over=over, **variables) for role, over in ways]
            return [await stack.enter_async_context(each) for each in asked_for]

        live = await listened()
        claims = [((await world.create_claim(**party))["claim"]["id"], "DRAFT") for party in parties]
        listeners = [*live, *await listened(after=log)]
        expected = [claims[2:], claims[2:], claims[1:], claims[1:], claims, claims] * 2
        assert [await _statuses(each, len(rest)) for each, rest in zip(listeners, expected, strict=True)] == expected
        assert await _silent(listeners) == [True] * 12


async def test_each_role_sees_of_the_claim_what_it_sees_in_queries(world: World) -> None:
    """Values and refusals, with their messages, extensions and paths."""
    gateway = world.gateway
    query = f"subscription {{ claimStatusChanged {{ claim {{ {SENSITIVE} }} }} }}"
    asking = f"query($id: ID!) {{ claim(id: $id) {{ {SENSITIVE} }} }}"
    ways = [(role, over) for role, may in ROLES.items() if "claims:read" in may for over in TRANSPORTS]
    await told_all(gateway)
    async with contextlib.AsyncExitStack() as stack:
        streams = [listening(gateway, world.token(role), query, over=over) for role, over in ways]
        listeners = [await stack.enter_async_context(each) for each in streams]
        claim = (await world.create_claim(clinicalIndication="dor"))["claim"]["id"]
        told = [await listener.payload() for listener in listeners]
    for (role, _), payload in zip(ways, told, strict=True):
        answer = (await gateway.gql(asking, {"id": claim}, token=world.token(role))).body
        assert payload["data"] == {"claimStatusChanged": {"claim": answer["data"]["claim"]}}
        assert _refusals(payload, 2) == _refusals(answer, 1)
        refused = [(field, "FORBIDDEN") for field in REFUSED[role]]
        assert sorted((error["path"], error["extensions"]["code"]) for error in payload.get("errors", [])) == [
            (["claimStatusChanged", "claim", field], code) for field, code in refused
        ]


def _refusals(answer: dict[str, Any], depth: int) -> list[tuple[str, Any, Any]]:
    """Message, extensions and path below the claim of every error."""
    errors = answer.get("errors", [])
    return [(error["message"], error["extensions"], error["path"][depth:]) for error in errors]


@pytest.mark.parametrize("over", TRANSPORTS)
async def test_a_role_that_reads_no_claims_hears_the_refusal_only(world: World, over: str) -> None:
    gateway = world.gateway
    before = await no_listener(gateway)
    async with asked(gateway, gateway.token("admin"), {"query": WATCH}, over) as listener:
        end = await listener.next()
        rest = [] if over == "socket" else [await listener.next()]
        await world.create_claim()
        assert await listener.is_silent()
    errors = end.payload if over == "socket" else end.payload["errors"]
    assert end.kind == ("error" if over == "socket" else "next")
    assert [(error["extensions"]["code"], error["path"]) for error in errors] == [("FORBIDDEN", ["claimStatusChanged"])]
    assert rest == ([] if over == "socket" else [Told("complete")])
    assert gateway.parts.hub.subscribers == before


async def test_a_draft_that_is_handed_to_another_patient_breaks_nobodys_stream(world: World) -> None:
    """The first patient's log names a claim that is not theirs any more."""
    gateway, neighbour = world.gateway, await add_card(world)
    claim = (await world.create_claim())["claim"]["id"]
    changed = {"id": claim, "cardNumber": neighbour}
    assert (await world.mutate("biller", "updateDraftClaim", "claim { id }", **changed))["errors"] == []
    own = (await world.create_claim())["claim"]["id"]
    await told_all(gateway)
    async with listening(gateway, world.token("patient"), WATCH, after=await gateway.stream_cursor(0)) as listener:
        assert await _statuses(listener, 1) == [(own, "DRAFT")]
        assert await listener.is_silent()
