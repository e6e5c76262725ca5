"""The demo's six months: every state occurs, the books balance, and the same seed tells the same in every database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.demo.habits import ANALYSIS, GUIDES, NET
from app.demo.parties import PAYER
from app.demo.payer import SimulatedPayer
from app.demo.seed import seed, seed_months
from app.domain.appeal_batches import AppealBatchStatus
from app.domain.bank import BankEntryStatus
from app.domain.batches import BatchStatus
from app.domain.claims import ClaimStatus
from app.domain.denials import DenialStatus
from app.domain.described import DescribedEnum
from app.domain.eligibility import EligibilityOutcome
from app.domain.invoices import InvoiceStatus
from app.domain.remittances import RemittanceLineStatus, RemittanceStatus
from app.runtime.build import console_actor
from tests.gateway import Gateway, embedded_settings, running_gateway, server_settings, with_driver
from tests.services import Services

PAIRS = (ANALYSIS, GUIDES, NET)
LISTS: dict[str, tuple[str, type[DescribedEnum]]] = {
    "claims": ("reviewer", ClaimStatus),
    "denials": ("reviewer", DenialStatus),
    "invoices": ("finance", InvoiceStatus),
    "batches": ("finance", BatchStatus),
    "remittances": ("finance", RemittanceStatus),
    "appealBatches": ("biller", AppealBatchStatus),
    "bankEntries": ("finance", BankEntryStatus),
}
"""Each list with its statuses, and a role that may read it."""
PASSING = {"IMPORTING", "POSTING"}
"""What lasts only while a job works on a long statement."""
BOOKS = (
    "billedAmount paidAmount withheldAmount inDisputeAmount lostAmount awaitingAmount unappliedAmount unexplainedAmount"
)


@pytest.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory, services: Services) -> AsyncIterator[Gateway]:
    """A gateway on the real servers with the data of `make run`, and fewer claims of its first payer."""
    settings = await server_settings(tmp_path_factory.mktemp("months"), services)
    async with running_gateway(with_driver(settings, "aiomysql")) as found:
        await _seed(found)
        yield found


async def _seed(gateway: Gateway) -> None:
    parts, actor = gateway.parts, console_actor("seed-demo")
    await seed(parts.database, parts.changes, actor, number=0, on_progress=lambda *_: None)
    await seed_months(parts.changes, actor, seed=1)


async def ask(gateway: Gateway, query: str, role: str = "finance") -> Any:
    return (await gateway.gql(query, token=gateway.token(role, providers=["*"]))).data


async def counts(gateway: Gateway) -> dict[str, dict[str, int]]:
    """How many of each status there are, by list."""
    found: dict[str, dict[str, int]] = {}
    for name, (role, statuses) in LISTS.items():
        asked = [f"{each.value}: {name}(filter: {{ status: [{each.value}] }}) {{ totalCount }}" for each in statuses]
        of_list = await ask(gateway, f"{{ {' '.join(asked)} }}", role)
        found[name] = {status: value["totalCount"] for status, value in of_list.items()}
    return found


async def lines(gateway: Gateway) -> list[tuple[str, str]]:
    """Status and amount of every line."""
    found = await ask(
        gateway, "{ remittances(first: 100) { nodes { lines(first: 100) { nodes { status paidAmount } } } } }"
    )
    every = [line for each in found["remittances"]["nodes"] for line in each["lines"]["nodes"]]
    return sorted((line["status"], line["paidAmount"]) for line in every)


async def books(gateway: Gateway) -> dict[str, Any]:
    """The books with each payer."""
    asked = [f'{pair.prefix}: reconciliation(payerAnsCode: "{pair.payer}") {{ {BOOKS} }}' for pair in PAIRS]
    found: dict[str, Any] = await ask(gateway, f"{{ {' '.join(asked)} }}")
    return found


async def test_every_status_occurs(demo: Gateway) -> None:
    found = await counts(demo)
    missing = {(name, status) for name, of_list in found.items() for status, count in of_list.items() if not count}
    assert missing == {("remittances", status) for status in PASSING}
    assert {status for status, _ in await lines(demo)} == {each.value for each in RemittanceLineStatus}
    history = await ask(demo, "{ eligibilityHistory(first: 100) { nodes { outcome source } } }", "front_desk")
    assert {each["outcome"] for each in history["eligibilityHistory"]["nodes"]} == {
        each.value for each in EligibilityOutcome
    }


async def test_the_books_balance(demo: Gateway) -> None:
    names = [each.removesuffix("Amount") for each in BOOKS.split()]
    found = {
        prefix: dict(zip(names, of_payer.values(), strict=True)) for prefix, of_payer in (await books(demo)).items()
    }
    assert found == {
        "ANA": {
            "billed": "20213.50",
            "paid": "10841.55",
            "withheld": "0.00",
            "inDispute": "697.95",
            "lost": "897.55",
            "awaiting": "7776.45",
            "unapplied": "0.00",
            "unexplained": "0.00",
        },
        "GUI": {
            "billed": "6290.00",
            "paid": "4145.24",
            "withheld": "0.00",
            "inDispute": "149.70",
            "lost": "642.60",
            "awaiting": "1352.46",
            "unapplied": "12.00",
            "unexplained": "0.00",
        },
        "LIQ": {
            "billed": "16394.00",
            "paid": "10026.66",
            "withheld": "678.85",
            "inDispute": "710.25",
            "lost": "2813.68",
            "awaiting": "2164.56",
            "unapplied": "0.00",
            "unexplained": "0.00",
        },
    }


async def test_the_same_seed_tells_the_same_in_another_database(demo: Gateway, tmp_path: Path) -> None:
    async with running_gateway(embedded_settings(tmp_path)) as other:
        await _seed(other)
        assert await counts(other) == await counts(demo)
        assert await lines(other) == await lines(demo)
        assert await books(other) == await books(demo)
        # A second time changes nothing.
        await seed_months(other.parts.changes, console_actor("seed-demo"), seed=1)
        assert await counts(other) == await counts(demo)


async def test_who_watches_sees_the_payer_act_where_the_relay_leads(demo: Gateway) -> None:
    payer = SimulatedPayer(demo.parts.database, demo.parts.changes, may_act=lambda: demo.parts.relay.leads)
    query = "subscription { claimStatusChanged { previousStatus claim { status payer { ansCode } } } }"
    async with demo.subscribed(query, demo.token("reviewer", providers=["*"])) as stream:
        acting = asyncio.create_task(payer.run(0.2))
        found = await stream.next(30)
        acting.cancel()
    claim = {"status": "UNDER_REVIEW", "payer": {"ansCode": ANALYSIS.payer}}
    assert found == {"claimStatusChanged": {"previousStatus": "SUBMITTED", "claim": claim}}


async def test_each_payer_acts_and_pays_by_its_habits(demo: Gateway) -> None:
    payer = SimulatedPayer(demo.parts.database, demo.parts.changes, may_act=lambda: True)
    assert [await payer.act() for _ in range(32)] == [True] * 32
    steps = "{ claims(first: 100) { nodes { payer { ansCode } history(last: 1) { nodes { actor } } } } }"
    claims = (await ask(demo, steps, "reviewer"))["claims"]["nodes"]
    acting = {each["payer"]["ansCode"] for each in claims if each["history"]["nodes"][0]["actor"] == "demo-payer"}
    assert acting == {PAYER, *(pair.payer for pair in PAIRS)}
    paid = "{ remittances(first: 100) { nodes { statementNumber payer { ansCode } balance { withheldAmount } } } }"
    statements = (await ask(demo, paid))["remittances"]["nodes"]
    withholding = {
        (each["payer"]["ansCode"], each["balance"]["withheldAmount"] != "0.00")
        for each in statements
        if each["statementNumber"].startswith("DEMO")
    }
    assert withholding == {(PAYER, False), (ANALYSIS.payer, False), (GUIDES.payer, False), (NET.payer, True)}
    found = await counts(demo)
    assert {status for status in ("ISSUED", "PARTIALLY_SETTLED") if not found["invoices"][status]} == set()
