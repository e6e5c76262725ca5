"""The loop with documents of others: a batch goes out, the payer's statement comes in, every cent has its place."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import tiss
from tiss import examples, sandbox

from app.services.batch_import import GuideOutcome
from tests.factories import (
    BLOOD_COUNT,
    CONSULTATION,
    DOCTOR,
    ENCOUNTER,
    World,
    add_card,
    key,
    new_world,
    refusals,
    today,
)
from tests.gateway import Gateway
from tests.lotes import Report, imported

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
YESTERDAY = (today() - timedelta(days=1)).isoformat()
MEDICINE = {"codeSystem": "20", "code": "90000544", "quantity": "0.5", "unitPrice": "29.00", "details": {"unit": "036"}}
SERVICES = [CONSULTATION, BLOOD_COUNT, MEDICINE]
BATCH = "batch { number fileName xml hash }"
BOOKS = "billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"
POSTED = "remittance { status } settlements { amount invoice { id } } postedLines putBackLines alreadyPosted"


async def _take(world: World, xml: bytes) -> Report:
    return await imported(world.gateway, xml, lambda: max(NOW, datetime.now(UTC)))


async def _example(world: World) -> bytes:
    """The example document of `tiss`, readdressed to the world's parties, with the right hash."""
    changes = {
        b"123456</ans:registroANS>": f"{world.payer}</ans:registroANS>",
        b"<ans:CNES>1234567<": f"<ans:CNES>{world.provider}<",
        b">12345</ans:numeroCarteira>": f">{world.card}</ans:numeroCarteira>",
        b">67890</ans:numeroCarteira>": f">{await add_card(world)}</ans:numeroCarteira>",
    }
    xml = examples.load("lote-valido")
    for old, new in changes.items():
        xml = xml.replace(old, new.encode())
    return re.sub(rb"<ans:hash>.{32}", b"<ans:hash>" + tiss.hash_epilogo(xml).encode(), xml)


async def _export(world: World, claim_ids: list[str], **values: Any) -> Any:
    return await world.mutate("biller", "exportBatch", BATCH, claimIds=claim_ids, **values)


async def _document(world: World, claim_ids: list[str]) -> bytes:
    """The exported document as it is saved; its hash and its form are right."""
    payload = await _export(world, claim_ids)
    assert payload["errors"] == []
    batch = payload["batch"]
    xml: bytes = batch["xml"].encode("iso-8859-1")
    assert [finding for finding in tiss.validate(xml).findings if finding.severity == "error"] == []
    assert batch["hash"] == tiss.hash_epilogo(xml)
    assert f"<ans:hash>{batch['hash']}</ans:hash>".encode() in xml
    assert batch["fileName"] == f"{world.payer}_{world.provider}_{int(batch['number']):012d}.xml"
    assert tiss.parse_lote(xml)["numero_lote"] == batch["number"]
    return xml


async def _sent(world: World, **changes: Any) -> str:
    claim = await world.submitted_claim(**{"items": SERVICES, **changes})
    return str(claim["id"])


async def _answer(world: World, xml: bytes, scenario: str, *, paid: bool = True) -> Any:
    """The payload of importRemittance for the sandbox's statement on this document."""
    receipt = sandbox.enviar_lote(xml, cenario=scenario)
    statement = sandbox.demonstrativo(receipt["protocolo"]).decode()
    values = {"provider": world.provider, "payer": world.payer, "xml": statement, "idempotencyKey": key()}
    if paid:
        values["paidOn"] = today().isoformat()
    fields = "alreadyImported remittance { id statementNumber source status paidAmount deniedAmount "
    fields += "lines(first: 100) { nodes { status itemSequence itemCode paidAmount } } }"
    return await world.mutate("finance", "importRemittance", fields, **values)


async def _post(world: World, remittance_id: str) -> Any:
    payload = await world.mutate("finance", "postRemittance", POSTED, id=remittance_id, idempotencyKey=key())
    assert payload["errors"] == []
    return payload


async def _books(world: World) -> list[str]:
    """Billed, paid, in dispute, lost, awaited, unexplained."""
    query = f"query($p: AnsCode) {{ reconciliation(payerAnsCode: $p) {{ {BOOKS} }} }}"
    found = (await world.call("finance", query, p=world.payer))["reconciliation"]
    return [found[name] for name in BOOKS.split()]


async def _claim_ids(world: World, report: Report) -> list[str]:
    assert [result.outcome for result in report.results] == [GuideOutcome.IMPORTED] * len(report.results)
    return [result.claim_id or "" for result in report.results]


async def _refused(world: World, claim_ids: list[str], *expected: tuple[str, str, str | None]) -> None:
    payload = await _export(world, claim_ids)
    assert (payload["batch"], refusals(payload)) == (None, list(expected))
    first = await _export(world, [await _sent(world)])
    assert first["batch"]["number"] == "1", "a refused export used a batch number up"


async def test_the_example_document_goes_in_and_out_and_in_again(world: World) -> None:
    ids = await _claim_ids(world, await _take(world, await _example(world)))
    xml = await _document(world, ids)
    guides = tiss.parse_lote(xml)["guias"]
    assert [guide["cabecalho_guia"]["numero_guia_prestador"] for guide in guides] == ["0001", "0002"]
    assert guides[0]["dados_solicitante"]["profissional_solicitante"] == {
        "nome_profissional": "PROFISSIONAL EXEMPLO",
        "conselho_profissional": "01",
        "numero_conselho_profissional": "12345",
        "uf": "35",
        "cbos": "201115",
    }
    assert guides[0]["dados_atendimento"] == {
        "tipo_atendimento": "01",
        "indicacao_acidente": "0",
        "regime_atendimento": "01",
    }
    again = await _take(world, xml)
    assert [(result.outcome, result.claim_id) for result in again.results] == [
        (GuideOutcome.UNCHANGED, one) for one in ids
    ]
    assert await world.events(ids[0]) == ["ClaimCreated", "ClaimSubmitted"]


async def test_the_example_with_errors_never_comes_so_far(world: World) -> None:
    report = await _take(world, examples.load("lote-com-erros"))
    assert report.results == ()
    assert "5014" in [failure.tiss_code for failure in report.failures]
    assert (await world.call("biller", "{ claims { totalCount } }"))["claims"]["totalCount"] == 0


async def test_services_and_medicines_are_exported_with_all_their_amounts(world: World) -> None:
    ids = [await _sent(world), await _sent(world, items=[MEDICINE])]
    guides = tiss.parse_lote(await _document(world, ids))["guias"]
    assert guides[0]["valor_total"] == {
        "valor_procedimentos": 13_700,
        "valor_medicamentos": 1_450,
        "valor_total_geral": 15_150,
    }
    assert guides[1]["valor_total"] == {"valor_medicamentos": 1_450, "valor_total_geral": 1_450}
    assert [one["sequencial_item"] for one in guides[0]["procedimentos_executados"]] == ["1", "2"]
    assert "procedimentos_executados" not in guides[1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"items": [MEDICINE]},
        {"items": [MEDICINE, CONSULTATION]},
        {"items": [{**CONSULTATION, "performedOn": YESTERDAY}]},
        {"type": "CONSULTATION", "items": [CONSULTATION]},
    ],
    ids=["services", "medicine alone", "medicine first", "other day", "consultation"],
)
async def test_an_exported_document_imported_again_is_the_same_claim(world: World, changes: dict[str, Any]) -> None:
    claim_id = await _sent(world, **changes)
    again = await _take(world, await _document(world, [claim_id]))
    assert [(result.outcome, result.claim_id) for result in again.results] == [(GuideOutcome.UNCHANGED, claim_id)]


async def test_a_document_names_the_provider_by_the_payers_code_if_the_contract_has_one(world: World) -> None:
    terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
    named: list[Any] = []
    for code in ("CRED-0042", None):
        values = {"provider": world.provider, "payer": world.payer, **terms, "providerCode": code}
        assert (await world.mutate("admin", "saveContract", "contract { id }", **values))["errors"] == []
        # A claim of its own: a document that was sent is never written again.
        claim_id = await _sent(world)
        xml = await _document(world, [claim_id])
        lote: Any = tiss.parse_lote(xml)
        named += [lote["prestador"], lote["guias"][0]["dados_executante"]["contratado_executante"]]
        (again,) = (await _take(world, xml)).results
        assert (again.outcome, again.claim_id) == (GuideOutcome.UNCHANGED, claim_id)
    code, cnpj = "codigo_prestador_na_operadora", "11222333000181"
    assert named == [{code: "CRED-0042"}, {code: "CRED-0042"}, {"cnpj": cnpj}, {"cnpj_contratado": cnpj}]


async def test_consultations_are_exported_as_consultations(world: World) -> None:
    ids = [await _sent(world, type="CONSULTATION", items=[CONSULTATION]) for _ in range(2)]
    guides = tiss.parse_lote(await _document(world, ids))["guias"]
    assert [guide["tipo"] for guide in guides] == ["consulta", "consulta"]
    visit = guides[0]["dados_atendimento"]
    assert visit["procedimento"]["valor_procedimento"] == 10_000
    assert visit["data_atendimento"] == today().isoformat()


@pytest.mark.parametrize(
    ("scenario", "statuses", "books"),
    [
        ("aprovado", ["APPROVED"] * 2, ["303.00", "303.00", "0.00", "0.00", "0.00", "0.00"]),
        ("duplicidade", ["DENIED"] * 2, ["303.00", "0.00", "303.00", "0.00", "0.00", "0.00"]),
        ("carteirinha_vencida", ["DENIED"] * 2, ["303.00", "0.00", "303.00", "0.00", "0.00", "0.00"]),
        ("sem_autorizacao", ["DENIED", "APPROVED"], ["303.00", "151.50", "151.50", "0.00", "0.00", "0.00"]),
    ],
)
async def test_a_statement_of_the_sandbox_decides_and_pays(
    world: World, scenario: str, statuses: list[str], books: list[str]
) -> None:
    code = {"duplicidade": "3209", "carteirinha_vencida": "1017", "sem_autorizacao": "1818"}.get(scenario, "")
    ids = [await _sent(world), await _sent(world)]
    imported = await _answer(world, await _document(world, ids), scenario)
    assert (imported["errors"], imported["alreadyImported"]) == ([], False)
    remittance = imported["remittance"]
    assert (remittance["source"], remittance["status"]) == ("TISS", "IMPORTED")
    assert [remittance["paidAmount"], remittance["deniedAmount"]] == books[1:3]
    # The sandbox names no code of expenses: the item's number alone tells which one it is.
    lines = [(line["status"], line["itemSequence"], line["itemCode"]) for line in remittance["lines"]]
    assert lines == [("MATCHED", 1, "10101012"), ("MATCHED", 2, "40304361"), ("MATCHED", 3, None)] * 2
    assert await _books(world) == ["303.00", "0.00", "0.00", "0.00", "303.00", "0.00"]

    posted = await _post(world, remittance["id"])
    assert (posted["remittance"]["status"], posted["postedLines"], posted["putBackLines"]) == ("POSTED", 6, 0)
    claims = [await world.claim(claim_id) for claim_id in ids]
    assert [claim["status"] for claim in claims] == statuses
    denied = [[denial["code"] for item in claim["items"] for denial in item["denials"]] for claim in claims]
    assert denied == [[code] * 3 if status == "DENIED" else [] for status in statuses]
    assert [row["amount"] for row in posted["settlements"]] == ([books[1]] if "APPROVED" in statuses else [])
    for row in posted["settlements"]:
        invoice = await world.invoice(row["invoice"]["id"])
        assert (invoice["status"], invoice["totalAmount"], invoice["dueAmount"]) == ("SETTLED", books[1], "0.00")
    assert await _books(world) == books


async def test_the_same_statement_of_the_sandbox_again_changes_nothing(world: World) -> None:
    xml = await _document(world, [await _sent(world)])
    first = await _answer(world, xml, "aprovado")
    await _post(world, first["remittance"]["id"])
    before = await _books(world)
    again = await _answer(world, xml, "aprovado")
    assert (again["alreadyImported"], again["remittance"]["id"]) == (True, first["remittance"]["id"])
    posted = await _post(world, first["remittance"]["id"])
    assert (posted["alreadyPosted"], posted["postedLines"], posted["settlements"]) == (True, 0, [])
    assert await _books(world) == before == ["151.50", "151.50", "0.00", "0.00", "0.00", "0.00"]
    other = await _answer(world, xml, "duplicidade")
    assert refusals(other) == [("CONFLICT", "statementNumber", None)]


async def test_an_imported_document_is_answered_and_paid_too(world: World) -> None:
    ids = await _claim_ids(world, await _take(world, await _example(world)))
    imported = await _answer(world, await _document(world, ids), "sem_autorizacao")
    posted = await _post(world, imported["remittance"]["id"])
    assert [row["amount"] for row in posted["settlements"]] == ["100.00"]
    assert [(await world.claim(one))["status"] for one in ids] == ["DENIED", "APPROVED"]
    assert await _books(world) == ["200.00", "100.00", "100.00", "0.00", "0.00", "0.00"]


async def test_a_statement_without_a_payment_day_only_decides(world: World) -> None:
    ids = [await _sent(world), await _sent(world)]
    imported = await _answer(world, await _document(world, ids), "sem_autorizacao", paid=False)
    posted = await _post(world, imported["remittance"]["id"])
    assert (posted["remittance"]["status"], posted["settlements"]) == ("POSTED", [])
    assert [(await world.claim(one))["status"] for one in ids] == ["DENIED", "APPROVED"]
    assert await _books(world) == ["303.00", "0.00", "151.50", "0.00", "151.50", "0.00"]


async def test_the_sandbox_says_nothing_of_consultations_and_its_statement_waits_for_a_person(world: World) -> None:
    claim_id = await _sent(world, type="CONSULTATION", items=[CONSULTATION])
    payload = await _answer(world, await _document(world, [claim_id]), "aprovado")
    assert (payload["remittance"]["paidAmount"], refusals(payload)) == ("0.00", [])
    posted = await _post(world, payload["remittance"]["id"])
    assert (posted["postedLines"], posted["putBackLines"], posted["settlements"]) == (0, 1, [])
    assert (await world.claim(claim_id))["status"] == "SUBMITTED"


async def test_more_than_a_hundred_claims_are_no_batch(world: World) -> None:
    ids = [await _sent(world), *(f"clm_{number:026d}" for number in range(100))]
    await _refused(world, ids, ("BATCH_TOO_LARGE", "claimIds", "5015"))
    hundred = refusals(await _export(world, ids[1:]))
    assert hundred == [("NOT_FOUND", f"claimIds.{index}", None) for index in range(100)]


async def test_claims_of_two_types_are_no_batch(world: World) -> None:
    ids = [await _sent(world), await _sent(world, type="CONSULTATION", items=[CONSULTATION])]
    await _refused(world, ids, ("BATCH_TOO_LARGE", "claimIds", "5015"))


async def test_no_claims_or_one_named_twice_are_no_batch(world: World) -> None:
    claim_id = await _sent(world)
    assert refusals(await _export(world, [])) == [("INVALID_INPUT", "claimIds", None)]
    await _refused(world, [claim_id, claim_id], ("INVALID_INPUT", "claimIds", None))


async def test_only_claims_that_were_sent_are_exported(world: World) -> None:
    draft = (await world.create_claim(practitioner=DOCTOR))["claim"]["id"]
    gone = await _sent(world)
    await world.mutate("biller", "cancelClaim", "claim { status }", id=gone)
    expected = [("CONFLICT", f"claimIds.{index}", None) for index in (1, 2)]
    await _refused(world, [await _sent(world), draft, gone], *expected)
    assert (await world.claim(draft))["status"] == "DRAFT"


async def test_a_requester_stands_in_for_the_practitioner_of_a_service(world: World) -> None:
    claim_id = await _sent(
        world, practitioner=None, encounter={**ENCOUNTER, "requester": {**DOCTOR, "name": "Rui Melo"}}
    )
    guide = tiss.parse_lote(await _document(world, [claim_id]))["guias"][0]
    assert guide["dados_solicitante"]["profissional_solicitante"]["nome_profissional"] == "Rui Melo"


async def test_a_factor_other_than_one_is_exported(world: World) -> None:
    reduced = await _sent(world, items=[{**BLOOD_COUNT, "factor": "0.70"}])
    xml = (await _export(world, [reduced]))["batch"]["xml"]
    assert re.findall(r"<ans:(reducaoAcrescimo|valorUnitario|valorTotal|valorTotalGeral)>([0-9.]+)<", xml) == [
        ("reducaoAcrescimo", "0.70"),
        ("valorUnitario", "18.50"),
        ("valorTotal", "25.90"),
        ("valorTotalGeral", "25.90"),
    ]


async def test_a_claim_outside_the_callers_scope_is_not_found(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    await _refused(world, [await _sent(world), await _sent(other)], ("NOT_FOUND", "claimIds.1", None))
    assert (await _export(other, [await _sent(other)]))["batch"]["number"] == "1"


async def test_a_batch_is_for_one_payer_and_only_a_biller_makes_it(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    mixed = World(gateway, other.payer, world.provider, other.patient, other.card)
    ids = [await _sent(world), await _sent(mixed)]
    query = f"mutation($input: ExportBatchInput!) {{ exportBatch(input: $input) {{ {BATCH} }} }}"
    answer = await gateway.gql(
        query, {"input": {"claimIds": ids[:1], "idempotencyKey": key()}}, token=world.token("finance")
    )
    assert answer.codes == ["FORBIDDEN"]
    await _refused(world, ids, ("CONFLICT", "claimIds.1", None))


async def test_a_repeated_export_is_the_first_document_and_one_of_other_claims_has_the_next_number(
    world: World,
) -> None:
    claim_id, used = await _sent(world), key()
    first = await _export(world, [claim_id], idempotencyKey=used)
    second = await _export(world, [claim_id], idempotencyKey=used)
    assert (first["replayed"], second["replayed"], second["batch"]) == (False, True, first["batch"])
    third = await _export(world, [claim_id], idempotencyKey=key())
    assert (third["errors"], third["replayed"], third["batch"]) == ([], False, first["batch"])
    fourth = await _export(world, [await _sent(world)], idempotencyKey=key())
    assert (first["batch"]["number"], fourth["batch"]["number"]) == ("1", "2")


@pytest.mark.parametrize("step", ["decided", "cancelled"])
async def test_a_repeated_export_is_the_first_document_even_when_the_claim_has_moved_on(
    world: World, step: str
) -> None:
    claim_id, used = await _sent(world, type="CONSULTATION", items=[CONSULTATION]), key()
    first = await _export(world, [claim_id], idempotencyKey=used)
    if step == "cancelled":
        await world.mutate("biller", "cancelClaim", "claim { id }", id=claim_id)
    else:
        await world.mutate("reviewer", "startReview", "claim { id }", id=claim_id)
        # The payer's number would be part of a new document.
        decided = await world.adjudicate(claim_id, [{"sequence": 1, "approvedAmount": "100.00"}], payerClaimNumber="77")
        assert decided["errors"] == []
    second = await _export(world, [claim_id], idempotencyKey=used)
    assert (second["errors"], second["replayed"], second["batch"]) == ([], True, first["batch"])
