"""Where billed money is: a story with every kind of amount, exact after every step, and the figures of the panel."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Table, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.tables import claims, denials, invoice_lines
from app.domain.actor import Door, operator
from app.services.denials import EXPIRE
from tests.factories import CONSULTATION, World, flat, key, new_world, today
from tests.gateway import Gateway

BOOKS = "billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"
FIGURES = (
    "initialDenialRate finalDenialRate meanDaysToPayment undecidedClaimCount undecidedAmount aboutToBeLostAmount "
    "processedAmount"
)
ARGUMENTS = "payerAnsCode: $payer, providerCnes: $provider, period: $period"
VARIABLES = "$payer: AnsCode, $provider: Cnes, $period: DateRangeInput"
NOTHING = ("0.00",) * 5


def _ago(days: int) -> str:
    return (today() - timedelta(days=days)).isoformat()


async def _ask(world: World, field_name: str, fields: str, token: str | None = None, **variables: Any) -> Any:
    query = f"query({VARIABLES}) {{ {field_name}({ARGUMENTS}) {{ {fields} }} }}"
    answer = await world.gateway.gql(query, variables, token=token or world.token("finance"))
    return answer.data[field_name]


async def _books(world: World, token: str | None = None, **variables: Any) -> tuple[str, ...]:
    """Billed, paid, in dispute, lost, awaiting; nothing may be unexplained."""
    found = await _ask(world, "reconciliation", BOOKS, token, **variables)
    assert found["unexplainedAmount"] == "0.00", found
    return tuple(found[name] for name in BOOKS.split()[:5])


async def _figures(world: World, **variables: Any) -> Any:
    return await _ask(world, "billingIndicators", FIGURES, **variables)


async def _losing(world: World, days: int) -> Any:
    query = f"{{ billingIndicators(expiringWithinDays: {days}) {{ aboutToBeLostAmount }} }}"
    return (await world.call("finance", query))["billingIndicators"]["aboutToBeLostAmount"]


async def _change(world: World, table: Table, row_id: str, **values: Any) -> None:
    """Turn the clock of a row back behind the API."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(table).where(table.c.id == row_id).values(**values))

    await world.gateway.database.transact(work)


async def _sent(world: World, claim_id: str, moment: datetime) -> None:
    await _change(world, claims, claim_id, submitted_at=moment)


def _item(amount: str) -> Any:
    return {**CONSULTATION, "unitPrice": amount}


async def _decided(world: World, total: str, approved: str, *denied: str) -> tuple[str, list[str]]:
    """A decided claim and its denials, in the given order."""
    claim_id = str((await world.claim_in_review(items=[_item(total)]))["id"])
    decision: dict[str, Any] = {"sequence": 1, "approvedAmount": approved}
    decision["denials"] = [{"code": "1801", "amount": amount} for amount in denied]
    assert (await world.adjudicate(claim_id, [decision]))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id amount } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]["items"][0]["denials"]
    assert [each["amount"] for each in found] == list(denied)
    return claim_id, [each["id"] for each in found]


async def _invoice(world: World, *claim_ids: str) -> str:
    """An issued invoice."""
    invoice_id = str((await world.create_invoice(list(claim_ids)))["invoice"]["id"])
    await _do(world, "finance", "issueInvoice", "invoice { id }", id=invoice_id)
    return invoice_id


async def _do(world: World, role: str, name: str, fields: str, **values: Any) -> Any:
    payload = await world.mutate(role, name, fields, **values)
    assert payload["errors"] == []
    return payload


async def _adjust(world: World, invoice_id: str, kind: str, amount: str) -> None:
    values = {"kind": kind, "amount": amount, "reason": "acerto", "idempotencyKey": key()}
    await _do(world, "finance", "adjustInvoice", "invoice { id }", id=invoice_id, **values)


async def _accept(world: World, denial_id: str) -> None:
    await _do(world, "biller", "acceptDenial", "denial { id }", id=denial_id, idempotencyKey=key())


async def _appeal(world: World, denial_id: str, amount: str | None = None) -> None:
    values = {"id": denial_id, "amount": amount, "justification": "conforme contrato", "idempotencyKey": key()}
    await _do(world, "biller", "appealDenial", "denial { id }", **values)


async def _answer(world: World, denial_id: str, accepted: str) -> None:
    values = {"acceptedAmount": accepted, "idempotencyKey": key()}
    await _do(world, "payer_agent", "answerAppeal", "denial { id }", id=denial_id, **values)


async def _expire(world: World, claim_id: str, denial_id: str) -> None:
    await _change(world, denials, denial_id, appeal_deadline=today() - timedelta(days=1))
    actor = operator("deadline", Door.SWEEP, request_id="test")
    assert (await world.gateway.parts.changes.run(EXPIRE, actor, {"claim_id": claim_id})).value == 1


@dataclass
class Story:
    """Every kind of amount, one after the other; each step is a method."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)

    async def a_draft(self) -> None:
        self.ids["draft"] = (await self.world.create_claim(items=[_item("100.00")]))["claim"]["id"]

    async def it_is_sent(self) -> None:
        await _do(self.world, "biller", "submitClaims", "results { id }", claimIds=[self.ids["draft"]])

    async def another_is_under_review(self) -> None:
        self.ids["reviewed"] = (await self.world.claim_in_review(items=[_item("50.00")]))["id"]

    async def information_is_missing(self) -> None:
        claim_id = self.ids["reviewed"]
        await _do(self.world, "reviewer", "requestInformation", "claim { id }", id=claim_id, reason="laudo")

    async def a_third_is_approved(self) -> None:
        self.ids["approved"] = (await self.world.approved_claim("80.00"))["id"]

    async def it_is_invoiced(self) -> None:
        self.ids["invoice"] = (await self.world.create_invoice([self.ids["approved"]]))["invoice"]["id"]

    async def a_draft_invoice_is_cancelled_and_made_again(self) -> None:
        await _do(self.world, "biller", "cancelInvoice", "invoice { id }", id=self.ids["invoice"])
        await self.it_is_invoiced()

    async def the_invoice_is_issued(self) -> None:
        await _do(self.world, "finance", "issueInvoice", "invoice { id }", id=self.ids["invoice"])

    async def a_part_is_paid(self) -> None:
        await self.world.settle(self.ids["invoice"], "30.00")

    async def the_rest_is_paid(self) -> None:
        self.ids["rest"] = (await self.world.settle(self.ids["invoice"]))["settlement"]["id"]

    async def some_of_it_is_reversed(self) -> None:
        await self.world.reverse(self.ids["rest"], "20.00")

    async def a_credit_is_given(self) -> None:
        await _adjust(self.world, self.ids["invoice"], "CREDIT", "10.00")

    async def a_debit_is_taken(self) -> None:
        await _adjust(self.world, self.ids["invoice"], "DEBIT", "12.00")

    async def a_claim_is_denied_for_five_reasons(self) -> None:
        claim_id, denials = await _decided(self.world, "200.00", "50.00", "10.00", "20.00", "30.00", "40.00", "50.00")
        names = ("accepted", "appealed", "upheld", "expired", "open")
        self.ids |= {"denied": claim_id, **dict(zip(names, denials, strict=True))}

    async def one_denial_is_accepted(self) -> None:
        await _accept(self.world, self.ids["accepted"])

    async def one_is_appealed_in_part(self) -> None:
        await _appeal(self.world, self.ids["appealed"], "15.00")

    async def one_is_appealed_whole(self) -> None:
        await _appeal(self.world, self.ids["upheld"])

    async def the_first_appeal_is_won_in_part(self) -> None:
        await _answer(self.world, self.ids["appealed"], "12.00")

    async def the_second_is_lost(self) -> None:
        await _answer(self.world, self.ids["upheld"], "0.00")

    async def one_denial_expires(self) -> None:
        await _expire(self.world, self.ids["denied"], self.ids["expired"])

    async def the_won_appeal_is_billed(self) -> None:
        self.ids["second"] = await _invoice(self.world, self.ids["denied"])

    async def the_won_appeal_is_paid(self) -> None:
        assert (await self.world.settle(self.ids["second"]))["settlement"]["amount"] == "62.00"

    async def the_sent_claim_is_cancelled(self) -> None:
        await _do(self.world, "biller", "cancelClaim", "claim { id }", id=self.ids["draft"])

    async def a_claim_is_denied_whole(self) -> None:
        self.ids["wrong"], _ = await _decided(self.world, "90.00", "0.00", "90.00")

    async def a_draft_replaces_it(self) -> None:
        values: dict[str, Any] = {"providerClaimNumber": f"R{key()[:12]}", "items": [_item("85.00")]}
        values |= {"id": self.ids["wrong"], "idempotencyKey": key()}
        found = await _do(self.world, "biller", "replaceClaim", "claim { id }", **values)
        self.ids["right"] = found["claim"]["id"]

    async def the_replacement_is_sent(self) -> None:
        await _do(self.world, "biller", "submitClaims", "results { id }", claimIds=[self.ids["right"]])

    async def the_replacement_is_cancelled(self) -> None:
        await _do(self.world, "biller", "cancelClaim", "claim { id }", id=self.ids["right"])


STEPS = {
    "a_draft": NOTHING,
    "it_is_sent": ("100.00", "0.00", "0.00", "0.00", "100.00"),
    "another_is_under_review": ("150.00", "0.00", "0.00", "0.00", "150.00"),
    "information_is_missing": ("150.00", "0.00", "0.00", "0.00", "150.00"),
    "a_third_is_approved": ("230.00", "0.00", "0.00", "0.00", "230.00"),
    "it_is_invoiced": ("230.00", "0.00", "0.00", "0.00", "230.00"),
    "a_draft_invoice_is_cancelled_and_made_again": ("230.00", "0.00", "0.00", "0.00", "230.00"),
    "the_invoice_is_issued": ("230.00", "0.00", "0.00", "0.00", "230.00"),
    "a_part_is_paid": ("230.00", "30.00", "0.00", "0.00", "200.00"),
    "the_rest_is_paid": ("230.00", "80.00", "0.00", "0.00", "150.00"),
    "some_of_it_is_reversed": ("230.00", "60.00", "0.00", "0.00", "170.00"),
    "a_credit_is_given": ("240.00", "60.00", "0.00", "0.00", "180.00"),
    "a_debit_is_taken": ("240.00", "60.00", "0.00", "12.00", "168.00"),
    "a_claim_is_denied_for_five_reasons": ("440.00", "60.00", "150.00", "12.00", "218.00"),
    "one_denial_is_accepted": ("440.00", "60.00", "140.00", "22.00", "218.00"),
    "one_is_appealed_in_part": ("440.00", "60.00", "135.00", "27.00", "218.00"),
    "one_is_appealed_whole": ("440.00", "60.00", "135.00", "27.00", "218.00"),
    "the_first_appeal_is_won_in_part": ("440.00", "60.00", "120.00", "30.00", "230.00"),
    "the_second_is_lost": ("440.00", "60.00", "90.00", "60.00", "230.00"),
    "one_denial_expires": ("440.00", "60.00", "50.00", "100.00", "230.00"),
    "the_won_appeal_is_billed": ("440.00", "60.00", "50.00", "100.00", "230.00"),
    "the_won_appeal_is_paid": ("440.00", "122.00", "50.00", "100.00", "168.00"),
    "the_sent_claim_is_cancelled": ("340.00", "122.00", "50.00", "100.00", "68.00"),
    "a_claim_is_denied_whole": ("430.00", "122.00", "140.00", "100.00", "68.00"),
    "a_draft_replaces_it": ("340.00", "122.00", "50.00", "100.00", "68.00"),
    "the_replacement_is_sent": ("425.00", "122.00", "50.00", "100.00", "153.00"),
    "the_replacement_is_cancelled": ("430.00", "122.00", "140.00", "100.00", "68.00"),
}


class TestReconciliation:
    async def test_every_cent_is_somewhere_after_every_step(self, world: World) -> None:
        story = Story(world)
        assert await _books(world) == NOTHING
        for step, books in STEPS.items():
            await getattr(story, step)()
            assert (step, await _books(world)) == (step, books)

    async def test_the_filters_hold_together(self, gateway: Gateway, world: World) -> None:
        other = await new_world(gateway)
        await world.submitted_claim(items=[_item("10.00")])
        await other.submitted_claim(items=[_item("20.00")])
        token = gateway.token("finance", providers=[world.provider, other.provider])
        assert (await _books(world, token))[0] == "30.00"
        assert (await _books(world, token, payer=world.payer))[0] == "10.00"
        assert (await _books(world, token, provider=other.provider))[0] == "20.00"
        assert await _books(world, token, payer=world.payer, provider=other.provider) == NOTHING
        assert await _books(world, token, payer="999999") == NOTHING

    async def test_a_period_is_counted_in_days_of_brasilia(self, world: World) -> None:
        moments = {"10.00": (2, 59, 59), "20.00": (3, 0, 0)}
        for amount, clock in moments.items():
            claim = await world.submitted_claim(items=[_item(amount)])
            await _sent(world, claim["id"], datetime(2026, 6, 15, *clock, tzinfo=UTC))
        periods = {
            ("2026-06-14", "2026-06-14"): "10.00",
            ("2026-06-15", "2026-06-15"): "20.00",
            ("2026-06-14", "2026-06-15"): "30.00",
            (None, "2026-06-14"): "10.00",
            ("2026-06-15", None): "20.00",
            ("2026-06-16", None): "0.00",
        }
        for (first, last), billed in periods.items():
            assert (await _books(world, period={"from": first, "to": last}))[0] == billed

    async def test_a_credit_counts_in_its_own_period_and_everything_else_with_its_claim(self, world: World) -> None:
        claim = await world.approved_claim("100.00")
        await _sent(world, claim["id"], datetime(2026, 3, 10, 12, tzinfo=UTC))
        invoice_id = await _invoice(world, claim["id"])
        await _adjust(world, invoice_id, "CREDIT", "10.00")
        await _adjust(world, invoice_id, "DEBIT", "4.00")
        await world.settle(invoice_id, "103.00")
        adjustments = "lines(filter: { kind: [CREDIT, DEBIT] }) { nodes { id } }"
        found = flat(await world.call("finance", f'{{ invoice(id: "{invoice_id}") {{ {adjustments} }} }}'))
        credit = found["invoice"]["lines"][0]["id"]
        await _change(world, invoice_lines, credit, created_at=datetime(2026, 4, 1, tzinfo=UTC))
        march, april = {"from": "2026-03-01", "to": "2026-03-30"}, {"from": "2026-03-31", "to": "2026-03-31"}
        assert await _books(world, period=march) == ("100.00", "100.00", "0.00", "0.00", "0.00")
        assert await _books(world, period=april) == ("10.00", "3.00", "0.00", "4.00", "3.00")
        assert await _books(world) == ("110.00", "103.00", "0.00", "4.00", "3.00")

    async def test_a_reversed_credit_payment_is_awaited_again(self, world: World) -> None:
        invoice_id = await _invoice(world, (await world.approved_claim("10.00"))["id"])
        await _adjust(world, invoice_id, "CREDIT", "5.00")
        settlement = (await world.settle(invoice_id))["settlement"]["id"]
        assert await _books(world) == ("15.00", "15.00", "0.00", "0.00", "0.00")
        await world.reverse(settlement)
        assert await _books(world) == ("15.00", "0.00", "0.00", "0.00", "15.00")
        await _do(world, "biller", "cancelInvoice", "invoice { id }", id=invoice_id)
        assert await _books(world) == ("10.00", "0.00", "0.00", "0.00", "10.00")

    async def test_nobody_sees_another_providers_books(self, gateway: Gateway, world: World) -> None:
        await world.submitted_claim(items=[_item("10.00")])
        other = await new_world(gateway)
        assert await _books(other) == NOTHING
        assert await _books(other, provider=world.provider, payer=world.payer) == NOTHING
        assert (await _figures(other, provider=world.provider))["undecidedClaimCount"] == 0
        for role in ("biller", "billing_reader", "reviewer", "payer_agent"):
            assert await _books(world, world.token(role)) == ("10.00", "0.00", "0.00", "0.00", "10.00")
        assert await _books(world, other.token("payer_agent")) == NOTHING

    @pytest.mark.parametrize("role", ["patient", "front_desk", "admin"])
    async def test_roles_without_the_permission_are_refused(self, world: World, role: str) -> None:
        for query in ("{ reconciliation { billedAmount } }", "{ billingIndicators { undecidedClaimCount } }"):
            answer = await world.gateway.gql(query, token=world.token(role))
            assert (answer.body["data"], answer.codes) == ({query.split()[1]: None}, ["FORBIDDEN"])


class TestBillingIndicators:
    async def test_of_nothing_have_no_rates(self, world: World) -> None:
        assert await _figures(world) == {
            "initialDenialRate": None,
            "finalDenialRate": None,
            "meanDaysToPayment": None,
            "undecidedClaimCount": 0,
            "undecidedAmount": "0.00",
            "aboutToBeLostAmount": "0.00",
            "processedAmount": "0.00",
        }

    async def test_tell_what_was_denied_lost_and_not_answered(self, world: World) -> None:
        _, denials = await _decided(world, "250.00", "175.00", "25.00", "50.00")
        await world.approved_claim("50.00")
        await world.submitted_claim(items=[_item("12.34")])
        await world.claim_in_review(items=[_item("0.66")])
        await world.create_claim()
        await _accept(world, denials[0])
        assert await _figures(world) == {
            "initialDenialRate": "0.2500",
            "finalDenialRate": "0.0833",
            "meanDaysToPayment": None,
            "undecidedClaimCount": 2,
            "undecidedAmount": "13.00",
            "aboutToBeLostAmount": "0.00",
            "processedAmount": "300.00",
        }

    async def test_a_denial_is_about_to_be_lost_up_to_its_deadline_and_behind_it(self, world: World) -> None:
        _, (first, second) = await _decided(world, "100.00", "0.00", "30.00", "70.00")
        await _change(world, denials, second, appeal_deadline=today() + timedelta(days=8))
        assert [await _losing(world, days) for days in (7, 8, 29, 30)] == ["0.00", "70.00", "70.00", "100.00"]
        await _change(world, denials, second, appeal_deadline=today() - timedelta(days=1))
        assert await _losing(world, 0) == "70.00"
        await _appeal(world, first)
        assert await _losing(world, 3650) == "70.00"

    @pytest.mark.parametrize("days", [-1, 3651])
    async def test_days_out_of_range_are_refused(self, world: World, days: int) -> None:
        query = f"{{ billingIndicators(expiringWithinDays: {days}) {{ aboutToBeLostAmount }} }}"
        answer = await world.gateway.gql(query, token=world.token("finance"))
        assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "expiringWithinDays")]

    async def test_the_mean_days_to_payment_count_the_first_payment_of_each_claim(self, world: World) -> None:
        first, second, third = [(await world.approved_claim("100.00"))["id"] for _ in range(3)]
        for claim_id, days in ((first, 10), (second, 3), (third, 3)):
            await _sent(world, claim_id, datetime.now(UTC) - timedelta(days=days))
        invoices = [await _invoice(world, claim_id) for claim_id in (first, second)]
        await world.settle(invoices[0], "1.00", paidOn=_ago(4))
        await world.settle(invoices[0], "99.00")
        await world.settle(invoices[1])
        assert (await _figures(world))["meanDaysToPayment"] == 4.5
        await world.settle(await _invoice(world, third), paidOn=_ago(5))
        assert (await _figures(world))["meanDaysToPayment"] == 3.0

    async def test_a_payment_that_was_taken_back_is_no_first_payment(self, world: World) -> None:
        claim_id = (await world.approved_claim("100.00"))["id"]
        await _sent(world, claim_id, datetime.now(UTC) - timedelta(days=10))
        invoice_id = await _invoice(world, claim_id)
        payment = (await world.settle(invoice_id, "50.00", paidOn=_ago(8)))["settlement"]["id"]
        await world.reverse(payment)
        assert (await _figures(world))["meanDaysToPayment"] is None
        await world.settle(invoice_id, "50.00")
        assert (await _figures(world))["meanDaysToPayment"] == 10.0
