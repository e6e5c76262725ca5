"""Every GraphQL example of the documents runs on the demo data, in the order in which a reader would try them."""

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, print_ast
from tiss import examples

from app.demo.parties import PATIENT
from tests.architecture.test_documents import PAGES, README, operations
from tests.commands import billing
from tests.factories import today
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.graphql.test_imports import upload
from tests.prepared import prepare

CLAIMS = 60
NOBODYS_BATCH = "abt_00000000000000000000000001"
DOCS = Path(__file__).parents[2] / "docs"
CLIENTS = DOCS / "clients"
RULES = CLIENTS / "rules.md"
TEXTS = {"README": README, **{path.stem: path.read_text() for path in (*PAGES, RULES)}}
EXAMPLES = {
    (page, definition.name.value): text
    for page, whole in TEXTS.items()
    for text in operations(whole)
    for definition in parse(text).definitions
    if isinstance(definition, OperationDefinitionNode) and definition.name is not None
}


class Reader:
    """Somebody who tries the examples."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.url = gateway.url
        self.left = set(EXAMPLES)

    def token(self, role: str) -> str:
        """A token of the demo."""
        whose = {"patient": PATIENT} if role == "patient" else {"providers": ["*"]}
        return self._gateway.keys.sign(audience="billing-gateway", role=role, **whose)

    async def ask(self, role: str, query: str, **variables: Any) -> Any:
        """The data of an operation that is in no document."""
        answer = await self._gateway.gql(query, variables, token=self.token(role))
        assert "errors" not in answer.body, answer.body
        return answer.data

    async def first(self, role: str, field: str, **filters: str) -> str:
        """The id of the first object in a list, with filters written in GraphQL."""
        given = ", ".join(f"{name}: {value}" for name, value in filters.items())
        found = await self.ask(role, f"{{ {field}(first: 1, filter: {{ {given} }}) {{ nodes {{ id }} }} }}")
        return str(found[field]["nodes"][0]["id"])

    async def run(self, page: str, name: str, role: str, *codes: str, **variables: Any) -> Any:
        """The answer's only field; without errors, or with these if the demo lacks what it needs."""
        text = EXAMPLES[page, name]
        body = {"query": text, "operationName": name, "variables": variables}
        headers = {"authorization": f"Bearer {self.token(role)}"}
        answer = (await self._gateway.client.post("/graphql", json=body, headers=headers)).json()
        assert "errors" not in answer, (page, name, answer)
        self.left.remove((page, name))
        found = answer["data"] if len(answer["data"]) > 1 else next(iter(answer["data"].values()))
        errors = found.get("errors", []) if isinstance(found, dict) else []
        assert [each.get("code", each["message"]) for each in errors] == list(codes), (page, name, errors)
        return found

    async def watch(self, page: str, name: str, role: str) -> None:
        """Subscribe: the first message comes at once."""
        shown = next(part for part in map(print_ast, parse(EXAMPLES[page, name]).definitions) if f" {name}" in part)
        async with self._gateway.subscribed(shown, token=self.token(role)):
            self.left.remove((page, name))


@pytest.fixture(scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Reader]:
    directory = tmp_path_factory.mktemp("examples")
    settings = embedded_settings(directory)
    await prepare(settings)
    done = billing("seed-demo", "--claims", str(CLAIMS), "--small", BILLING_VAR_DIR=str(directory))
    assert done.returncode == 0, done.stderr
    async with running_gateway(settings, is_prepared=True) as gateway:
        yield Reader(gateway)


async def test_every_example_of_the_documents_runs(reader: Reader) -> None:
    await _first_steps(reader)
    assert (await reader.run("rules", "List", "finance"))["nodes"]
    await reader.watch("rules", "Watch", "finance")
    await _life_of_a_claim(reader)
    await _access_log(reader)
    await _batches(reader)
    await _appeals(reader)
    await _documents(reader)
    await _parties(reader)
    await _money(reader)
    assert reader.left == set()


async def _pasted(reader: Reader, command: str, token: str, role: str) -> Any:
    """What a command for a shell answers, with the gateway and the token of this reader."""
    address = "http://127.0.0.1:8000"
    assert (command.count(address), command.count(token)) == (1, 1)
    command = command.replace(address, reader.url).replace(token, reader.token(role))
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stdout=asyncio.subprocess.PIPE)
    return json.loads((await process.communicate())[0])


def _curl(page: Path) -> str:
    """The only command of the page that begins with curl, or with a token for it."""
    (found,) = re.findall(r"```\n((?:TOKEN=.*\n)?curl .*?)```", page.read_text(), re.DOTALL)
    return str(found)


async def test_the_first_request_of_the_readme_answers_as_pasted(reader: Reader) -> None:
    (command,) = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    answer = await _pasted(reader, command, "$(.venv/bin/billing token --role reviewer)", "reviewer")
    found = answer["data"]["claims"]
    assert (found["totalCount"] > CLAIMS, len(found["nodes"])) == (True, 3)


async def test_the_requests_of_other_pages_answer_as_pasted(reader: Reader) -> None:
    created = await _pasted(reader, _curl(DOCS / "rest.md"), "$(.venv/bin/billing token --role biller)", "biller")
    assert "code" not in created, created
    assert (created["status"], created["amount"], created["service_date"]) == (
        "SUBMITTED",
        "150.00",
        today().isoformat(),
    )
    command = _curl(CLIENTS / "README.md").partition("\nnode ")[0]
    found = await _pasted(reader, command, "$(cat token.txt)", "finance")
    assert found["data"]["invoices"]["nodes"]


def _month_of(day: date) -> tuple[str, str]:
    start = day.replace(day=1)
    end = (start + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return start.isoformat(), end.isoformat()


async def _first_steps(reader: Reader) -> None:
    day = today().isoformat()
    for page in ("README", "first-steps"):
        found = await reader.run(page, "Claims", "reviewer")
        assert found["totalCount"] > 0
        await reader.watch(page, "WatchSettlements", "finance")
    created = await reader.run("first-steps", "CreateClaim", "biller", today=day)
    assert (created["claim"]["status"], created["replayed"]) == ("SUBMITTED", False)
    listed = await reader.run("first-steps", "Invoices", "finance")
    invoice = (
        listed["nodes"][0]["id"] if listed["nodes"] else await reader.first("finance", "invoices", status="[ISSUED]")
    )
    settled = await reader.run("first-steps", "SettleInvoice", "finance", id=invoice, today=day)
    assert settled["settlement"]["amount"] == "1.00"


async def _life_of_a_claim(reader: Reader) -> None:
    page, day = "life-of-a-claim", today()
    draft = await reader.first("biller", "claims", status="[DRAFT]")
    assert "passes" in await reader.run(page, "Preflight", "biller", id=draft)
    denials = await reader.run(page, "DenialsToAppeal", "biller", nextMonth=(day + timedelta(days=31)).isoformat())
    appealed = await reader.run(page, "AppealDenial", "biller", id=denials["nodes"][0]["id"])
    assert appealed["denial"]["status"] == "APPEALED"
    (shown,) = (await reader.run(page, "DenialHistory", "biller"))["nodes"]
    steps = shown["claim"]["history"]["nodes"]
    assert "APPEAL" in [each["denialAction"] for each in steps if each.get("denial") == {"id": shown["id"]}]
    imported = await reader.run(page, "ImportRemittance", "finance", today=day.isoformat())
    assert [each["status"] for each in imported["remittance"]["lines"]["nodes"]] == ["MATCHED"]
    posted = await reader.run(page, "PostRemittance", "finance", id=imported["remittance"]["id"])
    assert [each["amount"] for each in posted["settlements"]] == ["120.00"]
    start, end = _month_of(day)
    found = await reader.run(page, "Reconciliation", "finance", monthStart=start, monthEnd=end)
    assert found["reconciliation"]["unexplainedAmount"] == "0.00"
    await reader.run(page, "Dashboard", "biller", yearStart=f"{day.year}-01-01", today=day.isoformat())
    form = await reader.run(page, "Form", "biller", card="12345")
    assert [each["id"] for each in form["patients"]["nodes"]] == [PATIENT]


async def _access_log(reader: Reader) -> None:
    opened = await reader.run("access-log", "OpenEmergencyAccess", "biller", patient=PATIENT)
    assert opened["access"]["expiresAt"]
    assert (await reader.run("access-log", "MyAccessLog", "patient"))["nodes"]


async def _batches(reader: Reader) -> None:
    page, day = "batches", today()
    made = await reader.run(page, "CreateBatches", "biller", month=f"{day:%Y-%m}")
    batch = made["batches"][0]["id"]
    query = "query($id: ID!) { batch(id: $id) { claims(first: 100) { nodes { id } } } }"
    claims = [each["id"] for each in (await reader.ask("biller", query, id=batch))["batch"]["claims"]["nodes"]]
    await reader.run(page, "RemoveFromBatch", "biller", batch=batch, claim=claims[0])
    assert (await reader.run(page, "WithdrawClaim", "biller", claim=claims[0]))["claim"]["status"] == "DRAFT"
    assert (await reader.run(page, "SendBatch", "biller", batch=batch))["batch"]["status"] == "SENT"
    assert (await reader.run(page, "BatchDocument", "biller", batch=batch))["fileName"].endswith(".xml")
    values = {"refused": claims[1], "today": day.isoformat()}
    assert (await reader.run(page, "RecordProtocol", "biller", batch=batch, **values))["batch"]["status"] == "RECEIVED"
    # A batch that was received cannot be rejected any more.
    await reader.run(page, "RejectBatch", "biller", "CONFLICT", batch=batch)
    assert (await reader.run(page, "WaitingBatches", "biller"))["totalCount"] > 0


async def _appeals(reader: Reader) -> None:
    page = "appeals"
    denial = await reader.first("biller", "denials", status="[APPEALED]")
    document = await upload(reader._gateway, b"%PDF-1.7\n%%EOF\n", reader.token("biller"))
    attached = await reader.run(page, "AttachToAppeal", "biller", denial=denial, document=document)
    assert [each["fileName"] for each in attached["denial"]["attachments"]] == ["laudo.pdf"]
    made = await reader.run(page, "CreateAppealBatches", "biller")
    assert made["batches"] == []  # the demo's decisions have no protocol yet
    await reader.run(page, "SendAppealBatch", "biller", "NOT_FOUND", id=NOBODYS_BATCH)
    assert await reader.run(page, "Document", "biller", id=NOBODYS_BATCH) is None
    await reader.run(page, "RecordAppealAnswers", "biller", "INVALID_INPUT", xml="<x/>")
    template = (await reader.run(page, "CreateAppealTemplate", "biller"))["template"]["id"]
    assert "results" in await reader.run(page, "AppealMatching", "biller", template=template)
    assert (await reader.run(page, "DenialsByProcedure", "biller"))["nodes"]


async def _documents(reader: Reader) -> None:
    page = "documents"
    document = await upload(reader._gateway, examples.load("lote-valido"), reader.token("biller"))
    assert (await reader.run(page, "Uploaded", "biller", id=document))["kind"] == "XML"
    # The demo has imported the guides of this example.
    imported = await reader.run(page, "ImportBatch", "biller", document=document)
    assert {each["outcome"] for each in imported["results"]} == {"UNCHANGED"}
    job = imported["job"]["id"]
    assert (await reader.run(page, "Job", "biller", id=job))["status"] == "DONE"
    await reader.watch(page, "Watch", "biller")
    await reader.run(page, "Cancel", "biller", "cannot cancel an import job that is DONE", id=job)


async def _parties(reader: Reader) -> None:
    page, day = "parties", today()
    await reader.run(page, "Terms", "admin", "NOT_FOUND")  # the demo has its own two payers
    assert (await reader.run(page, "RegisterProvider", "admin"))["provider"]["cnes"] == "2077485"
    patient = (await reader.run(page, "RegisterPatient", "front_desk"))["patient"]["id"]
    dates = {"from": day.isoformat(), "to": (day + timedelta(days=365)).isoformat()}
    assert (await reader.run(page, "RegisterCoverage", "front_desk", patient=patient, **dates))["coverage"]["id"]
    # Two CPFs are two people.
    await reader.run(page, "MergePatients", "front_desk", "CONFLICT", stays=PATIENT, merged=patient)


async def _money(reader: Reader) -> None:
    day = today().isoformat()
    invoice = await reader.first("finance", "invoices", status="[ISSUED, PARTIALLY_SETTLED]")
    settled = await reader.run("money", "SettleNetOfTax", "finance", id=invoice, today=day)
    assert settled["settlement"]["netAmount"] == "93.85"
    # No line of the demo waits because of its amounts.
    await reader.run("queue", "AcceptRecalculations", "finance", "NOT_FOUND")
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=";").writerows([["Guia", "Valor Pago"], ["MY-0001", "1,00"]])
    document = await upload(reader._gateway, sheet.getvalue().encode(), reader.token("finance"))
    page = "statements-by-spreadsheet"
    columns = (await reader.run(page, "Preview", "finance", document=document))["columns"]
    given = {"document": document, "columns": columns, "today": day}
    imported = await reader.run(page, "ImportSpreadsheet", "finance", **given)
    assert [each["status"] for each in imported["remittances"][0]["lines"]["nodes"]] == ["MATCHED"]
