"""Sums by payer, provider, month and denial code: exact, and together the same as the whole."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from app.db.tables import claims, invoice_lines
from app.domain.invoices import InvoiceLineKind
from app.services import reconciliation
from tests.factories import CONSULTATION, World, key, new_world
from tests.gateway import Gateway

ARGUMENTS = "payerAnsCode: $payer, providerCnes: $provider, period: $period"
VARIABLES = "$payer: AnsCode, $provider: Cnes, $period: DateRangeInput"
BOOKS = ("billedAmount", "paidAmount", "inDisputeAmount", "lostAmount", "awaitingAmount", "unexplainedAmount")
GROUPS = f"""query($by: [BillingDimension!]!, $first: Int! = 100, $after: String, {VARIABLES}) {{
  billingBreakdown(groupBy: $by, first: $first, after: $after, {ARGUMENTS}) {{
    totalCount pageInfo {{ endCursor hasNextPage }}
    nodes {{
      payer {{ ansCode }} provider {{ cnes }} month claimCount undecidedClaimCount undecidedAmount
      processedAmount deniedAmount initialDenialRate finalDenialRate reconciliation {{ {" ".join(BOOKS)} }}
    }}
  }}
}}"""
WHOLE = f"""query({VARIABLES}) {{
  reconciliation({ARGUMENTS}) {{ {" ".join(BOOKS)} }}
  billingIndicators({ARGUMENTS}) {{
    processedAmount undecidedClaimCount undecidedAmount initialDenialRate finalDenialRate
  }}
}}"""
DENIALS = f"""query($by: [DenialDimension!]!, $first: Int! = 100, $after: String, {VARIABLES}) {{
  denialBreakdown(groupBy: $by, first: $first, after: $after, {ARGUMENTS}) {{
    totalCount pageInfo {{ endCursor }}
    nodes {{
      code description payer {{ ansCode }} provider {{ cnes }} month denialCount
      amount inDisputeAmount wonAmount lostAmount
    }}
  }}
}}"""
YEAR = {"from": "2026-01-01", "to": "2026-12-31"}


async def _change(world: World, table: Any, row_id: str, **values: Any) -> None:
    async with world.gateway.database.engine.begin() as connection:
        await connection.execute(update(table).where(table.c.id == row_id).values(**values))


async def _sent(world: World, claim_id: str, *day: int) -> None:
    await _change(world, claims, claim_id, submitted_at=datetime(*day, tzinfo=UTC))  # type: ignore[arg-type,misc]


async def _decided(world: World, total: str, approved: str, *denied: tuple[str, str]) -> tuple[str, list[str]]:
    """A decided claim and its denials, each given by code and amount."""
    claim_id = str((await world.claim_in_review(items=[{**CONSULTATION, "unitPrice": total}]))["id"])
    given = [{"code": code, "amount": amount} for code, amount in denied]
    decided = await world.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": approved, "denials": given}])
    assert decided["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("biller", query, id=claim_id))["claim"]["items"][0]["denials"]
    return claim_id, [each["id"] for each in found]


async def _paid_invoice(world: World, claim_id: str, amount: str) -> str:
    invoice = str((await world.create_invoice([claim_id]))["invoice"]["id"])
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice)
    assert (await world.settle(invoice, amount))["errors"] == []
    return invoice


async def _adjusted(world: World, invoice: str, kind: str, amount: str) -> str:
    """The id of the line."""
    values = {"id": invoice, "kind": kind, "amount": amount, "reason": "acerto", "idempotencyKey": key()}
    done = await world.mutate("finance", "adjustInvoice", "invoice { id }", **values)
    assert done["errors"] == []
    async with world.gateway.database.reading() as connection:
        query = invoice_lines.select().where(
            invoice_lines.c.invoice_id == invoice, invoice_lines.c.kind == InvoiceLineKind[kind]
        )
        return str((await connection.execute(query)).mappings().one()["id"])


class Books:
    """Two payers of one provider, and a second provider of the first payer; `token` sees all of them."""

    def __init__(self, first: World, second: World, third: World) -> None:
        self.first, self.second, self.third = first, second, third
        self.token = first.gateway.token("reviewer", providers=[first.provider, third.provider])

    async def ask(self, query: str, **variables: Any) -> Any:
        """The data of a query by somebody who sees all."""
        return (await self.first.gateway.gql(query, variables, token=self.token)).data

    async def groups(self, *by: str, **variables: Any) -> Any:
        """The groups as (names, node)."""
        return (await self.ask(GROUPS, by=list(by), **variables))["billingBreakdown"]["nodes"]


_MADE: dict[str, Books] = {}


@pytest.fixture
async def books(gateway: Gateway) -> Books:
    """The books of this gateway, made once: the tests only read."""
    if gateway.url not in _MADE:
        _MADE[gateway.url] = await _books(gateway)
    return _MADE[gateway.url]


async def _books(gateway: Gateway) -> Books:
    """Claims in every state over three months, with denials lost, won and open, payments, a credit and a debit."""
    first, other, third = [await new_world(gateway) for _ in range(3)]
    second = replace(other, provider=first.provider)
    third = replace(third, payer=first.payer, card=first.card, patient=first.patient)
    denied, (accepted, won, _) = await _decided(
        first, "200.00", "100.00", ("1705", "40.00"), ("1801", "35.00"), ("1705", "25.00")
    )
    await _sent(first, denied, 2026, 1, 31, 12)
    await first.mutate("biller", "acceptDenial", "denial { id }", id=accepted, idempotencyKey=key())
    reason = {"justification": "conforme contrato", "idempotencyKey": key()}
    await first.mutate("biller", "appealDenial", "denial { id }", id=won, **reason)
    answer = {"id": won, "acceptedAmount": "20.00", "idempotencyKey": key()}
    await first.mutate("payer_agent", "answerAppeal", "denial { id }", **answer)
    invoice = await _paid_invoice(first, denied, "50.00")
    await _change(first, invoice_lines, await _adjusted(first, invoice, "CREDIT", "7.00"), created_at=_noon(2026, 3, 1))
    await _adjusted(first, invoice, "DEBIT", "3.00")
    undecided = (await first.submitted_claim(items=[{**CONSULTATION, "unitPrice": "12.34"}]))["id"]
    # Still January in Brasília.
    await _sent(first, undecided, 2026, 2, 1, 2, 59)
    approved = (await second.approved_claim("80.00"))["id"]
    await _sent(second, approved, 2026, 2, 1, 3)
    await _paid_invoice(second, approved, "80.00")
    lost, (gone,) = await _decided(third, "60.00", "0.00", ("1801", "60.00"))
    await _sent(third, lost, 2026, 3, 31, 12)
    await third.mutate("biller", "acceptDenial", "denial { id }", id=gone, idempotencyKey=key())
    await first.create_claim()
    return Books(first, second, third)


def _noon(*day: int) -> datetime:
    return datetime(*day, 12, tzinfo=UTC)  # type: ignore[arg-type,misc]


def _row(node: Any) -> tuple[Any, ...]:
    """Payer, provider, month, then claims, those without return, and the books without the unexplained."""
    parts = (node["payer"] and node["payer"]["ansCode"], node["provider"] and node["provider"]["cnes"], node["month"])
    return (*parts, node["claimCount"], node["undecidedClaimCount"], *[node["reconciliation"][each] for each in BOOKS])


class TestBilling:
    async def test_by_payer(self, books: Books) -> None:
        found = [_row(node) for node in await books.groups("PAYER")]
        assert found == [
            (books.first.payer, None, None, 3, 1, "279.34", "50.00", "25.00", "118.00", "86.34", "0.00"),
            (books.second.payer, None, None, 1, 0, "80.00", "80.00", "0.00", "0.00", "0.00", "0.00"),
        ]

    async def test_by_month_of_brasilia_and_credits_by_their_own(self, books: Books) -> None:
        found = [_row(node)[2:] for node in await books.groups("MONTH", period=YEAR)]
        assert found == [
            ("2026-01", 2, 1, "212.34", "50.00", "25.00", "55.00", "82.34", "0.00"),
            ("2026-02", 1, 0, "80.00", "80.00", "0.00", "0.00", "0.00", "0.00"),
            ("2026-03", 1, 0, "67.00", "0.00", "0.00", "63.00", "4.00", "0.00"),
        ]

    async def test_by_provider_and_month_in_this_order(self, books: Books) -> None:
        found = [_row(node)[1:6] for node in await books.groups("PROVIDER", "MONTH", period=YEAR)]
        one, other = books.first.provider, books.third.provider
        assert found == [
            (one, "2026-01", 2, 1, "212.34"),
            (one, "2026-02", 1, 0, "80.00"),
            (one, "2026-03", 0, 0, "7.00"),
            (other, "2026-03", 1, 0, "60.00"),
        ]

    async def test_rates_of_a_group(self, books: Books) -> None:
        node = (await books.groups("PAYER"))[0]
        figures = ("processedAmount", "deniedAmount", "undecidedAmount", "initialDenialRate", "finalDenialRate")
        # 160 of 260 were denied; 40 + 15 + 60 are lost.
        assert [node[each] for each in figures] == ["260.00", "160.00", "12.34", "0.6154", "0.4423"]

    @pytest.mark.parametrize(
        "by", [("PAYER",), ("PROVIDER",), ("MONTH",), ("PAYER", "PROVIDER"), ("MONTH", "PROVIDER", "PAYER")]
    )
    @pytest.mark.parametrize("period", [YEAR, {"from": "2026-02-01", "to": "2026-03-31"}])
    async def test_the_groups_add_up_to_the_whole(self, books: Books, by: tuple[str, ...], period: Any) -> None:
        whole = await books.ask(WHOLE, period=period)
        nodes = await books.groups(*by, period=period)
        assert len(nodes) > 1
        for name in BOOKS:
            assert _total(node["reconciliation"][name] for node in nodes) == whole["reconciliation"][name]
        for name in ("processedAmount", "undecidedAmount"):
            assert _total(node[name] for node in nodes) == whole["billingIndicators"][name]
        assert sum(node["undecidedClaimCount"] for node in nodes) == whole["billingIndicators"]["undecidedClaimCount"]

    async def test_one_group_is_the_whole_of_its_payer(self, books: Books) -> None:
        for payer in (books.first.payer, books.second.payer):
            whole = await books.ask(WHOLE, payer=payer)
            (node,) = await books.groups("PAYER", payer=payer)
            assert node["reconciliation"] == whole["reconciliation"]
            figures = whole["billingIndicators"]
            assert {name: node[name] for name in figures} == figures

    async def test_pages_follow_each_other(self, books: Books) -> None:
        everything = await books.groups("PROVIDER", "MONTH", period=YEAR)
        found, after = [], None
        for expected in (True, True, True, False):
            variables = {"by": ["PROVIDER", "MONTH"], "period": YEAR, "first": 1, "after": after}
            page = (await books.ask(GROUPS, **variables))["billingBreakdown"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (4, expected)
        assert found == everything

    async def test_a_dashboard_by_payer_and_month_costs_seven_sums_of_rows(self, books: Books) -> None:
        query = """query($by: [BillingDimension!]!, $period: DateRangeInput) {
          billingBreakdown(groupBy: $by, period: $period) { nodes { month reconciliation { billedAmount } } } }"""
        # One looks for the sums of months, of which this gateway has added up none.
        with books.first.gateway.counting() as statements:
            await books.ask(query, by=["PAYER", "MONTH"], period=YEAR)
        assert len([text for text in statements if text.lstrip().upper().startswith("SELECT")]) == 8

    async def test_nobody_sees_the_groups_of_others(self, books: Books, gateway: Gateway) -> None:
        stranger = await new_world(gateway)
        for role in ("biller", "payer_agent"):
            found = await stranger.call(role, GROUPS, by=["PAYER"], payer=books.first.payer)
            assert (found["billingBreakdown"]["nodes"], found["billingBreakdown"]["totalCount"]) == ([], 0)
        only = await books.second.call("payer_agent", GROUPS, by=["PROVIDER"])
        assert [_row(node)[5] for node in only["billingBreakdown"]["nodes"]] == ["80.00"]

    async def test_amounts_need_their_permission(self, books: Books, gateway: Gateway) -> None:
        query = "{ billingBreakdown(groupBy: [PAYER]) { nodes { claimCount processedAmount } } }"
        token = gateway.token("biller", providers=[books.first.provider], scope="reconciliation:read")
        answer = await gateway.gql(query, token=token)
        nodes = [{"claimCount": 2, "processedAmount": None}, {"claimCount": 1, "processedAmount": None}]
        assert (answer.body["data"]["billingBreakdown"]["nodes"], answer.codes) == (nodes, ["FORBIDDEN"])

    @pytest.mark.parametrize(
        ("by", "period", "place"),
        [
            ([], None, "groupBy"),
            (["PAYER", "PAYER"], None, "groupBy"),
            (["MONTH"], None, "period"),
            (["MONTH"], {"from": "2026-01-01"}, "period"),
            (["MONTH"], {"from": "2021-01-01", "to": "2026-01-01"}, "period"),
            (["PAYER"], {"from": "2026-02-01", "to": "2026-01-01"}, "period.to"),
        ],
    )
    async def test_what_cannot_be_grouped_is_refused(self, world: World, by: Any, period: Any, place: str) -> None:
        for query in (GROUPS, DENIALS):
            answer = await world.gateway.gql(query, {"by": by, "period": period}, token=world.token("reviewer"))
            assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", place)]


def _total(amounts: Any) -> str:
    return str(sum((Decimal(each) for each in amounts), Decimal("0.00")))


class TestDenials:
    async def test_by_code(self, books: Books) -> None:
        found = (await books.ask(DENIALS, by=["CODE"]))["denialBreakdown"]
        assert found["totalCount"] == 2
        nothing = {"payer": None, "provider": None, "month": None}
        high = {"denialCount": 2, "amount": "65.00", "inDisputeAmount": "25.00", "wonAmount": "0.00"}
        other = {"denialCount": 2, "amount": "95.00", "inDisputeAmount": "0.00", "wonAmount": "20.00"}
        assert found["nodes"] == [
            {"code": "1705", "description": "VALOR APRESENTADO A MAIOR", "lostAmount": "40.00", **high, **nothing},
            {"code": "1801", "description": "PROCEDIMENTO INVÁLIDO", "lostAmount": "75.00", **other, **nothing},
        ]

    async def test_by_month_code_and_provider_page_by_page(self, books: Books) -> None:
        found, after = [], None
        for _ in range(3):
            variables = {"by": ["MONTH", "CODE", "PROVIDER"], "period": YEAR, "first": 1, "after": after}
            page = (await books.ask(DENIALS, **variables))["denialBreakdown"]
            found += [(n["month"], n["code"], n["provider"]["cnes"], n["amount"]) for n in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
        assert found == [
            ("2026-01", "1705", books.first.provider, "65.00"),
            ("2026-01", "1801", books.first.provider, "35.00"),
            ("2026-03", "1801", books.third.provider, "60.00"),
        ]

    @pytest.mark.parametrize("by", [["CODE"], ["PAYER"], ["CODE", "PROVIDER"], ["MONTH", "CODE"]])
    async def test_the_groups_add_up_to_the_whole(self, books: Books, by: list[str]) -> None:
        whole = await books.ask(WHOLE, period=YEAR)
        nodes = (await books.ask(DENIALS, by=by, period=YEAR))["denialBreakdown"]["nodes"]
        assert _total(node["inDisputeAmount"] for node in nodes) == whole["reconciliation"]["inDisputeAmount"]
        lost = Decimal(whole["reconciliation"]["lostAmount"]) - Decimal("3.00")
        assert _total(node["lostAmount"] for node in nodes) == str(lost)

    async def test_more_claims_than_are_added_up_in_time_are_refused_with_what_to_do(
        self, books: Books, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reconciliation, "CLAIMS_MAX", 1)
        indicators = "query($provider: Cnes) { billingIndicators(providerCnes: $provider) { undecidedClaimCount } }"
        for query, variables in ((DENIALS, {"by": ["CODE"]}), (indicators, {})):
            answer = await books.first.gateway.gql(query, variables, token=books.token)
            assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "period")]
            (error,) = answer.body["errors"]
            assert error["message"].endswith("1 claims to add up: name a shorter period, a payer or a provider")
            # One provider has one claim.
            assert (await books.ask(query, **variables, provider=books.third.provider)).keys() == answer.body[
                "data"
            ].keys()

    async def test_needs_the_permission_to_read_items(self, world: World) -> None:
        answer = await world.gateway.gql(DENIALS, {"by": ["PAYER"]}, token=world.token("finance"))
        assert (answer.body["data"], answer.codes) == ({"denialBreakdown": None}, ["FORBIDDEN"])
