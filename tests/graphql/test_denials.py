"""Denials (glosas) and the appeals against them: states, money to the cent, deadlines, and who may do what."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import denials
from app.domain.calendar import BRASILIA
from app.domain.denials import DenialStatus
from tests.factories import World, key, new_world, refusals, today
from tests.gateway import Gateway

DENIAL = "id code status amount inDisputeAmount wonAmount lostAmount appealDeadline createdAt"
APPEAL = "appeal { appealedAt answeredAt appealedAmount answeredAmount }"
TEXTS = "appeal { appealedAmount answeredAmount justification payerJustification }"
CODES = ("1801", "1802", "1705", "1801")
DECIDED = ["ClaimCreated", "ClaimSubmitted", "ClaimReviewStarted", "ClaimPartiallyApproved"]
OPERATIONS = ["ACCEPT", "APPEAL", "WITHDRAW_APPEAL", "ANSWER_APPEAL", "ATTACH"]
UNKNOWN = "gls_00000000000000000000000000"


async def _denied(world: World, *amounts: str) -> tuple[str, list[str]]:
    """A claim of 100.00 whose only item has these denials: its id and theirs."""
    claim_id = (await world.claim_in_review())["id"]
    denials = [{"code": code, "amount": amount} for code, amount in zip(CODES, amounts, strict=False)]
    approved = Decimal("100.00") - sum(Decimal(amount) for amount in amounts)
    decision = {"sequence": 1, "approvedAmount": f"{approved:.2f}", "denials": denials}
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    return claim_id, [each["id"] for each in await _read(world, claim_id)]


async def _read(world: World, claim_id: str, fields: str = f"{DENIAL} {APPEAL}", role: str = "reviewer") -> Any:
    """The denials of the claim's first item."""
    query = f"query($id: ID!) {{ claim(id: $id) {{ items {{ denials {{ {fields} }} }} }} }}"
    return (await world.call(role, query, id=claim_id))["claim"]["items"][0]["denials"]


async def _accept(world: World, denial_id: str, **values: Any) -> Any:
    values = {"id": denial_id, "idempotencyKey": key(), **values}
    return await world.mutate("biller", "acceptDenial", f"denial {{ {DENIAL} {APPEAL} }}", **values)


async def _appeal(world: World, denial_id: str, amount: str | None = None, **values: Any) -> Any:
    values = {"id": denial_id, "justification": "conforme contrato", "idempotencyKey": key(), **values}
    return await world.mutate("biller", "appealDenial", f"denial {{ {DENIAL} {APPEAL} }}", amount=amount, **values)


async def _answer(world: World, *answers: tuple[str, str], **values: Any) -> Any:
    return await world.answer_appeals(f"{DENIAL} {APPEAL}", *answers, **values)


async def _move_deadlines(world: World, day: date, ids: Sequence[str]) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(denials).where(denials.c.id.in_(ids)).values(appeal_deadline=day))

    await world.gateway.database.transact(work)


async def _denial_in(world: World, status: DenialStatus) -> tuple[str, str]:
    """A claim with one denial of 40.00 in this state: the ids of both."""
    claim_id, (denial_id,) = await _denied(world, "40.00")
    if status is DenialStatus.ACCEPTED:
        await _accept(world, denial_id)
    elif status is DenialStatus.EXPIRED:
        await _sweep(world, today() + timedelta(days=31))
    elif status is not DenialStatus.OPEN:
        await _appeal(world, denial_id)
    accepted = {"OVERTURNED": "40.00", "PARTIALLY_OVERTURNED": "15.01", "UPHELD": "0"}.get(status)
    if accepted is not None:
        await _answer(world, (denial_id, accepted))
    assert [each["status"] for each in await _read(world, claim_id)] == [status]
    return claim_id, denial_id


async def _sweep(world: World, day: date, hour: int = 12, minute: int = 0) -> int:
    """Let the sweep run as if it were this moment in Brasília."""
    moment = datetime.combine(day, time(hour, minute), BRASILIA).astimezone(UTC)
    return await world.gateway.expire_denials(moment)


async def _all(world: World, claim_id: str) -> Any:
    """What a refused call must leave alone."""
    return await _read(world, claim_id), await world.events(claim_id)


def _money(denial: Any) -> tuple[str, str, str, str]:
    """The state, and what is in dispute, won and lost."""
    return denial["status"], denial["inDisputeAmount"], denial["wonAmount"], denial["lostAmount"]


async def test_an_item_carries_several_denials_even_of_one_code(world: World) -> None:
    deadline = today() + timedelta(days=30)
    claim_id, ids = await _denied(world, "40.00", "25.49", "0.01", "4.50")
    found = await _read(world, claim_id, f"{DENIAL} description item {{ sequence }} claim {{ id }} {APPEAL}")
    wanted = zip(CODES, ("40.00", "25.49", "0.01", "4.50"), strict=True)
    assert [(each["code"], each["amount"]) for each in found] == list(wanted)
    for each in found:
        assert _money(each) == ("OPEN", each["amount"], "0.00", "0.00")
        assert (each["item"], each["claim"], each["appeal"]) == ({"sequence": 1}, {"id": claim_id}, None)
        assert (each["appealDeadline"], each["description"] is None) == (deadline.isoformat(), False)
    kept = await world.claim(claim_id)
    assert (kept["approvedAmount"], kept["deniedAmount"], kept["items"][0]["deniedAmount"]) == ("30.00", *["70.00"] * 2)
    assert [each["id"] for each in found] == sorted(set(ids))


class TestAcceptDenial:
    async def test_loses_this_denial_and_leaves_the_others(self, world: World) -> None:
        claim_id, (first, second) = await _denied(world, "40.00", "10.50")
        payload = await _accept(world, first)
        assert (payload["errors"], payload["replayed"], payload["denial"]["id"]) == ([], False, first)
        found = await _read(world, claim_id)
        assert found[0] == payload["denial"]
        assert _money(found[0]) == ("ACCEPTED", "0.00", "0.00", "40.00")
        assert _money(found[1]) == ("OPEN", "10.50", "0.00", "0.00")
        assert (found[0]["appeal"], found[1]["id"]) == (None, second)
        assert await world.events(claim_id) == [*DECIDED, "DenialAccepted"]

    @pytest.mark.parametrize("status", sorted(set(DenialStatus) - {DenialStatus.OPEN}))
    async def test_refuses_a_denial_that_is_not_open(self, world: World, status: DenialStatus) -> None:
        claim_id, denial_id = await _denial_in(world, status)
        before = await _all(world, claim_id)
        assert refusals(await _accept(world, denial_id)) == [("CONFLICT", "denialId", None)]
        assert await _all(world, claim_id) == before


class TestAppealDenial:
    @pytest.mark.parametrize(
        ("amount", "money"),
        [
            (None, ("APPEALED", "40.00", "0.00", "0.00")),
            ("40.00", ("APPEALED", "40.00", "0.00", "0.00")),
            ("15.01", ("APPEALED", "15.01", "0.00", "24.99")),
            ("0.01", ("APPEALED", "0.01", "0.00", "39.99")),
        ],
    )
    async def test_disputes_what_is_appealed_and_gives_up_the_rest(
        self, world: World, amount: str | None, money: tuple[str, str, str, str]
    ) -> None:
        claim_id, (denial_id,) = await _denied(world, "40.00")
        payload = await _appeal(world, denial_id, amount)
        (found,) = await _read(world, claim_id)
        assert (payload["errors"], payload["denial"]) == ([], found)
        assert (_money(found), found["amount"]) == (money, "40.00")
        appeal = found["appeal"]
        assert appeal.pop("appealedAt") is not None
        assert appeal == {"answeredAt": None, "appealedAmount": money[1], "answeredAmount": None}
        assert await world.events(claim_id) == [*DECIDED, "DenialAppealed"]

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"amount": "40.01"}, ("INVALID_AMOUNT", "amount", None)),
            ({"amount": "0"}, ("INVALID_AMOUNT", "amount", "5040")),
            ({"amount": "-1.00"}, ("INVALID_AMOUNT", "amount", None)),
            ({"justification": " "}, ("INVALID_INPUT", "justification", None)),
            ({"justification": "x" * 501}, ("INVALID_INPUT", "justification", None)),
            ({"id": UNKNOWN}, ("NOT_FOUND", "denialId", None)),
        ],
        ids=["above the denial", "zero", "negative", "no words", "too many words", "unknown denial"],
    )
    async def test_malformed_input_appeals_nothing(
        self, world: World, change: dict[str, Any], refusal: tuple[str, str, str | None]
    ) -> None:
        claim_id, (denial_id,) = await _denied(world, "40.00")
        before = await _all(world, claim_id)
        payload = await _appeal(world, denial_id, **change)
        assert (payload["denial"], refusals(payload)) == (None, [refusal])
        assert await _all(world, claim_id) == before

    @pytest.mark.parametrize("status", sorted(set(DenialStatus) - {DenialStatus.OPEN}))
    async def test_there_is_one_appeal_and_none_of_what_is_lost(self, world: World, status: DenialStatus) -> None:
        claim_id, denial_id = await _denial_in(world, status)
        before = await _all(world, claim_id)
        refusal = {"ACCEPTED": ("CONFLICT", "denialId", None), "EXPIRED": ("APPEAL_TOO_LATE", "denialId", "2909")}
        expected = refusal.get(status, ("APPEAL_EXISTS", "denialId", "2904"))
        assert refusals(await _appeal(world, denial_id, "0.01")) == [expected]
        assert await _all(world, claim_id) == before

    async def test_the_last_day_is_in_time_and_the_next_is_too_late(self, world: World) -> None:
        claim_id, (late, last) = await _denied(world, "40.00", "10.00")
        await _move_deadlines(world, today() - timedelta(days=1), [late])
        await _move_deadlines(world, today(), [last])
        assert refusals(await _appeal(world, late)) == [("APPEAL_TOO_LATE", "denialId", "2909")]
        assert (await _read(world, claim_id))[0]["appeal"] is None
        assert "DenialAppealed" not in await world.events(claim_id)
        assert (await _appeal(world, last))["denial"]["status"] == "APPEALED"


class TestAnswerAppeal:
    @pytest.mark.parametrize(
        ("appealed", "accepted", "money"),
        [
            ("40.00", "40.00", ("OVERTURNED", "0.00", "40.00", "0.00")),
            ("40.00", "15.01", ("PARTIALLY_OVERTURNED", "0.00", "15.01", "24.99")),
            ("40.00", "0", ("UPHELD", "0.00", "0.00", "40.00")),
            ("15.01", "15.01", ("PARTIALLY_OVERTURNED", "0.00", "15.01", "24.99")),
            ("15.01", "0.01", ("PARTIALLY_OVERTURNED", "0.00", "0.01", "39.99")),
            ("15.01", "0.00", ("UPHELD", "0.00", "0.00", "40.00")),
        ],
    )
    async def test_wins_what_is_accepted_and_loses_the_rest(
        self, world: World, appealed: str, accepted: str, money: tuple[str, str, str, str]
    ) -> None:
        claim_id, (denial_id,) = await _denied(world, "40.00")
        await _appeal(world, denial_id, appealed)
        given = [{"denialId": denial_id, "acceptedAmount": accepted, "justification": "revisto"}]
        payload = await _answer(world, answers=given)
        found = await _read(world, claim_id)
        assert (payload["errors"], payload["replayed"], payload["denials"]) == ([], False, found)
        assert (_money(found[0]), found[0]["appeal"]["answeredAt"] is not None) == (money, True)
        (texts,) = await _read(world, claim_id, TEXTS)
        assert texts["appeal"] == {
            "appealedAmount": appealed,
            "answeredAmount": money[2],
            "justification": "conforme contrato",
            "payerJustification": "revisto",
        }
        assert await world.events(claim_id) == [*DECIDED, "DenialAppealed", "AppealAnswered"]
        assert (await world.claim(claim_id))["approvedAmount"] == "60.00"

    async def test_answers_denials_of_several_claims_each_for_itself(self, world: World) -> None:
        (one, (first, second)), (two, (third,)) = await _denied(world, "40.00", "10.00"), await _denied(world, "7.77")
        for denial_id in (first, second, third):
            await _appeal(world, denial_id)
        payload = await _answer(world, (third, "7.77"), (first, "0"), (second, "0.01"))
        assert [each["id"] for each in payload["denials"]] == [third, first, second]
        assert [each["status"] for each in payload["denials"]] == ["OVERTURNED", "UPHELD", "PARTIALLY_OVERTURNED"]
        assert (await world.events(one)).count("AppealAnswered") == 2
        assert (await world.events(two)).count("AppealAnswered") == 1

    @pytest.mark.parametrize("accepted", ["15.02", "40.00"])
    async def test_one_answer_above_what_was_appealed_refuses_all_of_them(self, world: World, accepted: str) -> None:
        claim_id, (first, second) = await _denied(world, "10.00", "40.00")
        await _appeal(world, first)
        await _appeal(world, second, "15.01")
        before = await _all(world, claim_id)
        payload = await _answer(world, (first, "10.00"), (second, accepted))
        assert (payload["denials"], refusals(payload)) == ([], [("INVALID_AMOUNT", "answers.1.acceptedAmount", None)])
        assert await _all(world, claim_id) == before

    @pytest.mark.parametrize("status", sorted(set(DenialStatus) - {DenialStatus.APPEALED}))
    async def test_what_has_no_unanswered_appeal_refuses_all_of_them(self, world: World, status: DenialStatus) -> None:
        claim_id, denial_id = await _denial_in(world, status)
        appealed, other = await _denial_in(world, DenialStatus.APPEALED)
        before = await _all(world, claim_id), await _all(world, appealed)
        payload = await _answer(world, (other, "40.00"), (denial_id, "99.00"))
        assert (payload["denials"], refusals(payload)[0][0]) == ([], "CONFLICT")
        assert (await _all(world, claim_id), await _all(world, appealed)) == before

    async def test_a_refusal_names_the_denial_by_its_place_in_the_input(self, world: World) -> None:
        _, denial_id = await _denial_in(world, DenialStatus.OPEN)
        refused = [await _answer(world, (one, "0")) for one in (denial_id, UNKNOWN)]
        places = [(code, "answers.0.denialId", None) for code in ("CONFLICT", "NOT_FOUND")]
        assert [refusals(payload) for payload in refused] == [[place] for place in places]

    async def test_malformed_answers_are_refused(self, world: World) -> None:
        claim_id, denial_id = await _denial_in(world, DenialStatus.APPEALED)
        before = await _all(world, claim_id)
        for answers in ([], [(denial_id, "1.00"), (denial_id, "2.00")], [(denial_id, "1.00")] * 101):
            assert refusals(await _answer(world, *answers)) == [("INVALID_INPUT", "answers", None)]
        assert refusals(await _answer(world, (UNKNOWN, "1.00")))[0][0] == "NOT_FOUND"
        empty = [{"denialId": denial_id, "acceptedAmount": "1.00", "justification": ""}]
        assert refusals(await _answer(world, answers=empty)) == [("INVALID_INPUT", "answers.0.justification", None)]
        assert await _all(world, claim_id) == before


class TestWhoMayDoIt:
    async def test_roles_of_the_other_side_are_forbidden(self, world: World) -> None:
        claim_id, denial_id = await _denial_in(world, DenialStatus.APPEALED)
        before = await _all(world, claim_id)
        answer = f'denialId: "{denial_id}", acceptedAmount: "1.00"'
        for mutation, given, roles in (
            ("acceptDenial", f'denialId: "{denial_id}"', ("reviewer", "payer_agent", "finance")),
            ("appealDenial", f'denialId: "{denial_id}", justification: "x"', ("reviewer", "payer_agent", "finance")),
            ("answerAppeal", answer, ("reviewer", "biller", "finance", "patient")),
        ):
            query = f'mutation {{ {mutation}(input: {{ {given}, idempotencyKey: "{key()}" }}) {{ replayed }} }}'
            codes = [(await world.gateway.gql(query, token=world.token(role))).codes for role in roles]
            assert codes == [["FORBIDDEN"]] * len(roles)
        assert await _all(world, claim_id) == before

    async def test_strangers_do_not_find_the_denial(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        open_claim, open_denial = await _denial_in(world, DenialStatus.OPEN)
        claim_id, denial_id = await _denial_in(world, DenialStatus.APPEALED)
        before = await _all(world, open_claim), await _all(world, claim_id)
        assert refusals(await _accept(other, open_denial)) == [("NOT_FOUND", "denialId", None)]
        assert refusals(await _appeal(other, open_denial)) == [("NOT_FOUND", "denialId", None)]
        assert refusals(await _answer(other, (denial_id, "1.00")))[0][0] == "NOT_FOUND"
        assert (await _all(world, open_claim), await _all(world, claim_id)) == before


class TestListOfDenials:
    LIST = """query($filter: DenialFilterInput, $orderBy: DenialOrder, $first: Int! = 20,
      $after: String) { denials(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
      nodes { id } totalCount sums { aboutToBeLostAmount } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""

    async def _prepared(self, world: World) -> dict[str, str]:
        """Denials a to d by id: 40.00 and 0.01 are open, 10.50 is accepted, 7.77 is appealed; d is due first."""
        (_, (a, b)), (_, (c, d)) = await _denied(world, "40.00", "10.50"), await _denied(world, "7.77", "0.01")
        assert (await _accept(world, b))["errors"] == (await _appeal(world, c, "5.00"))["errors"] == []
        for days, ids in ((3, [a]), (2, [b, c]), (1, [d])):
            await _move_deadlines(world, today() + timedelta(days=days), ids)
        return {a: "a", b: "b", c: "c", d: "d"}

    async def test_is_filtered_counted_and_summed_up(self, world: World) -> None:
        names = await self._prepared(world)
        in_one, in_two = ((today() + timedelta(days=days)).isoformat() for days in (1, 2))
        for where, wanted, lost in (
            ({}, "dbca", "40.01"),
            ({"payerAnsCode": [world.payer], "providerCnes": [world.provider]}, "dbca", "40.01"),
            ({"status": ["OPEN"]}, "da", "40.01"),
            ({"status": ["ACCEPTED", "APPEALED"]}, "bc", "0.00"),
            ({"status": ["EXPIRED"]}, "", "0.00"),
            ({"appealDeadline": {"to": in_one}}, "d", "0.01"),
            ({"appealDeadline": {"to": in_two}, "payerAnsCode": [world.payer]}, "dbc", "0.01"),
            ({"appealDeadline": {"to": in_two}, "status": ["OPEN", "APPEALED"]}, "dc", "0.01"),
            ({"code": ["1801"]}, "ca", "40.00"),
        ):
            found = (await world.call("biller", self.LIST, filter=where))["denials"]
            assert "".join(names[node["id"]] for node in found["nodes"]) == wanted
            assert (found["totalCount"], found["sums"]["aboutToBeLostAmount"]) == (len(wanted), lost)

    async def test_of_one_payer_among_several(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        await _denied(world, "40.00")
        _, (foreign,) = await _denied(other, "7.77")
        token = gateway.token("biller", providers=[world.provider, other.provider])
        answers = [
            await gateway.gql(self.LIST, {"filter": where}, token=token)
            for where in ({}, {"payerAnsCode": [other.payer]})
        ]
        assert [answer.data["denials"]["sums"]["aboutToBeLostAmount"] for answer in answers] == ["47.77", "7.77"]
        assert answers[1].data["denials"]["nodes"] == [{"id": foreign}]
        assert (await gateway.gql(self.LIST, token=world.token("finance"))).codes == ["FORBIDDEN"]

    async def test_pages_follow_each_other_in_both_orders(self, world: World) -> None:
        names = await self._prepared(world)
        for order, wanted in ((None, "dbca"), ({"field": "AMOUNT", "direction": "DESC"}, "abcd")):
            seen, after = "", None
            for size, is_last in ((1, False), (2, False), (1, True)):
                given = {"orderBy": order, "first": size, "after": after}
                page = (await world.call("biller", self.LIST, **given))["denials"]
                info, after = page["pageInfo"], page["pageInfo"]["endCursor"]
                assert (info["hasNextPage"], info["hasPreviousPage"]) == (not is_last, bool(seen))
                assert (page["totalCount"], page["sums"]["aboutToBeLostAmount"]) == (4, "40.01")
                seen += "".join(names[node["id"]] for node in page["nodes"])
            assert seen == wanted


@pytest.mark.parametrize("status", sorted(DenialStatus))
async def test_available_actions_are_those_that_are_not_refused(world: World, status: DenialStatus) -> None:
    claim_id, _ = await _denial_in(world, status)
    free = {}
    for role in ("biller", "payer_agent", "reviewer"):
        (found,) = await _read(world, claim_id, "availableActions { action blockedBy { code message } }", role)
        assert [each["action"] for each in found["availableActions"]] == OPERATIONS
        free[role] = [each["action"] for each in found["availableActions"] if each["blockedBy"] is None]
    steps = {DenialStatus.OPEN: ["ACCEPT", "APPEAL"], DenialStatus.APPEALED: ["WITHDRAW_APPEAL", "ATTACH"]}
    of_biller = steps.get(status, [])
    of_payer = ["ANSWER_APPEAL"] if status is DenialStatus.APPEALED else []
    assert free == {"biller": of_biller, "payer_agent": of_payer, "reviewer": []}


async def test_an_open_denial_expires_once_on_the_day_after_its_deadline(world: World) -> None:
    claim_id, (_, appealed, later) = await _denied(world, "40.00", "10.00", "5.00")
    await _appeal(world, appealed)
    deadline = today() + timedelta(days=30)
    await _move_deadlines(world, deadline + timedelta(days=1), [later])
    before = await _all(world, claim_id)
    await _sweep(world, deadline, 23, 59)
    assert await _all(world, claim_id) == before
    assert await _sweep(world, deadline + timedelta(days=1), 0, 0) >= 1
    after = await _all(world, claim_id)
    assert _money(after[0][0]) == ("EXPIRED", "0.00", "0.00", "40.00")
    assert after[0][1:] == before[0][1:]
    assert after[1] == [*before[1], "DenialExpired"]
    assert await _sweep(world, deadline + timedelta(days=1), 23, 59) == 0
    assert await _all(world, claim_id) == after


@pytest.mark.parametrize("name", ["DenialAccepted", "DenialAppealed", "AppealAnswered"])
async def test_a_key_does_it_once_and_refuses_another_input(world: World, name: str) -> None:
    claim_id, ids = await _denied(world, "40.00", "10.00")
    same, again = key(), [ids[0], ids[0], ids[1]]
    if name == "AppealAnswered":
        assert [(await _appeal(world, each))["errors"] for each in ids] == [[], []]
        first, second, other = [await _answer(world, (each, "5.00"), idempotencyKey=same) for each in again]
    else:
        act = _accept if name == "DenialAccepted" else _appeal
        first, second, other = [await act(world, each, idempotencyKey=same) for each in again]
    assert (first["errors"], first["replayed"], second) == ([], False, {**first, "replayed": True})
    assert refusals(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey", None)]
    assert (await world.events(claim_id)).count(name) == 1
