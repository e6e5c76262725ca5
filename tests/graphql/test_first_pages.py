"""docs/first-steps.md and docs/life-of-a-claim.md: their operations, done in their order on the data of `make run`."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.demo.seed import scope_of_role, seed
from app.runtime.build import console_actor
from tests.architecture.test_documents import operations, page
from tests.factories import today
from tests.gateway import Answer, Gateway, embedded_settings, running_gateway

OPERATIONS = {
    re.split(r"[ ({]", text, maxsplit=2)[1]: text
    for name in ("first-steps", "life-of-a-claim")
    for block in operations(page(name))
    for text in re.split(r"\n\n(?=query|mutation)", block)
}
DAYS = {
    "today": today(),
    "monthStart": today().replace(day=1),
    "monthEnd": today(),
    "nextMonth": today() + timedelta(days=31),
    "yearStart": today().replace(month=1, day=1),
}
"""What a reader writes for the days, as the pages name them."""


class Reader:
    """Somebody who pastes one operation after the other."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.done: set[str] = set()

    async def run(self, name: str, role: str, **variables: Any) -> Any:
        """The data of an operation of the pages, without errors."""
        self.done.add(name)
        days = {day: str(value) for day, value in DAYS.items() if f"${day}" in OPERATIONS[name]}
        data = (await self.send(OPERATIONS[name], role, {**days, **variables})).data
        assert [error for payload in data.values() for error in payload.get("errors", [])] == []
        return data

    async def first(self, query: str, role: str) -> str:
        """The id of the first object of a list."""
        (found,) = (await self.send(query, role, {})).data.values()
        identifier: str = found["nodes"][0]["id"]
        return identifier

    def token(self, role: str) -> str:
        """What `billing token` prints for the role."""
        return self.gateway.token(role, **scope_of_role(role))

    async def send(self, query: str, role: str, variables: dict[str, Any]) -> Answer:
        """The answer to the role."""
        return await self.gateway.gql(query, variables, token=self.token(role))


async def test_the_first_pages_do_what_they_say(tmp_path: Path) -> None:
    async with running_gateway(embedded_settings(tmp_path)) as gateway:
        parts = gateway.parts
        await seed(parts.database, parts.changes, console_actor("seed-demo"), number=40, on_progress=lambda *_: None)
        reader = Reader(gateway)
        await _first_steps(reader)
        await _life_of_a_claim(reader)
    assert reader.done == set(OPERATIONS)


async def _first_steps(reader: Reader) -> None:
    claims = (await reader.run("Claims", "reviewer"))["claims"]
    assert {each["status"] for each in claims["nodes"]} <= {"APPROVED", "PARTIALLY_APPROVED"}
    made = (await reader.run("CreateClaim", "biller"))["createClaim"]
    assert (made["claim"]["status"], made["claim"]["claimedAmount"], made["replayed"]) == ("SUBMITTED", "150.00", False)
    again = (await reader.run("CreateClaim", "biller"))["createClaim"]
    assert (again["claim"], again["replayed"]) == (made["claim"], True)
    changed = OPERATIONS["CreateClaim"].replace("150.00", "151.00")
    refused = (await reader.send(changed, "biller", {"today": str(today())})).data["createClaim"]
    assert [each["code"] for each in refused["errors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    invoice = (await reader.run("Invoices", "finance"))["invoices"]["nodes"][0]
    async with reader.gateway.subscribed(OPERATIONS["WatchSettlements"], reader.token("finance")) as stream:
        settled = (await reader.run("SettleInvoice", "finance", id=invoice["id"]))["settleInvoice"]
        heard = (await stream.next())["settlementRecorded"]["settlement"]
    reader.done.add("WatchSettlements")
    assert (heard["id"], heard["amount"], heard["paidOn"]) == (settled["settlement"]["id"], "1.00", str(today()))
    assert heard["invoice"] == {"number": invoice["number"], **settled["invoice"]}


async def _life_of_a_claim(reader: Reader) -> None:
    draft = await reader.first("{ claims(first: 1, filter: { status: [DRAFT] }) { nodes { id } } }", "biller")
    checked = (await reader.run("Preflight", "biller", id=draft))["claimPreflight"]
    assert checked["passes"] is True
    denials = (await reader.run("Denials", "biller"))["denials"]
    appealed = (await reader.run("AppealDenial", "biller", id=denials["nodes"][0]["id"]))["appealDenial"]
    assert appealed["denial"] == {"status": "APPEALED", "inDisputeAmount": denials["nodes"][0]["amount"]}
    imported = (await reader.run("ImportRemittance", "finance"))["importRemittance"]
    (line,) = imported["remittance"]["lines"]["nodes"]
    assert (line["status"], line["problem"], imported["alreadyImported"]) == ("MATCHED", None, False)
    posted = (await reader.run("PostRemittance", "finance", id=imported["remittance"]["id"]))["postRemittance"]
    assert ([each["amount"] for each in posted["settlements"]], posted["postedLines"]) == (["120.00"], 1)
    books = await reader.run("Reconciliation", "finance")
    assert books["reconciliation"]["unexplainedAmount"] == "0.00"
    groups = (await reader.run("Dashboard", "biller"))["billingBreakdown"]["nodes"]
    assert {each["payer"]["ansCode"] for each in groups} == {"123456"}
    form = await reader.run("Form", "biller", card="12345")
    assert (len(form["providers"]["nodes"]), len(form["patients"]["nodes"])) == (2, 1)
