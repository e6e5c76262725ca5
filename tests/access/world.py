"""A world with one of everything, so that every field of the schema has something to show."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.import_tables import import_jobs
from app.domain import ids
from app.domain.imports import ImportJobStatus
from tests.access import accounts, appeals, receptions, waiting
from tests.example_lotes import lote
from tests.factories import BLOOD_COUNT, CONSULTATION, World, key, new_world, party_admin, today
from tests.gateway import Gateway
from tests.inputs import shaped

EVENT_CODE = "1705"
DOCTOR = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}


@dataclass
class Rich:
    """The parties and the ids of one object of every kind; `shared` are those of objects that everybody may know."""

    world: World
    ids: dict[str, str] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    number: str = ""

    @property
    def names(self) -> dict[str, str]:
        """Everything of its own that a query may ask by: ids, numbers, codes, and the card."""
        world = self.world
        parties = {"ans code": world.payer, "cnes": world.provider, "card": world.card}
        return {**self.ids, **parties, "number": self.number}

    @property
    def gateway(self) -> Gateway:
        """Where it lives."""
        return self.world.gateway


async def rich_world(gateway: Gateway) -> Rich:
    """A decided and partly denied claim, appealed, replaced, billed and partly paid; a contract, a statement with an
    unmatched line, an eligibility answer, and an open emergency access."""
    rich = Rich(await new_world(gateway))
    await _contract(rich)
    await _decided_claim(rich)
    await _billed(rich)
    await _statement(rich)
    rich.ids |= await waiting.credit(rich.world, rich.ids["invoice"])
    explaining = [rich.ids[name] for name in ("claim", "settlement", "credit")]
    rich.ids |= await waiting.adjustments(rich.world, *explaining)
    rich.ids |= await waiting.put_back(rich.world)
    rich.ids |= await waiting.held(rich.world)
    rich.ids |= await accounts.bank(rich.world)
    rich.ids |= await accounts.sheets(rich.world)
    await _document(rich)
    await waiting.read_statement(rich.world, rich.ids["importJob"], rich.ids["remittance"])
    await _rest(rich)
    await _sent(rich)
    rich.ids |= await appeals.sent_batch(rich.world, (await denied(rich.world))[1])
    await appeals.win(rich.world, (await denied(rich.world))[1])
    rich.ids |= await appeals.upheld(rich.world, (await denied(rich.world))[1])
    return rich


async def add_targets(rich: Rich) -> None:
    """Beside it, something for every mutation to act on, so that only the scope can be the reason of a refusal."""
    world = rich.world
    await _unsent(rich)
    rich.ids |= await appeals.targets(world, [(await denied(world))[1] for _ in range(appeals.TARGETS)])
    rich.ids["submitted"] = (await world.submitted_claim())["id"]
    rich.ids["approved"] = (await world.approved_claim())["id"]
    rich.ids["draft_invoice"] = (await world.draft_invoice())["id"]
    rich.ids["decidable"] = (await world.claim_in_review())["id"]
    rich.ids["replaceable"] = (await world.approved_claim())["id"]
    rich.ids["wrong_draft"] = (await world.create_claim())["claim"]["id"]
    rich.ids["pending"] = (await world.claim_in_review())["id"]
    await world.mutate("reviewer", "requestInformation", "claim { id }", id=rich.ids["pending"], reason="laudo")
    for name in ("lost_denial", "open_denial", "appealed_denial", "withdrawable_denial"):
        claim, rich.ids[name] = await denied(world)
    rich.ids["disputed_invoice"] = (await world.create_invoice([claim]))["invoice"]["id"]
    await _undoable(rich)
    await _open_job(rich)
    fresh = await world.check_eligibility(forceRefresh=True)
    rich.ids["fresh_eligibility"] = fresh["eligibility"]["id"]
    rich.ids["statement_document"] = await accounts.uploaded_statement(world)
    rich.ids["wrong_statement_mapping"] = await accounts.mapping(world, "Lote")
    for name in ("appealed_denial", "withdrawable_denial"):
        await world.mutate(
            "biller", "appealDenial", "denial { id }", id=rich.ids[name], justification="Conforme contrato",
            idempotencyKey=key(),
        )  # fmt: skip


async def _undoable(rich: Rich) -> None:
    """Statements with what can be taken back: a match, a line without a claim, and the import itself."""
    world = rich.world
    matched = {"providerClaimNumber": (await world.submitted_claim())["providerClaimNumber"], "paidAmount": "1.00"}
    strange = {"providerClaimNumber": "NENHUMA2", "paidAmount": "2.00"}
    remittance = await accounts.imported(world, "DEM3", [matched, strange])
    rich.ids["wrongly_matched_line"], rich.ids["strange_line"] = (line["id"] for line in remittance["lines"])
    rich.ids |= await waiting.lines(world, strange)
    rich.ids["wrong_remittance"] = (await accounts.imported(world, "DEM4", [strange]))["id"]


async def denied(world: World) -> tuple[str, str]:
    """The ids of a claim and its open denial."""
    claim = await world.claim_in_review()
    denial = {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": EVENT_CODE, "amount": "40.00"}]}
    await world.adjudicate(claim["id"], [denial])
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = (await world.call("reviewer", query, id=claim["id"]))["claim"]["items"][0]["denials"][0]["id"]
    return claim["id"], found


async def _document(rich: Rich) -> None:
    """Uploaded and imported with a token of its provider and payer: a guide with a service of a day that is billed."""
    world = rich.world
    token = world.gateway.token("biller", providers=[world.provider], payer=world.payer)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/xml"}
    answer = await world.gateway.client.post(
        f"{world.gateway.url}/documents", content=lote(world, ["LOTE1"]), headers=headers
    )
    rich.ids["document"] = answer.json()["id"]
    query = "mutation($input: ImportBatchInput!) { importBatch(input: $input) { job { id } results { outcome } } }"
    values = {"input": {"documentId": rich.ids["document"], "idempotencyKey": key()}}
    found = (await world.gateway.gql(query, values, token=token)).data["importBatch"]
    assert found["results"] == [{"outcome": "TAKEN_WITH_WARNINGS"}], found
    rich.ids["importJob"] = found["job"]["id"]


async def _open_job(rich: Rich) -> None:
    """A job that waits, and that nobody takes for an hour."""

    async def work(connection: AsyncConnection) -> None:
        found = await connection.execute(select(import_jobs).where(import_jobs.c.id == rich.ids["importJob"]))
        row = dict(found.mappings().one())
        row |= {"id": ids.new_id(ids.IMPORT_JOB), "status": ImportJobStatus.QUEUED, "lease_holder": "nobody"}
        row |= {"lease_until": row["created_at"] + timedelta(hours=1)}
        await connection.execute(insert(import_jobs).values(**row))
        rich.ids["open_job"] = row["id"]

    await rich.gateway.database.transact(work)


async def _contract(rich: Rich) -> None:
    world = rich.world
    price = {"codeSystem": "22", "code": CONSULTATION["code"], "unitPrice": "90.00", "validFrom": "2020-01-01"}
    terms = {"submissionWindowDays": 90, "appealDeadlineDays": 30, "paymentTermDays": 30}
    values = {"provider": world.provider, "payer": world.payer, "prices": [], "providerCode": "PREST1", **terms}
    blood_count = {**price, "code": BLOOD_COUNT["code"], "unitPrice": "20.00"}
    values["prices"] = [{**price, "quantityMax": "9"}, blood_count]
    token = world.gateway.token("admin", providers=["*"])
    fields = "contract { id prices { nodes { id } } }"
    query = f"mutation($input: SaveContractInput!) {{ saveContract(input: $input) {{ {fields} }} }}"
    given = {"input": shaped("saveContract", values)}
    found = (await world.gateway.gql(query, given, token=token)).data["saveContract"]
    rich.ids |= {"contract": found["contract"]["id"], "price": found["contract"]["prices"]["nodes"][0]["id"]}


STAY = {
    "requestingProvider": {"code": "PREST777", "name": "Hospital Solicitante", "cnes": "2077485"},
    "requestedOn": "2026-01-02",
    "mainClaimNumber": "GP55",
    "location": {"code": "P1", "name": "Hospital", "cnes": "2077485"},
    "admission": {
        "startsOn": "2026-01-02",
        "startsAt": "08:28:00",
        "endsOn": "2026-01-04",
        "endsAt": "14:00",
        "type": "2",
        "regime": "1",
    },
    "billingType": "4",
    "dischargeReason": "41",
    "issuedOn": "2026-01-05",
    "planName": "Plano Ouro",
    "notes": "Nenhuma",
}
EVA = {"name": "Dra. Eva", "council": "06", "number": "8696", "state": "26", "cbo": "225250"}
EVAS_CPF = "52998224725"
DETAILS = {
    "unit": "036",
    "accessRoute": "1",
    "technique": "2",
    "startsAt": "08:15:00",
    "endsAt": "08:45:00",
    "team": [
        {"role": "00", "practitioner": EVA, "code": "P8696"},
        {"role": "01", "practitioner": EVA, "cpf": EVAS_CPF},
    ],
}


async def _decided_claim(rich: Rich) -> None:
    """Approved in part with a denial that is appealed and answered, of a claim that has everything, in a batch."""
    world = rich.world
    claim = await world.claim_in_review(
        items=[{**CONSULTATION, "details": DETAILS}, BLOOD_COUNT],
        clinicalIndication="Dor toracica em repouso",
        diagnosisCodes=["I209"],
        practitioner={"name": "Dra. Ana", "council": "06", "number": world.provider, "state": "35", "cbo": "225125"},
        authorization={"number": "SENHA1", "issuedOn": today().isoformat(), "validUntil": today().isoformat()},
        encounter={
            "priority": "1",
            "type": "04",
            "accident": "9",
            "setting": "01",
            "visitType": "1",
            "requester": {"name": "Dr. Rui", "council": "06", "number": "54321", "state": "35", "cbo": "225125"},
            **STAY,
        },
    )
    rich.ids["claim"], rich.number = claim["id"], claim["providerClaimNumber"]
    await _batch(world, [claim["id"]])
    decisions = [
        {"sequence": 1, "approvedAmount": "60.00", "denials": [{"code": EVENT_CODE, "amount": "40.00"}]},
        {"sequence": 2, "approvedAmount": "37.00"},
    ]
    await world.adjudicate(claim["id"], decisions, payerClaimNumber=f"OP{claim['providerClaimNumber']}")
    query = "query($id: ID!) { claim(id: $id) { items { id denials { id } } } }"
    items = (await world.call("reviewer", query, id=claim["id"]))["claim"]["items"]
    rich.ids |= {"item": items[0]["id"], "denial": items[0]["denials"][0]["id"]}
    await world.mutate(
        "biller", "appealDenial", "denial { id }", id=rich.ids["denial"], justification="Valor conforme tabela",
        amount="30.00", idempotencyKey=key(),
    )  # fmt: skip
    answer = {"acceptedAmount": "10.00", "justification": "Parcialmente aceito", "idempotencyKey": key()}
    await world.mutate("payer_agent", "answerAppeal", "denial { id }", id=rich.ids["denial"], **answer)


async def _billed(rich: Rich) -> None:
    """An invoice of the claim and its won appeal, with a debit, issued, partly paid and one payment taken back."""
    world = rich.world
    invoice = (await world.create_invoice([rich.ids["claim"]]))["invoice"]
    rich.ids["invoice"] = invoice["id"]
    for kind, amount in (("DEBIT", "1.00"), ("CREDIT", "3.00")):
        values = {"id": invoice["id"], "kind": kind, "amount": amount, "reason": "Taxa", "idempotencyKey": key()}
        await world.mutate("finance", "adjustInvoice", "invoice { id }", **values)
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    kept = [{"kind": "IRRF", "amount": "0.75"}]
    settled = await world.settle(
        invoice["id"], "50.00", bankReference="TED 778", statementNumber="DEM2", deductions=kept
    )
    rich.ids["settlement"] = settled["settlement"]["id"]
    reversed_ = await world.reverse(rich.ids["settlement"], "5.00")
    rich.ids["reversal"] = reversed_["settlement"]["id"]
    query = "query($id: ID!) { invoice(id: $id) { lines { nodes { id } } } }"
    lines = (await world.call("finance", query, id=invoice["id"]))["invoice"]["lines"]["nodes"]
    rich.ids["line"] = lines[0]["id"]


async def _statement(rich: Rich) -> None:
    """A statement with a line that matches a claim in review and one that matches nothing."""
    world = rich.world
    claim = await world.claim_in_review()
    rich.ids["reviewed"] = claim["id"]
    lines: list[dict[str, Any]] = [
        {
            "providerClaimNumber": claim["providerClaimNumber"],
            "itemCode": CONSULTATION["code"],
            "paidAmount": "80.00",
            "denials": [{"code": EVENT_CODE, "amount": "20.00"}],
        },
        {
            "providerClaimNumber": "NENHUMA1",
            "itemCode": CONSULTATION["code"],
            "paidAmount": "5.00",
            "denials": [{"code": EVENT_CODE, "amount": "1.00"}],
        },
    ]
    rich.ids["doubtful_remittance"] = await accounts.doubtful(world)
    rich.ids["cancelled_remittance"] = (await accounts.imported(world, "DEM5", lines[1:]))["id"]
    values = {"remittanceId": rich.ids["cancelled_remittance"], "reason": "arquivo errado", "idempotencyKey": key()}
    assert (await world.mutate("finance", "cancelRemittance", "remittance { id }", **values))["errors"] == []
    remittance = await accounts.imported(world, "DEM2", lines)
    rich.ids["remittance"] = remittance["id"]
    by_status = {line["status"]: line["id"] for line in remittance["lines"]}
    rich.ids |= {"matched_line": by_status["MATCHED"], "unmatched_line": by_status["UNMATCHED"]}


async def _batch(world: World, claim_ids: list[str]) -> str:
    """The id of an open batch of these claims."""
    values = {"claimIds": claim_ids, "idempotencyKey": key()}
    found = await world.mutate("biller", "createBatch", "batch { id }", **values)
    assert found["errors"] == [], found
    identifier: str = found["batch"]["id"]
    return identifier


async def _sent(rich: Rich) -> None:
    """A batch with a claim, from which another one was removed before it was sent."""
    world = rich.world
    removed, rich.ids["exported"] = [(await world.submitted_claim(practitioner=DOCTOR))["id"] for _ in range(2)]
    rich.ids["batch"] = batch = await _batch(world, [removed, rich.ids["exported"]])
    for name, values in (("removeFromBatch", {"claimId": removed}), ("sendBatch", {})):
        done = await world.mutate("biller", name, "batch { id }", batchId=batch, **values)
        assert done["errors"] == [], done
    query = "query($id: ID!) { batch(id: $id) { history { nodes { id action } } } }"
    steps = (await world.call("biller", query, id=batch))["batch"]["history"]["nodes"]
    rich.ids["batch_step"] = next(each["id"] for each in steps if each["action"] == "REMOVE_CLAIM")


async def _unsent(rich: Rich) -> None:
    """Batches that are not answered by the payer, and claims in no batch."""
    world = rich.world
    names = ("unsent", "in_batch", "also_in_batch", "in_wrong_batch")
    rich.ids |= {name: (await world.submitted_claim(practitioner=DOCTOR))["id"] for name in names}
    rich.ids["open_batch"] = await _batch(world, [rich.ids["in_batch"], rich.ids["also_in_batch"]])
    rich.ids["wrong_batch"] = await _batch(world, [rich.ids["in_wrong_batch"]])
    rich.ids["withdrawable"] = (await world.submitted_claim())["id"]
    rich.ids["refusable"], kept, rejected = [(await world.submitted_claim(practitioner=DOCTOR))["id"] for _ in range(3)]
    for name, chosen in (("received_batch", [rich.ids["refusable"], kept]), ("rejected_batch", [rejected])):
        rich.ids[name] = await _batch(world, chosen)
        done = await world.mutate("biller", "sendBatch", "batch { id }", batchId=rich.ids[name])
        assert done["errors"] == [], done
    rich.ids |= await receptions.receivable(world)


async def _rest(rich: Rich) -> None:
    world = rich.world
    replaced = await world.approved_claim()
    correction = await world.mutate(
        "biller", "replaceClaim", "claim { id }", id=replaced["id"], providerClaimNumber=f"R{replaced['id'][-12:]}",
        idempotencyKey=key(),
    )  # fmt: skip
    assert correction["errors"] == [], correction
    rich.ids |= {"replaced": replaced["id"], "correction": correction["claim"]["id"]}
    rich.ids["draft"] = (await world.create_claim())["claim"]["id"]
    rich.ids["exportable"] = (await world.submitted_claim(practitioner=DOCTOR))["id"]
    await world.check_eligibility(serviceDate="2014-06-01")  # before the coverage began: an answer with reasons
    checked = await world.check_eligibility(procedure={"codeSystem": "22", "code": CONSULTATION["code"]})
    rich.ids["eligibility"] = checked["eligibility"]["id"]
    rich.ids["patient"] = world.patient
    rich.ids["emergency"] = await open_emergency(world)
    steps = "history(first: 100) { nodes { __typename id } }"
    query = (
        f"query($claim: ID!, $invoice: ID!) {{ claim(id: $claim) {{ {steps} }} invoice(id: $invoice) {{ {steps} }} }}"
    )
    found = await world.call("biller", query, claim=rich.ids["claim"], invoice=rich.ids["invoice"])
    of_claim = {each["__typename"]: each["id"] for each in found["claim"]["history"]["nodes"]}
    rich.ids |= {"step": of_claim["ClaimStep"], "denial_step": of_claim["DenialStep"]}
    rich.ids["invoice_step"] = found["invoice"]["history"]["nodes"][0]["id"]
    own_log = (await world.call("patient", "{ myAccessLog { nodes { id } } }"))["myAccessLog"]["nodes"]
    rich.ids["access"] = own_log[0]["id"]
    rich.ids["provider"] = ids.of_key(ids.PROVIDER, world.provider)
    await _managed(rich)
    rich.shared = {"payer": ids.of_key(ids.PAYER, world.payer), "term": "tus_22_10101012"}


async def _managed(rich: Rich) -> None:
    """A provider and a payer that have been changed."""
    world, entry = rich.world, "history { nodes { id } }"
    found = await party_admin(
        world, "updateProvider", f"provider {{ {entry} }}", providerCnes=world.provider, name="Clinica Renomeada"
    )
    rich.ids["party_step"] = found["provider"]["history"][0]["id"]
    values = {"provider": world.provider, "name": "Dra. Ana Lima", "council": "06", "number": world.provider}
    values |= {"state": "35", "cbo": "225125", "idempotencyKey": key()}
    made = await world.mutate("biller", "registerPractitioner", "practitioner { id }", **values)
    rich.ids["practitioner"] = made["practitioner"]["id"]
    spare = {"provider": world.provider, "name": "Maria Repetida", "idempotencyKey": key()}
    made = await world.mutate("front_desk", "registerPatient", "patient { id }", **spare)
    rich.ids["spare_patient"] = made["patient"]["id"]
    made = await world.mutate("front_desk", "registerPatient", "patient { id }", **{**spare, "idempotencyKey": key()})
    both = {"patientId": world.patient, "mergedPatientId": made["patient"]["id"], "idempotencyKey": key()}
    steps = "patient { history { nodes { id } } }"
    made = await world.mutate("front_desk", "mergePatients", steps, **both)
    rich.ids["merge_step"] = made["patient"]["history"][-1]["id"]
    query = "query($id: String!) { patients(cardNumber: $id) { nodes { coverages { nodes { id } } } } }"
    (patient,) = (await world.call("reviewer", query, id=world.card))["patients"]["nodes"]
    rich.ids["coverage"] = patient["coverages"]["nodes"][0]["id"]
    for name, what in (("updatePatient", "patient"), ("updateCoverage", "coverage")):
        changes = {"name": f"Maria Segredo {world.patient[-9:]}"} if what == "patient" else {"plan": "Plano Novo"}
        await world.mutate("biller", name, f"{what} {{ id }}", **{f"{what}Id": rich.ids[what]}, **changes)
    await party_admin(world, "updatePayer", "payer { id }", payerAnsCode=world.payer, name=f"Payer {world.payer} S.A.")


def nurse_of(world: World) -> str:
    """The subject of a front desk who opens emergency accesses: one of each world, who may open one at a time."""
    return f"nurse-{world.provider}"


async def open_emergency(world: World) -> str:
    """The id of an emergency access to the world's patient, opened by its nurse."""
    token = world.gateway.token("front_desk", providers=[world.provider], sub=nurse_of(world))
    query = """mutation($input: OpenEmergencyAccessInput!) {
      openEmergencyAccess(input: $input) { access { id } errors { code } } }"""
    values = {"patientId": world.patient, "reason": "Paciente inconsciente na emergencia"}
    found = (await world.gateway.gql(query, {"input": values}, token=token)).data["openEmergencyAccess"]
    identifier: str = found["access"]["id"]
    return identifier
