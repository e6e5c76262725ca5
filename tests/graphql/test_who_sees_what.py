"""Roles see their field groups and nothing else; a scope holds its own data and nothing else."""

from typing import Any

import pytest
from graphql import ObjectTypeDefinitionNode, parse, print_ast

from app.auth.roles import ROLES
from app.schema.root import schema
from app.services.actions import ACTIONS
from tests import spreadsheets
from tests.factories import CONSULTATION, World, new_world
from tests.graphql.appeal_inputs import APPEAL_BATCHES

GROUPS = {
    "status": "status providerClaimNumber serviceDate payer { name } provider { name }",
    "person": "cardNumber patient { name cpf }",
    "items": "items { code description }",
    "health": "clinicalIndication diagnosisCodes",
    "amounts": "claimedAmount approvedAmount deniedAmount",
    "settlements": "invoice { settlements(first: 100) { nodes { id } } }",
    "bank": "invoice { settlements(first: 100) { nodes { bankReference } } }",
}
SEES = {
    "billing_reader": {"status", "amounts"},
    "biller": {"status", "person", "items", "amounts", "settlements"},
    "reviewer": {"status", "person", "items", "health", "amounts"},
    "finance": {"status", "person", "amounts", "settlements", "bank"},
    "front_desk": {"status", "person"},
    "payer_agent": {"status", "person", "items", "health", "amounts", "settlements", "bank"},
    "patient": {"status", "person", "items", "health", "amounts"},
    "admin": set(),
}
PERSON = {
    "billing_reader": None,
    "biller": "clear, cpf masked",
    "reviewer": "clear",
    "finance": "masked",
    "front_desk": "clear",
    "payer_agent": "clear",
    "patient": "clear",
    "admin": None,
}
NEEDS = {action.name: action.needs for action in ACTIONS}
VERBS = ("register", "update", "deactivate", "reactivate")
MUTATIONS = {
    "createClaim": {"biller"},
    "updateDraftClaim": {"biller"},
    "submitClaims": {"biller"},
    "cancelClaim": {"biller"},
    "deleteDraftClaim": {"biller"},
    "resumeReview": {"reviewer", "payer_agent"},
    "withdrawAppeal": {"biller"},
    "startReview": {"reviewer", "payer_agent"},
    "adjudicateClaim": {"reviewer", "payer_agent"},
    "createInvoice": {"biller"},
    "issueInvoice": {"finance"},
    "cancelInvoice": {"biller", "finance"},
    "settleInvoice": {"finance"},
    "reverseSettlement": {"finance"},
    "checkEligibility": {"biller", "front_desk"},
    "replaceClaim": {"biller"},
    "exportBatch": {"biller"},
    "createBatch": {"biller"},
    "createBatches": {"biller"},
    "sendBatch": {"biller"},
    "removeFromBatch": {"biller"},
    "cancelBatch": {"biller"},
    "recordProtocol": {"biller"},
    "rejectBatch": {"biller"},
    "withdrawClaim": {"biller"},
    **{key: {"biller"} for key in APPEAL_BATCHES},
    "requestInformation": {"reviewer", "payer_agent"},
    "acceptDenial": {"biller"},
    "appealDenial": {"biller"},
    "answerAppeal": {"payer_agent"},
    "cancelClaims": {"biller"},
    "acceptDenials": {"biller"},
    "appealDenials": {"biller"},
    "answerAppeals": {"payer_agent"},
    "issueInvoices": {"finance"},
    "postRemittances": {"finance"},
    "adjustInvoice": {"finance"},
    "importRemittance": {"finance"},
    "importBatch": {"biller"},
    "cancelImportJob": {"biller"},
    "cancelRemittance": {"finance"},
    **{f"{verb}RemittanceLine": {"finance"} for verb in ("match", "unmatch", "dismiss", "resolve", "split", "undo")},
    "resolveRemittanceLines": {"finance"},
    **{name: {"finance"} for name in ("explainAdjustment", "undoAdjustment")},
    **{name: {"finance"} for name in ("applyCredit", "refundCredit", "reverseCreditUse")},
    **{name: {"finance"} for name in ("importBankFile", "matchBankEntries", "unmatchBankEntry")},
    "dismissBankEntry": {"finance"},
    "postRemittance": {"finance"},
    **{name: {"finance"} for name in spreadsheets.CHANGES},
    "releaseRemittance": {"finance"},
    "correctPaymentDate": {"finance"},
    "saveContract": {"admin"},
    "endContractPrice": {"admin"},
    "closeContract": {"admin"},
    **{key: {"admin"} for key in ("registerPayer", "updatePayer", "deactivatePayer", "reactivatePayer")},
    **{key: {"admin"} for key in ("registerProvider", "updateProvider", "deactivateProvider", "reactivateProvider")},
    **{f"{verb}{kind}": {"biller", "front_desk"} for kind in ("Patient", "Practitioner") for verb in VERBS},
    **{f"{verb}Coverage": {"biller", "front_desk"} for verb in ("register", "update", "end")},
    "mergePatients": {"front_desk"},
    "importParties": {"biller", "front_desk", "admin"},
    "openEmergencyAccess": {"biller", "front_desk"},
    "closeEmergencyAccess": {"biller", "front_desk", "admin"},
}
READS = {
    "denials": {"biller", "reviewer", "payer_agent", "patient"},
    "batches": {"billing_reader", "biller", "reviewer", "finance", "payer_agent"},
    "appealTemplates": {"biller"},
    "appealBatches": {"billing_reader", "biller", "reviewer", "finance", "payer_agent"},
    "remittances": {"finance", "payer_agent"},
    **{key: {"finance"} for key in ("statementMappings", "spreadsheetPreview")},
    "unmatchedRemittanceLines": {"finance", "payer_agent"},
    "remittanceAdjustments": {"finance", "payer_agent"},
    "unappliedCredits": {"biller", "finance", "payer_agent"},
    "reconciliation": {"billing_reader", "biller", "reviewer", "finance", "payer_agent"},
    "billingIndicators": {"billing_reader", "biller", "reviewer", "finance", "payer_agent"},
    "contracts": {"biller", "reviewer", "finance", "payer_agent", "admin"},
    "claimPreflight": {"biller"},
    "myAccessLog": {"patient"},
    "emergencyAccesses": {"admin"},
}
INPUTS = {
    **APPEAL_BATCHES,
    **spreadsheets.CHANGES,
    "createClaim": 'claim: {type: SP_SADT, providerCnes: "1", payerAnsCode: "1", providerClaimNumber: "1", '
    'cardNumber: "1", serviceDate: "2026-01-01", items: []}, idempotencyKey: "k"',
    "updateDraftClaim": 'claimId: "x", claim: {}',
    "submitClaims": "claimIds: []",
    "cancelClaim": 'claimId: "x"',
    "deleteDraftClaim": 'claimId: "x"',
    "resumeReview": 'claimId: "x"',
    "withdrawAppeal": 'denialId: "x", idempotencyKey: "k"',
    "startReview": 'claimId: "x"',
    "adjudicateClaim": 'claimId: "x", items: [], idempotencyKey: "k"',
    "createInvoice": 'providerCnes: "1", payerAnsCode: "1", billingMonth: "1", claimIds: [], idempotencyKey: "k"',
    "issueInvoice": 'invoiceId: "x"',
    "cancelInvoice": 'invoiceId: "x"',
    "settleInvoice": 'invoiceId: "x", paidOn: "2026-01-01", idempotencyKey: "k"',
    "reverseSettlement": 'settlementId: "x", reason: "r", idempotencyKey: "k"',
    "checkEligibility": 'providerCnes: "1", payerAnsCode: "1", cardNumber: "1"',
    "replaceClaim": 'claimId: "x", claim: {providerClaimNumber: "1"}, idempotencyKey: "k"',
    "exportBatch": 'claimIds: [], idempotencyKey: "k"',
    "createBatch": 'claimIds: [], idempotencyKey: "k"',
    "createBatches": 'payerAnsCode: "1", providerCnes: "1", month: "2026-01", idempotencyKey: "k"',
    "sendBatch": 'batchId: "x"',
    "removeFromBatch": 'batchId: "x", claimId: "x"',
    "cancelBatch": 'batchId: "x"',
    "recordProtocol": 'batchId: "x", content: {xml: "x"}',
    "rejectBatch": 'batchId: "x", reason: "r"',
    "withdrawClaim": 'claimId: "x"',
    "requestInformation": 'claimId: "x", reason: "r"',
    "acceptDenial": 'denialId: "x", idempotencyKey: "k"',
    "appealDenial": 'denialId: "x", justification: "j", idempotencyKey: "k"',
    "answerAppeal": 'denialId: "x", acceptedAmount: "1.00", idempotencyKey: "k"',
    "cancelClaims": "claimIds: []",
    "acceptDenials": 'denialIds: [], idempotencyKey: "k"',
    "appealDenials": 'appeals: [], idempotencyKey: "k"',
    "answerAppeals": 'answers: [], idempotencyKey: "k"',
    "issueInvoices": "invoiceIds: []",
    "postRemittances": 'remittanceIds: [], idempotencyKey: "k"',
    "adjustInvoice": 'invoiceId: "x", kind: CREDIT, amount: "1.00", reason: "r", idempotencyKey: "k"',
    "importRemittance": 'payerAnsCode: "1", providerCnes: "1", content: {lines: []}, idempotencyKey: "k"',
    "importBatch": 'documentId: "x", idempotencyKey: "k"',
    "cancelImportJob": 'importJobId: "x"',
    "matchRemittanceLine": 'remittanceLineId: "x", claimId: "x"',
    "unmatchRemittanceLine": 'remittanceLineId: "x"',
    "dismissRemittanceLine": 'remittanceLineId: "x", reason: "r"',
    "resolveRemittanceLine": 'remittanceLineId: "x", resolution: { note: { text: "x" } }, idempotencyKey: "x"',
    "resolveRemittanceLines": 'resolution: { note: { text: "x" } }, idempotencyKey: "x"',
    "splitRemittanceLine": 'remittanceLineId: "x", parts: [], idempotencyKey: "x"',
    "undoRemittanceLine": 'remittanceLineId: "x", reason: "r", idempotencyKey: "x"',
    "explainAdjustment": 'remittanceAdjustmentId: "x", explanation: { accept: { reason: "r" } }, idempotencyKey: "x"',
    "undoAdjustment": 'remittanceAdjustmentId: "x", reason: "r", idempotencyKey: "x"',
    "applyCredit": 'creditId: "x", invoiceId: "x", idempotencyKey: "x"',
    "refundCredit": 'creditId: "x", reason: "r", idempotencyKey: "x"',
    "reverseCreditUse": 'creditUseId: "x", reason: "r", idempotencyKey: "x"',
    "cancelRemittance": 'remittanceId: "x", reason: "r", idempotencyKey: "k"',
    "postRemittance": 'remittanceId: "x", idempotencyKey: "k"',
    "releaseRemittance": 'remittanceId: "x", reason: "r", idempotencyKey: "k"',
    "correctPaymentDate": 'remittanceId: "x", paidOn: "2026-01-01", reason: "r", idempotencyKey: "k"',
    "importBankFile": 'providerCnes: "1", content: {entries: []}, idempotencyKey: "k"',
    "matchBankEntries": 'entryIds: [], remittanceIds: [], idempotencyKey: "k"',
    "unmatchBankEntry": 'bankEntryId: "x", idempotencyKey: "k"',
    "dismissBankEntry": 'bankEntryId: "x", reason: "r", idempotencyKey: "k"',
    "endContractPrice": 'contractId: "x", codeSystem: "22", code: "1", validTo: "2026-01-01"',
    "closeContract": 'contractId: "x", endsOn: "2026-01-01"',
    "openEmergencyAccess": 'patientId: "x", reason: "r"',
    "closeEmergencyAccess": 'emergencyAccessId: "x"',
    "registerPayer": 'payerAnsCode: "1", name: "n", idempotencyKey: "k"',
    "registerProvider": 'providerCnes: "1", name: "n", taxId: "1", idempotencyKey: "k"',
    **dict.fromkeys(("updatePayer", "deactivatePayer", "reactivatePayer"), 'payerAnsCode: "1"'),
    **dict.fromkeys(("updateProvider", "deactivateProvider", "reactivateProvider"), 'providerCnes: "1"'),
    "registerPatient": 'providerCnes: "1", name: "n", idempotencyKey: "k"',
    **dict.fromkeys(("updatePatient", "deactivatePatient", "reactivatePatient"), 'patientId: "x"'),
    "registerCoverage": 'patientId: "x", payerAnsCode: "1", cardNumber: "1", plan: "p", startsOn: "2026-01-01", '
    'idempotencyKey: "k"',
    "updateCoverage": 'coverageId: "x"',
    "mergePatients": 'patientId: "x", mergedPatientId: "y", idempotencyKey: "k"',
    "importParties": 'csv: "kind", idempotencyKey: "k"',
    "endCoverage": 'coverageId: "x", endsOn: "2026-01-01"',
    "registerPractitioner": 'providerCnes: "1", name: "n", council: "06", number: "1", state: "35", cbo: "225125", '
    'idempotencyKey: "k"',
    **dict.fromkeys(("updatePractitioner", "deactivatePractitioner", "reactivatePractitioner"), 'practitionerId: "x"'),
    "saveContract": 'providerCnes: "1", payerAnsCode: "1", submissionWindowDays: 1, appealDeadlineDays: 1, '
    "paymentTermDays: 1",
}


async def _rich_claim(world: World) -> str:
    claim = await world.claim_in_review(items=[CONSULTATION], clinicalIndication="febre", diagnosisCodes=["A09"])
    await world.adjudicate(claim["id"], [{"sequence": 1, "approvedAmount": "100.00"}])
    invoice = (await world.create_invoice([claim["id"]]))["invoice"]
    await world.mutate("finance", "issueInvoice", "invoice { id }", id=invoice["id"])
    await world.settle(invoice["id"], "1.00", bankReference="TED1")
    identifier: str = claim["id"]
    return identifier


async def test_each_role_sees_its_field_groups_and_no_other(world: World) -> None:
    claim_id = await _rich_claim(world)
    for role, sees in SEES.items():
        for group, fields in GROUPS.items():
            query = f"query($id: ID!) {{ claim(id: $id) {{ id {fields} }} }}"
            answer = await world.gateway.gql(query, {"id": claim_id}, token=world.token(role))
            if group in sees:
                assert (answer.codes, answer.body["data"]["claim"]["id"]) == ([], claim_id), (role, group)
            else:
                assert set(answer.codes) == {"FORBIDDEN"}, (role, group)
                found = answer.body["data"]
                # A refused field is null, and the rest of the claim still answers.
                assert found["claim"] is None if role == "admin" else found["claim"]["id"] == claim_id


async def test_persons_are_clear_masked_or_hidden(world: World) -> None:
    claim_id = await _rich_claim(world)
    query = "query($id: ID!) { claim(id: $id) { cardNumber patient { name cpf } } }"
    for role, kind in PERSON.items():
        body = (await world.gateway.gql(query, {"id": claim_id}, token=world.token(role))).body
        claim = body["data"]["claim"]
        if kind is None:
            assert claim is None or claim == {"cardNumber": None, "patient": None}, role
            continue
        person = claim["patient"]
        assert (claim["cardNumber"] == world.card) == kind.startswith("clear"), role
        assert person["name"].startswith("Maria") == kind.startswith("clear"), role
        assert ("*" in person["cpf"]) == (kind != "clear"), role
        assert len(person["cpf"]) == 11


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
async def test_each_role_does_its_mutations_and_no_other(world: World, mutation: str) -> None:
    query = f"mutation {{ {mutation}(input: {{ {INPUTS[mutation]} }}) {{ errors {{ code }} }} }}"
    for role in ROLES:
        answer = await world.gateway.gql(query, token=world.token(role))
        assert (answer.codes == ["FORBIDDEN"]) == (role not in MUTATIONS[mutation]), (role, answer.body)


@pytest.mark.parametrize("query", sorted(READS))
async def test_each_role_reads_its_lists_and_no_other(world: World, query: str) -> None:
    arguments = f"({ARGUMENTS[query]})" if query in ARGUMENTS else ""
    for role in ROLES:
        text = f"{{ {query}{arguments} {{ {SELECTIONS.get(query, 'totalCount')} }} }}"
        answer = await world.gateway.gql(text, token=world.token(role))
        assert (answer.codes == ["FORBIDDEN"]) == (role not in READS[query]), (role, answer.body)


def test_the_table_of_mutations_is_what_the_schema_says() -> None:
    types = {
        node.name.value: node
        for node in parse(schema.as_str()).definitions
        if isinstance(node, ObjectTypeDefinitionNode)
    }
    printed = {
        field.name.value: [print_ast(each) for each in field.directives or () if each.name.value != "cost"]
        for field in types["Mutation"].fields or ()
    }
    assert printed == {name: [f'@requiresScopes(scopes: [["{scope}"]])'] for name, scope in NEEDS.items()}


def _root_fields() -> list[tuple[str, str]]:
    types = [node for node in parse(schema.as_str()).definitions if isinstance(node, ObjectTypeDefinitionNode)]
    return [
        (node.name.value, field.name.value)
        for node in types
        if node.name.value in ("Query", "Mutation")
        for field in node.fields or ()
    ]


ARGUMENTS = {"claim": 'id: "x"', "invoice": 'id: "x"', "node": 'id: "x"', "nodes": 'ids: ["x"]'}
ARGUMENTS |= {"spreadsheetPreview": spreadsheets.PREVIEWED}
ARGUMENTS |= {"remittance": 'id: "x"', "claimPreflight": 'input: {claimId: "x"}'}
ARGUMENTS |= {"patient": 'id: "x"', "coverage": 'id: "x"', "coverageOfCard": 'payerAnsCode: "1", cardNumber: "1"'}
ARGUMENTS |= {"tussTerm": 'codeSystem: "22", code: "1"'}
SELECTIONS = {"me": "subject", "claim": "id", "invoice": "id", "node": "id", "nodes": "id", "tussTerm": "code"}
SELECTIONS |= {"remittance": "id", "claimPreflight": "passes", "reconciliation": "__typename"}
SELECTIONS |= {"spreadsheetPreview": "rowCount", "patient": "id", "coverage": "id", "coverageOfCard": "id"}
SELECTIONS |= {"billingIndicators": "undecidedClaimCount"}


@pytest.mark.parametrize(("kind", "name"), _root_fields())
async def test_nothing_answers_without_a_token(world: World, kind: str, name: str) -> None:
    if kind == "Mutation":
        query = f"mutation {{ {name}(input: {{ {INPUTS[name]} }}) {{ errors {{ code }} }} }}"
    else:
        arguments = f"({ARGUMENTS[name]})" if name in ARGUMENTS else ""
        query = f"{{ {name}{arguments} {{ {SELECTIONS.get(name, 'totalCount')} }} }}"
    answer = await world.gateway.gql(query)
    assert (answer.status, answer.codes, "data" in answer.body) == (401, ["UNAUTHENTICATED"], False)


@pytest.mark.parametrize("role", ["ADMIN", "superadmin", "billing_admin", "billerx", "Biller", "reviewer "])
async def test_a_role_counts_only_under_its_exact_name(world: World, role: str) -> None:
    token = world.gateway.token(role, providers=["*"])
    answer = await world.gateway.gql("{ claims { totalCount } }", token=token)
    assert answer.codes == ["FORBIDDEN"]


async def test_amounts_cannot_be_learnt_by_order_or_filter(world: World) -> None:
    for part in (
        "orderBy: {field: CLAIMED_AMOUNT, direction: ASC}",
        'filter: {claimedAmount: {from: "1.00"}}',
        'filter: {denialCode: "1705"}',
    ):
        answer = await world.gateway.gql(f"{{ claims({part}) {{ totalCount }} }}", token=world.token("front_desk"))
        assert answer.codes == ["FORBIDDEN"], part


NODE = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }"


async def test_another_scope_finds_nothing_and_changes_nothing(world: World) -> None:
    claim_id = await _rich_claim(world)
    draft = (await world.create_claim())["claim"]["id"]
    invoice = (await world.issued_invoice())["id"]
    settlement = (await world.settle(invoice, "1.00"))["settlement"]["id"]
    eligibility = (await world.check_eligibility())["eligibility"]["id"]
    other = await new_world(world.gateway)
    owned = {"reviewer": [claim_id, draft, invoice, eligibility, world.patient], "finance": [settlement]}
    for role, identifiers in owned.items():
        for identifier in identifiers:
            mine = await world.call(role, NODE, id=identifier)
            assert mine == {"node": {"id": identifier}, "nodes": [{"id": identifier}]}
            assert await other.call(role, NODE, id=identifier) == {"node": None, "nodes": [None]}
    await _lists_are_empty(other)
    await _mutations_find_nothing(other, claim_id=draft, invoice_id=invoice, settlement_id=settlement)
    assert await world.events(draft) == ["ClaimCreated"]
    assert (await world.invoice(invoice))["settledAmount"] == "1.00"


async def _lists_are_empty(other: World) -> None:
    lists = {"claims": "reviewer", "invoices": "finance", "settlements": "finance", "eligibilityHistory": "front_desk"}
    for name, role in lists.items():
        found = await other.call(role, f"{{ {name} {{ totalCount nodes {{ id }} }} }}")
        assert found[name] == {"totalCount": 0, "nodes": []}


async def _mutations_find_nothing(other: World, *, claim_id: str, invoice_id: str, settlement_id: str) -> None:
    payloads: list[Any] = [
        await other.mutate("biller", "cancelClaim", "claim { id }", id=claim_id),
        await other.mutate("biller", "updateDraftClaim", "claim { id }", id=claim_id),
        await other.mutate("reviewer", "startReview", "claim { id }", id=claim_id),
        await other.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": "1.00"}]),
        await other.create_invoice([claim_id]),
        await other.mutate("finance", "issueInvoice", "invoice { id }", id=invoice_id),
        await other.mutate("finance", "cancelInvoice", "invoice { id }", id=invoice_id),
        await other.settle(invoice_id, "1.00"),
        await other.reverse(settlement_id),
    ]
    assert [payload["errors"][0]["code"] for payload in payloads] == ["NOT_FOUND"] * len(payloads)
    batch = await other.mutate(
        "biller", "submitClaims", "results { object { id } errors { code } }", claimIds=[claim_id]
    )
    assert batch["results"] == [{"object": None, "errors": [{"code": "NOT_FOUND"}]}]


@pytest.mark.parametrize("role", ["reviewer", "biller", "finance"])
async def test_a_token_that_names_nobodys_data_opens_nothing(world: World, role: str) -> None:
    await _rich_claim(world)
    token = world.gateway.token(role, providers=[])
    answer = await world.gateway.gql("{ claims { totalCount } invoices { totalCount } }", token=token)
    assert answer.data == {"claims": {"totalCount": 0}, "invoices": {"totalCount": 0}}


@pytest.mark.parametrize("role", ["payer_agent", "patient"])
async def test_a_role_of_one_party_needs_that_party(world: World, role: str) -> None:
    answer = await world.gateway.gql("{ me { subject } }", token=world.gateway.token(role, providers=["*"]))
    assert (answer.status, answer.codes) == (401, ["UNAUTHENTICATED"])
