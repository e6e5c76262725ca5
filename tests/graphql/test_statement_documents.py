"""Statements as payers send them: what is read of each layout, and what stops for a person."""

import re
from typing import Any

import pytest

from tests.factories import CONSULTATION, World, flat, key, new_world, refusals, today
from tests.graphql.test_remittances import books, done, money, post
from tests.payer_documents import Guide, Item, analysis, message, payment

FINDINGS = "findings { kind detail needsRelease }"
LINE = f"status problem providerClaimNumber itemSequence itemCode paidAmount billedAmount processedAmount quantity \
performedOn protocolNumber codeSystem description denials {{ code amount isRetired description }} {FINDINGS}"
REMITTANCE = f"id status statementNumber kind issuedOn paidOn method bankReference netAmount paidAmount {FINDINGS} \
adjustments {{ direction level type description amount }} availableActions {{ action blockedBy {{ code }} }} \
provider {{ cnes }} releasedBy releaseReason lines(first: 100) {{ nodes {{ {LINE} }} }}"
IMPORTED = f"alreadyImported notices remittance {{ id }} remittances {{ {REMITTANCE} }}"


async def send(world: World, xml: str | None, **changes: Any) -> Any:
    """The payload of importRemittance for a document."""
    values = {"payer": world.payer, "provider": world.provider, "xml": xml, "idempotencyKey": key(), **changes}
    return await world.mutate("finance", "importRemittance", IMPORTED, **values)


async def taken(world: World, xml: str, **changes: Any) -> Any:
    """The one remittance of the document."""
    payload = await send(world, xml, **changes)
    assert (payload["errors"], payload["alreadyImported"], payload["notices"]) == ([], False, [])
    (remittance,) = payload["remittances"]
    assert payload["remittance"] == {"id": remittance["id"]}
    return remittance


async def release(world: World, remittance: Any, role: str = "finance", **changes: Any) -> Any:
    """The payload of releaseRemittance."""
    values = {"remittanceId": remittance["id"], "reason": "conferido", "idempotencyKey": key(), **changes}
    return await world.mutate(role, "releaseRemittance", f"remittance {{ {REMITTANCE} }}", **values)


def kinds(found: Any) -> list[str]:
    """The findings of a remittance or a line, by their kind."""
    return [each["kind"] for each in found["findings"]]


def guide(world: World, claim: Any, *items: Item, **changes: Any) -> Guide:
    """A guide of the claim's number, with one item paid in full unless there are others."""
    return Guide(claim["providerClaimNumber"], world.card, items or (Item(),), **changes)


async def test_an_analysis_is_read_with_everything_that_it_says(world: World) -> None:
    claim = await world.submitted_claim()
    item = Item(paid="80.00", denials=(("1705", "20.00"),))
    xml = message(world.payer, analysis(world, "A-1", guide(world, claim, item)))
    remittance = await taken(world, xml)
    (line,) = remittance.pop("lines")
    assert remittance.pop("availableActions") == [
        {"action": "POST", "blockedBy": None},
        {"action": "RELEASE", "blockedBy": {"code": "STATE"}},
        {"action": "CANCEL", "blockedBy": None},
        {"action": "CORRECT_PAYMENT_DATE", "blockedBy": {"code": "STATE"}},
    ]
    del remittance["id"]
    assert remittance == {
        "status": "IMPORTED",
        "statementNumber": "A-1",
        "kind": "ANALYSIS",
        "issuedOn": "2026-11-01",
        "paidOn": None,
        "method": "BANK_TRANSFER",
        "bankReference": None,
        "netAmount": None,
        "paidAmount": "80.00",
        "findings": [],
        "adjustments": [],
        "provider": {"cnes": world.provider},
        "releasedBy": None,
        "releaseReason": None,
    }
    assert line == {
        "status": "MATCHED",
        "problem": None,
        "providerClaimNumber": claim["providerClaimNumber"],
        "itemSequence": 1,
        "itemCode": "10101012",
        "paidAmount": "80.00",
        "billedAmount": "100.00",
        "processedAmount": "100.00",
        "quantity": "1",
        "performedOn": today().isoformat(),
        "protocolNumber": "99",
        "codeSystem": "22",
        "description": "CONSULTA M\u00c9DICA",
        "denials": [
            {"code": "1705", "amount": "20.00", "isRetired": False, "description": "VALOR APRESENTADO A MAIOR"}
        ],
        "findings": [],
    }


async def test_a_payment_is_taken_with_its_bank_taxes_and_net(world: World) -> None:
    day = today().isoformat()
    xml = message(world.payer, payment(world, "PAG-1", day, debits=(("1", "01", "13.50"),), net="886.50"))
    remittance = await taken(world, xml)
    assert (remittance["kind"], remittance["paidOn"], remittance["method"]) == ("PAYMENT", day, "BANK_TRANSFER")
    assert (remittance["bankReference"], remittance["paidAmount"], remittance["netAmount"]) == (
        "0341/0001/12345",
        "900.00",
        "886.50",
    )
    assert remittance["adjustments"] == [
        {"direction": "DEBIT", "level": "PAYMENT_DATE", "type": "01", "description": "texto", "amount": "13.50"}
    ]
    (line,) = remittance["lines"]
    assert (line["protocolNumber"], line["providerClaimNumber"], line["paidAmount"]) == ("99", None, "900.00")
    assert (line["status"], line["problem"]) == ("UNMATCHED", "UNKNOWN_CLAIM")
    assert remittance["status"] == "IMPORTED"


async def test_every_day_of_a_payment_is_a_remittance_of_its_own(world: World) -> None:
    xml = message(world.payer, payment(world, "PAG-2", "2026-10-10", "2026-10-20", net="900.00"))
    found = (await send(world, xml))["remittances"]
    assert [(each["statementNumber"], each["paidOn"], each["paidAmount"]) for each in found] == [
        ("PAG-2", "2026-10-10", "900.00"),
        ("PAG-2-2", "2026-10-20", "900.00"),
    ]


async def test_a_payment_whose_net_is_not_gross_less_debits_is_reviewed(world: World) -> None:
    xml = message(world.payer, payment(world, "PAG-3", "2026-10-10", debits=(("1", "01", "13.50"),), net="900.00"))
    remittance = await taken(world, xml)
    assert (remittance["status"], set(kinds(remittance)) - {"SCHEMA"}) == ("REVIEW", {"TOTALS_DIFFER"})


async def test_the_reason_of_a_guide_is_that_of_its_items_without_one(world: World) -> None:
    items = [{"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": "100.00"}] * 2
    claim = await world.submitted_claim(items=items)
    own = Item(paid="90.00", denials=(("1705", "10.00"),))
    silent = Item(paid="0.00", processed="0.00", sequence="2")
    xml = message(world.payer, analysis(world, "A-2", guide(world, claim, own, silent, reason="3052", denied="110.00")))
    remittance = await taken(world, xml)
    assert [[(each["code"], each["amount"]) for each in line["denials"]] for line in remittance["lines"]] == [
        [("1705", "10.00")],
        [("3052", "100.00")],
    ]
    assert kinds(remittance["lines"][1]) == ["RETIRED_CODE"]
    assert done(await post(world, remittance))[:3] == ("POSTED", 2, 0)
    assert (await money(world, claim))["deniedAmount"] == "110.00"


async def test_a_retired_code_and_an_unknown_one_are_kept_and_refuse_nothing(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(3)]
    guides = [guide(world, claims[0])]
    for claim, code in zip(claims[1:], ("1701", "9999"), strict=True):
        guides.append(guide(world, claim, Item(paid="0.00", denials=((code, "100.00"),))))
    remittance = await taken(world, message(world.payer, analysis(world, "A-3", *guides)))
    found = [(each["code"], each["isRetired"]) for line in remittance["lines"] for each in line["denials"]]
    assert found == [("1701", True), ("9999", False)]
    assert [kinds(line) for line in remittance["lines"]] == [[], ["RETIRED_CODE"], ["UNKNOWN_CODE"]]
    assert done(await post(world, remittance))[:3] == ("POSTED", 3, 0)
    decided = [(await money(world, claim))["deniedAmount"] for claim in claims]
    assert decided == ["0.00", "100.00", "100.00"]
    refused = await world.adjudicate(
        (await world.claim_in_review())["id"],
        [{"sequence": 1, "approvedAmount": "0.00", "denials": [{"code": "9999", "amount": "100.00"}]}],
    )
    assert [code for code, _, _ in refusals(refused)] == ["UNKNOWN_CODE"]


async def test_amounts_with_commas_are_read(world: World) -> None:
    item = {"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": "1234.50"}
    claim = await world.submitted_claim(items=[item])
    commas = Item(billed="1234,50", paid="1.234,50")
    xml = message(world.payer, analysis(world, "A-4", guide(world, claim, commas, paid="1234,50")))
    refused = await send(world, xml.replace(">1.234,50<", ">1.234,567<"))
    assert [code for code, _, _ in refusals(refused)] == ["INVALID_INPUT"]
    said = analysis(world, "A-4", guide(world, claim, commas, paid="1234,50"))
    xml = message(world.payer, said.replace(">1.234,50<", ">R$ 1.234,5000<"))
    remittance = await taken(world, xml)
    assert (remittance["status"], remittance["paidAmount"]) == ("IMPORTED", "1234.50")
    assert set(kinds(remittance)) == {"SCHEMA"}
    assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-8", "iso-8859-1", "windows-1252"])
async def test_a_document_is_read_in_its_encoding(world: World, encoding: str) -> None:
    claim = await world.submitted_claim()
    xml = message(world.payer, analysis(world, "A-5", guide(world, claim)), encoding=encoding)
    remittance = await taken(world, xml)
    assert (remittance["status"], remittance["lines"][0]["description"]) == ("IMPORTED", "CONSULTA M\u00c9DICA")


@pytest.mark.parametrize("version", ["3.05.00", "4.00.01", "4.01.00", "4.02.00", "4.03.00"])
async def test_every_version_is_read_in_every_envelope(world: World, version: str) -> None:
    claim = await world.submitted_claim()
    xml = message(world.payer, analysis(world, "A-6", guide(world, claim)), version=version)
    body = re.sub(r"<(/?)(?=[a-zA-Z])", r"<\1tiss:", xml.partition("?>")[2]).replace(" xmlns=", " xmlns:tiss=")
    soap = f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{body}</s:Body></s:Envelope>'
    remittance = await taken(world, soap)
    assert (remittance["status"], remittance["paidAmount"]) == ("IMPORTED", "100.00")
    is_known = version in ("4.02.00", "4.03.00")
    assert [each["detail"] for each in remittance["findings"]] == (
        [] if is_known else ["no schema of this version: not validated, only 4.03.00 and 4.02.00"]
    )


async def test_a_guide_of_totals_alone_is_one_line(world: World) -> None:
    claim = await world.submitted_claim()
    number = f"<numeroGuiaPrestador>{claim['providerClaimNumber']}</numeroGuiaPrestador>"
    totals = "<valorPago>70,00</valorPago><valorGlosa>30,00</valorGlosa><codigoGlosa>1705</codigoGlosa>"
    xml = f"<m><numeroDemonstrativo>T-1</numeroDemonstrativo><guia>{number}{totals}</guia></m>"
    remittance = await taken(world, xml)
    (line,) = remittance["lines"]
    assert (line["itemSequence"], line["paidAmount"]) == (None, "70.00")
    assert [(each["code"], each["amount"]) for each in line["denials"]] == [("1705", "30.00")]
    assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)


async def test_a_payment_for_dentists_is_read(world: World) -> None:
    claim = await world.submitted_claim()
    day = today().isoformat()
    xml = (
        "<mensagemTISS><operadoraParaPrestador><demonstrativosRetorno><demonstrativoPagamentoOdonto>"
        f"<cabecalhoDemonstrativoOdonto><registroANS>{world.payer}</registroANS><numeroDemonstrativo>OD-1"
        "</numeroDemonstrativo></cabecalhoDemonstrativoOdonto><dadosPagamentoPorData><dadosPagamento><dataPagamento>"
        f"{day}</dataPagamento><banco>0341</banco></dadosPagamento><protocolos><numeroLote>1</numeroLote>"
        "<numeroProtocolo>77</numeroProtocolo><dadosPagamentoGuia><numeroGuiaPrestador>"
        f"{claim['providerClaimNumber']}</numeroGuiaPrestador><recurso>N</recurso><carteiraBeneficiario>{world.card}"
        "</carteiraBeneficiario><dadosPagamento><sequencialItem>1</sequencialItem><procedimento><codigoTabela>22"
        "</codigoTabela><codigoProcedimento>10101012</codigoProcedimento></procedimento><dataRealizacao>"
        f"{day}</dataRealizacao><qtdProc>1</qtdProc><valorInformado>100.00</valorInformado><valorProcessado>100.00"
        "</valorProcessado><valorGlosaEstorno>25.00</valorGlosaEstorno><valorFranquia>10.00</valorFranquia>"
        "<valorLiberado>65.00</valorLiberado><codigosGlosa>1705</codigosGlosa></dadosPagamento>"
        "<valorTotalLiberadoGuia>65.00</valorTotalLiberadoGuia></dadosPagamentoGuia></protocolos>"
        "<debCredPorDataPagamento><descontos><indicador>1</indicador><tipoDebitoCredito>02</tipoDebitoCredito>"
        "<descricaoDbCr>ISS</descricaoDbCr><valorDbCr>1.50</valorDbCr></descontos></debCredPorDataPagamento>"
        "<totalLiquidoPorData><valorFinalAReceberPorData>63.50</valorFinalAReceberPorData></totalLiquidoPorData>"
        "</dadosPagamentoPorData></demonstrativoPagamentoOdonto></demonstrativosRetorno></operadoraParaPrestador>"
        "</mensagemTISS>"
    )
    remittance = await taken(world, xml)
    (line,) = remittance["lines"]
    assert (remittance["kind"], remittance["statementNumber"], remittance["paidOn"]) == ("PAYMENT", "OD-1", day)
    assert (remittance["netAmount"], remittance["status"], line["protocolNumber"]) == ("63.50", "IMPORTED", "77")
    assert [(each["code"], each["amount"]) for each in line["denials"]] == [("1705", "25.00")]
    assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)
    # What the patient owes is neither paid nor denied, and is on no invoice.
    fields = "approvedAmount deniedAmount patientAmount paidAmount items { patientAmount }"
    found = await world.call("biller", f"query($id: ID!) {{ claim(id: $id) {{ {fields} }} }}", id=claim["id"])
    assert found["claim"] == {
        "approvedAmount": "65.00",
        "deniedAmount": "25.00",
        "patientAmount": "10.00",
        "paidAmount": "65.00",
        "items": [{"patientAmount": "10.00"}],
    }
    query = (
        "query($payer: AnsCode) { reconciliation(payerAnsCode: $payer) { billedAmount paidAmount withheldAmount"
        " inDisputeAmount awaitingAmount patientAmount unexplainedAmount } }"
    )
    books = (await world.call("finance", query, payer=world.payer))["reconciliation"]
    assert list(books.values()) == ["100.00", "63.50", "1.50", "25.00", "0.00", "10.00", "0.00"]


async def test_a_payers_own_decision_may_leave_a_part_to_the_patient(world: World) -> None:
    claim = (await world.claim_in_review(items=[CONSULTATION]))["id"]
    decision = {"sequence": 1, "approvedAmount": "80.00", "patientAmount": "19.00"}
    assert refusals(await world.adjudicate(claim, [decision])) == [("INVALID_AMOUNT", "items.0.approvedAmount", None)]
    decided = await world.adjudicate(claim, [{**decision, "patientAmount": "20.00"}])
    assert (decided["errors"], decided["claim"]["status"]) == ([], "APPROVED")
    fields = "sums { approvedAmount patientAmount } nodes { history { nodes { patientAmount } } }"
    query = f"query($ids: [ID!]) {{ claims(filter: {{ ids: $ids }}) {{ {fields} }} }}"
    listed = (await world.call("finance", query, ids=[claim]))["claims"]
    assert listed["sums"] == {"approvedAmount": "80.00", "patientAmount": "20.00"}
    steps = [each["patientAmount"] for each in listed["nodes"][0]["history"]["nodes"]]
    assert (set(steps[:-1]), steps[-1]) == ({None}, "20.00")
    invoice = (await world.create_invoice([claim]))["invoice"]
    assert invoice["totalAmount"] == "80.00"


async def test_one_bad_line_waits_and_refuses_no_other(world: World) -> None:
    good, bad = [await world.submitted_claim() for _ in range(2)]
    strange = Guide("x" * 21, world.card)
    guides = [guide(world, good), guide(world, bad, Item(paid="0.01")), strange]
    said = analysis(world, "A-7", *guides).replace("<valorLiberado>0.01<", "<valorLiberado>dez<")
    remittance = await taken(world, message(world.payer, said))
    assert [(line["status"], line["problem"]) for line in remittance["lines"]] == [
        ("MATCHED", None),
        ("UNMATCHED", "DOUBTFUL"),
        ("UNMATCHED", "DOUBTFUL"),
    ]
    assert [[each["detail"] for each in line["findings"]] for line in remittance["lines"]] == [
        [],
        ["valorLiberado"],
        ["numeroGuiaPrestador"],
    ]


async def test_a_guide_that_comes_twice_is_posted_once_and_its_second_line_waits(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, message(world.payer, analysis(world, "A-8", *[guide(world, claim)] * 2)))
    first, second = remittance["lines"]
    assert ((first["status"], kinds(first)), (second["status"], second["problem"], kinds(second))) == (
        ("MATCHED", []),
        ("UNMATCHED", "DOUBTFUL", ["REPEATED_CLAIM"]),
    )
    assert done(await post(world, remittance))[:3] == ("PARTIALLY_POSTED", 1, 0)
    assert (await money(world, claim))["approvedAmount"] == "100.00"


async def _contradiction(world: World, claim: Any, name: str) -> str:
    """A document with this contradiction."""
    good = guide(world, claim)
    if name == "HASH_WRONG":
        return message(world.payer, analysis(world, "R-1", good), digest="0" * 32)
    if name == "PAYER_DIFFERS":
        return message("999999", analysis(world, "R-1", good))
    if name == "TOTALS_DIFFER":
        return message(world.payer, analysis(world, "R-1", guide(world, claim, paid="60.00")))
    if name == "CARD_DIFFERS":
        return message(world.payer, analysis(world, "R-1", Guide(good.number, "99999")))
    return message(world.payer, analysis(world, "R-1", guide(world, claim, Item(day="2026-01-01"))))


@pytest.mark.parametrize("kind", ["HASH_WRONG", "PAYER_DIFFERS", "TOTALS_DIFFER", "CARD_DIFFERS", "DAY_DIFFERS"])
async def test_a_contradiction_is_posted_only_after_a_person_has_released_it(world: World, kind: str) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, await _contradiction(world, claim, kind), paidOn=today().isoformat())
    found = [*remittance["findings"], *remittance["lines"][0]["findings"]]
    assert [(each["kind"], each["needsRelease"]) for each in found] == [(kind, True)]
    assert remittance["status"] == "REVIEW"
    assert [each["action"] for each in remittance["availableActions"] if each["blockedBy"] is None] == [
        "RELEASE",
        "CANCEL",
        "CORRECT_PAYMENT_DATE",
    ]
    refused = await post(world, remittance)
    assert [code for code, _, _ in refusals(refused)] == ["CONFLICT"]
    assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"
    released = (await release(world, remittance))["remittance"]
    assert (released["status"], released["releaseReason"]) == ("IMPORTED", "conferido")
    assert released["releasedBy"] is not None
    assert done(await post(world, remittance)) == ("POSTED", 1, 0, ["100.00"])
    assert (await books(world))[-1] == "0.00"
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittanceReleased", "RemittancePosted"]


async def test_a_release_is_for_whoever_may_post_and_happens_once(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, await _contradiction(world, claim, "HASH_WRONG"))
    query = f'mutation {{ releaseRemittance(input: {{ remittanceId: "{remittance["id"]}", reason: "x", \
idempotencyKey: "k" }}) {{ errors {{ code }} }} }}'
    for role in ("biller", "reviewer", "payer_agent", "billing_reader", "patient"):
        assert (await world.gateway.gql(query, token=world.token(role))).codes == ["FORBIDDEN"], role
    other = await new_world(world.gateway)
    assert refusals(await release(other, remittance)) == [("NOT_FOUND", "remittanceId", None)]
    assert refusals(await release(world, remittance, reason=" ")) == [("INVALID_INPUT", "reason", None)]
    again = key()
    first = await release(world, remittance, idempotencyKey=again)
    second = await release(world, remittance, idempotencyKey=again)
    assert (first["errors"], second["errors"], second["replayed"]) == ([], [], True)
    assert first["remittance"] == second["remittance"]
    assert [code for code, _, _ in refusals(await release(world, remittance))] == ["CONFLICT"]
    assert await world.events(remittance["id"]) == ["RemittanceImported", "RemittanceReleased"]


async def test_a_line_of_a_statement_in_review_is_worked_on_without_releasing_it(world: World) -> None:
    claim = await world.submitted_claim()
    unknown = Guide("NENHUMA", world.card)
    xml = message(world.payer, analysis(world, "R-2", guide(world, claim), unknown), digest="0" * 32)
    remittance = await taken(world, xml)
    query = f'{{ remittance(id: "{remittance["id"]}") {{ status lines(first: 9) {{ nodes {{ id status }} }} }} }}'
    lines = flat(await world.call("finance", query))["remittance"]["lines"]
    values = {"remittanceLineId": lines[1]["id"], "reason": "de outro"}
    await world.mutate("finance", "dismissRemittanceLine", "line { status }", **values)
    found = flat(await world.call("finance", query))["remittance"]
    assert (found["status"], [line["status"] for line in found["lines"]]) == ("REVIEW", ["MATCHED", "DISMISSED"])
    assert (await release(world, remittance))["remittance"]["status"] == "IMPORTED"


async def test_another_day_than_the_document_names_is_refused(world: World) -> None:
    xml = message(world.payer, payment(world, "PAG-9", "2026-10-10", net="900.00"))
    payload = await send(world, xml, paidOn="2026-10-11")
    assert refusals(payload) == [("CONFLICT", "paidOn", None)]


async def test_an_answer_without_a_statement_says_so(world: World) -> None:
    error = "<mensagemErro><codigoGlosa>5014</codigoGlosa></mensagemErro>"
    xml = f"<mensagemTISS><demonstrativosRetorno>{error}</demonstrativosRetorno></mensagemTISS>"
    payload = await send(world, xml)
    assert refusals(payload) == [("INVALID_INPUT", "content.xml", "5001")]
    assert "5014" in payload["errors"][0]["message"]
