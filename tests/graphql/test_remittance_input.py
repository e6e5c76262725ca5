"""What is no statement is refused with its place, and a statement is nobody else's: nothing is kept of either."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tiss import examples

from tests.factories import World, flat, new_world, refusals, today
from tests.gateway import Gateway
from tests.graphql.test_remittances import line, post, take, taken

FIRST = "content.lines.0"
TOO_MUCH = {"providerClaimNumber": "G1", "paidAmount": "99999999.99"}
OFFICIAL = """<m><registroANS>{payer}</registroANS><CNES>{provider}</CNES><numeroDemonstrativo>D-1</numeroDemonstrativo>
<relacaoGuias><numeroGuiaPrestador>{number}</numeroGuiaPrestador>{rest}</relacaoGuias></m>"""
DETAIL = """<detalhesGuia><sequencialItem>{sequence}</sequencialItem><valorLiberado>{paid}</valorLiberado>{denial}
</detalhesGuia>"""
DENIAL = "<relacaoGlosa><valorGlosa>{amount}</valorGlosa><tipoGlosa>{code}</tipoGlosa></relacaoGlosa>"
PROCEDURE = """<procedimento><codigoProcedimento>{code}</codigoProcedimento><valorLiberado>{paid}</valorLiberado>
<valorGlosa>{denied}</valorGlosa>{reason}</procedimento>"""


def _item(**values: str) -> dict[str, Any]:
    return {"providerClaimNumber": "G1", "paidAmount": "1.00", **values}


def _denied(code: str, amount: str) -> dict[str, Any]:
    return {**_item(), "denials": [{"code": code, "amount": amount}]}


async def _nothing_kept(world: World) -> None:
    found = await world.call("finance", "{ remittances { totalCount } unmatchedRemittanceLines { totalCount } }")
    assert found == {"remittances": {"totalCount": 0}, "unmatchedRemittanceLines": {"totalCount": 0}}


async def _xml(world: World, xml: str, **changes: Any) -> Any:
    return await take(world, None, **{"xml": xml, "statementNumber": None, **changes})


def _document(world: World, *rest: str, **changes: str) -> str:
    values = {"payer": world.payer, "provider": world.provider, "number": "G1", **changes}
    return OFFICIAL.format(rest="".join(rest), **values)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"lines": []}, ("INVALID_INPUT", "content.lines", None)),
        ({"lines": [_item()] * 2001}, ("INVALID_INPUT", "content.lines", None)),
        ({"lines": [TOO_MUCH, TOO_MUCH]}, ("INVALID_AMOUNT", "content.lines", None)),
        ({"statementNumber": None}, ("INVALID_INPUT", "statementNumber", None)),
        ({"statementNumber": "x" * 21}, ("INVALID_INPUT", "statementNumber", None)),
        ({"statementNumber": "n\u00ba 1"}, ("INVALID_INPUT", "statementNumber", None)),
        ({"bankReference": "x" * 61}, ("INVALID_INPUT", "bankReference", None)),
        ({"paidOn": (today() + timedelta(days=2)).isoformat()}, ("INVALID_DATE", "paidOn", None)),
        ({"paidOn": "2026-02-30"}, ("INVALID_DATE", "paidOn", None)),
        ({"payer": "12"}, ("INVALID_IDENTIFIER", "payerAnsCode", "5027")),
        ({"payer": "999999"}, ("NOT_FOUND", "payerAnsCode", "5027")),
        ({"provider": "12"}, ("INVALID_IDENTIFIER", "providerCnes", "1202")),
        ({"provider": "9999999"}, ("NOT_FOUND", "providerCnes", "1202")),
        ({"lines": [_item(), {"paidAmount": "1.00"}]}, ("INVALID_INPUT", "content.lines.1.providerClaimNumber", None)),
        (
            {"lines": [_item(providerClaimNumber="x" * 21)]},
            ("INVALID_INPUT", f"{FIRST}.providerClaimNumber", None),
        ),
        ({"lines": [_item(payerClaimNumber="\u00e1")]}, ("INVALID_INPUT", "content.lines.0.payerClaimNumber", None)),
        ({"lines": [{**_item(), "itemSequence": 0}]}, ("INVALID_INPUT", "content.lines.0.item.sequence", None)),
        ({"lines": [{**_item(), "itemSequence": 10_000}]}, ("INVALID_INPUT", "content.lines.0.item.sequence", None)),
        ({"lines": [_item(itemCode="x" * 11)]}, ("UNKNOWN_CODE", "content.lines.0.item.code", "1801")),
        ({"lines": [_item(itemCode="")]}, ("UNKNOWN_CODE", "content.lines.0.item.code", "1801")),
        ({"lines": [_item(paidAmount="-1.00")]}, ("INVALID_AMOUNT", "content.lines.0.paidAmount", None)),
        ({"lines": [_item(paidAmount="1.001")]}, ("INVALID_AMOUNT", "content.lines.0.paidAmount", None)),
        ({"lines": [_item(), _denied("0000", "1.00")]}, ("UNKNOWN_CODE", "content.lines.1.denials.0.code", None)),
        ({"lines": [_denied("1705", "0.00")]}, ("INVALID_AMOUNT", "content.lines.0.denials.0.amount", "5040")),
        ({"idempotencyKey": ""}, ("INVALID_INPUT", "idempotencyKey", None)),
    ],
)
async def test_what_is_no_statement_is_refused(
    world: World, changes: dict[str, Any], refusal: tuple[str, str, str | None]
) -> None:
    payload = await take(world, **{"lines": [_item()], **changes})
    assert (payload["remittance"], refusals(payload)) == (None, [refusal])
    await _nothing_kept(world)


async def test_all_that_is_wrong_is_told_at_once(world: World) -> None:
    lines = [_denied("0000", "0.00"), {"paidAmount": "1.00", "itemSequence": 0}]
    payload = await take(world, lines, statementNumber="", bankReference="")
    assert refusals(payload) == [
        ("INVALID_INPUT", "statementNumber", None),
        ("INVALID_INPUT", "bankReference", None),
        ("UNKNOWN_CODE", f"{FIRST}.denials.0.code", None),
        ("INVALID_AMOUNT", "content.lines.0.denials.0.amount", "5040"),
        ("INVALID_INPUT", "content.lines.1.providerClaimNumber", None),
        ("INVALID_INPUT", "content.lines.1.item.sequence", None),
    ]
    await _nothing_kept(world)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<m",
        "<m/>",
        "text",
        examples.load("lote-com-erros").decode(),
        '<!DOCTYPE m [<!ENTITY a "1">]><m><numeroGuiaPrestador>&a;</numeroGuiaPrestador></m>',
        "<m><numeroGuiaPrestador>G1</numeroGuiaPrestador></m>",
    ],
    ids=["empty", "cut off", "no guides", "text", "batch", "entity", "no amounts"],
)
async def test_a_document_that_is_no_statement_is_refused(world: World, xml: str) -> None:
    payload = await _xml(world, xml)
    assert (payload["remittance"], refusals(payload)) == (None, [("INVALID_INPUT", "content.xml", "5001")])
    await _nothing_kept(world)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"payer": "123456"}, ("CONFLICT", "payerAnsCode", "5027")),
        ({"provider": "1234567"}, ("CONFLICT", "providerCnes", "1202")),
    ],
)
async def test_a_document_of_others_is_refused(
    world: World, changes: dict[str, str], refusal: tuple[str, str, str | None]
) -> None:
    row = DETAIL.format(sequence="1", paid="1.00", denial="")
    payload = await _xml(world, _document(world, row, **changes))
    assert (payload["remittance"], refusals(payload)) == (None, [refusal])
    await _nothing_kept(world)


async def _first_line(world: World, xml: str, **changes: Any) -> tuple[Any, Any]:
    """The problem of the first line and its findings; and the whole answer about its lines."""
    payload = await _xml(world, xml, **changes)
    query = f'{{ remittance(id: "{payload["remittance"]["id"]}") {{ lines {{ nodes {{ problem paidAmount \
findings {{ kind detail }} }} }} }} }}'
    lines = flat(await world.call("finance", query))["remittance"]["lines"]
    return (lines[0]["problem"], [(each["kind"], each["detail"]) for each in lines[0]["findings"]]), lines


@pytest.mark.parametrize(
    ("changes", "detail", "problem", "findings"),
    [
        ({}, {"denial": DENIAL.format(amount="1.00", code="0000")}, "UNKNOWN_CLAIM", [("UNKNOWN_CODE", "0000")]),
        ({}, {"denial": DENIAL.format(amount="1.00", code="")}, "DOUBTFUL", [("INVALID_VALUE", "tipoGlosa")]),
        ({}, {"denial": DENIAL.format(amount="-1.00", code="1705")}, "DOUBTFUL", [("INVALID_VALUE", "valorGlosa")]),
        ({}, {"denial": DENIAL.format(amount="0.00", code="1705")}, "UNKNOWN_CLAIM", []),
        ({}, {"paid": "123456789.00"}, "DOUBTFUL", [("INVALID_VALUE", "valorLiberado")]),
        ({}, {"paid": "1.234"}, "DOUBTFUL", [("INVALID_VALUE", "valorLiberado")]),
        ({}, {"paid": ""}, "DOUBTFUL", [("INVALID_VALUE", "valorLiberado")]),
        ({}, {"sequence": "10000"}, "DOUBTFUL", [("INVALID_VALUE", "sequencialItem")]),
        ({}, {"sequence": "9" * 5000}, "DOUBTFUL", [("INVALID_VALUE", "sequencialItem")]),
        ({"number": "x" * 21}, {}, "DOUBTFUL", [("INVALID_VALUE", "numeroGuiaPrestador")]),
    ],
    ids=["code", "no code", "negative", "zero", "large", "either", "nothing", "item", "absurd item", "number"],
)
async def test_what_a_document_says_wrong_is_a_finding_on_its_line(
    world: World, changes: dict[str, str], detail: dict[str, str], problem: str, findings: list[tuple[str, str]]
) -> None:
    rows = DETAIL.format(**{"sequence": "1", "paid": "1.00", "denial": "", **detail})
    rows += DETAIL.format(sequence="2", paid="2.00", denial="")
    found, lines = await _first_line(world, _document(world, rows, **changes))
    assert found == (problem, findings)
    assert lines[1]["paidAmount"] == "2.00"


async def test_a_document_of_another_layout_needs_a_number_and_is_read_by_guide(world: World) -> None:
    claim = await world.submitted_claim(providerClaimNumber="EXEMPLO-001")
    example = examples.load("demonstrativo").decode()
    xml = example.replace("1707", "1705")
    assert refusals(await _xml(world, xml)) == [("INVALID_INPUT", "statementNumber", None)]
    await _nothing_kept(world)
    payload = await _xml(world, xml, statementNumber="D-1")
    row = payload["remittance"]["lines"][0]
    assert (row["claim"], row["itemCode"], row["paidAmount"]) == ({"id": claim["id"]}, "10101012", "60.00")
    assert row["denials"] == [{"code": "1705", "amount": "40.00"}]
    posted = await post(world, payload["remittance"])
    assert [each["amount"] for each in posted["settlements"]] == ["60.00"]
    assert (await world.claim(claim["id"]))["payerClaimNumber"] == "RET-001"


async def test_a_document_of_another_layout_loses_no_payment(world: World) -> None:
    items = PROCEDURE.format(code="10101012", paid="100.00", denied="0.00", reason="")
    items += PROCEDURE.format(code="40304361", paid="30.00", denied="7.00", reason="<codigoGlosa>1705</codigoGlosa>")
    xml = f"<m><guia><numeroGuiaPrestador>G1</numeroGuiaPrestador>{items}</guia></m>"
    payload = await _xml(world, xml, statementNumber="D-1")
    assert payload["errors"] or payload["remittance"]["paidAmount"] == "130.00"


async def test_a_guide_without_items_is_not_dropped_beside_one_with_items(world: World) -> None:
    whole = "<valorLiberado>80.00</valorLiberado><valorGlosa>0.00</valorGlosa>"
    other = f"<relacaoGuias><numeroGuiaPrestador>G2</numeroGuiaPrestador>{whole}</relacaoGuias></m>"
    xml = _document(world, DETAIL.format(sequence="1", paid="20.00", denial="")).removesuffix("</m>") + other
    payload = await _xml(world, xml)
    assert payload["errors"] or payload["remittance"]["paidAmount"] == "100.00"


async def test_an_amount_that_no_column_holds_is_left_to_a_person(world: World) -> None:
    items = PROCEDURE.format(code="1", paid="0.00", denied="9" * 30, reason="<codigoGlosa>1705</codigoGlosa>")
    xml = f"<m><guia><numeroGuiaPrestador>G1</numeroGuiaPrestador>{items}</guia></m>"
    found, _ = await _first_line(world, xml, statementNumber="D-1")
    assert found == ("DOUBTFUL", [("INVALID_VALUE", "valorGlosa")])


@pytest.mark.parametrize("content", [{}, {"lines": None}, {"xml": "<m/>", "lines": []}])
async def test_a_statement_is_given_in_exactly_one_form(world: World, content: dict[str, Any]) -> None:
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "content": content, "idempotencyKey": "k"}
    query = "mutation($input: ImportRemittanceInput!) { importRemittance(input: $input) { errors { code } } }"
    answer = await world.gateway.gql(query, {"input": values}, token=world.token("finance"))
    assert answer.codes == ["BAD_USER_INPUT"]
    await _nothing_kept(world)


async def test_a_text_that_is_no_text_is_refused(world: World) -> None:
    values = {
        "payerAnsCode": world.payer,
        "providerCnes": world.provider,
        "content": {"xml": "<m>\ud800</m>"},
        "idempotencyKey": "k",
    }
    query = "mutation($input: ImportRemittanceInput!) { importRemittance(input: $input) { errors { code } } }"
    headers = {"authorization": f"Bearer {world.token('finance')}", "content-type": "application/json"}
    content = json.dumps({"query": query, "variables": {"input": values}})
    answer = await world.gateway.client.post("/graphql", content=content, headers=headers)
    assert "INTERNAL" not in answer.text
    await _nothing_kept(world)


async def test_only_finance_works_with_statements(world: World) -> None:
    claim = await world.submitted_claim()
    remittance = await taken(world, line(claim, "100.00"))
    calls = {
        "importRemittance": f'payerAnsCode: "{world.payer}", providerCnes: "{world.provider}", content: {{lines: []}}, '
        'idempotencyKey: "k"',
        "matchRemittanceLine": f'remittanceLineId: "{remittance["lines"][0]["id"]}", claimId: "{claim["id"]}"',
        "postRemittance": f'remittanceId: "{remittance["id"]}", idempotencyKey: "k"',
    }
    for role in ("biller", "reviewer", "payer_agent", "billing_reader", "patient"):
        for name, values in calls.items():
            query = f"mutation {{ {name}(input: {{ {values} }}) {{ errors {{ code }} }} }}"
            assert (await world.gateway.gql(query, token=world.token(role))).codes == ["FORBIDDEN"], (role, name)
    assert (await world.gateway.gql("{ remittances { totalCount } }", token=world.token("biller"))).codes == [
        "FORBIDDEN"
    ]
    assert (await world.call("payer_agent", "{ remittances { totalCount } }"))["remittances"]["totalCount"] == 1
    assert await world.events(remittance["id"]) == ["RemittanceImported"]
    assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"


async def test_statements_of_another_provider_are_not_found(gateway: Gateway, world: World) -> None:
    other = await new_world(gateway)
    claim = await world.submitted_claim()
    remittance = await taken(world, line(claim, "100.00"))
    assert refusals(await post(other, remittance)) == [("NOT_FOUND", "remittanceId", None)]
    strange = await take(other, [line(claim, "100.00")], payer=world.payer, provider=world.provider)
    assert refusals(strange) == [("NOT_FOUND", "providerCnes", "1202")]
    query = f'{{ remittance(id: "{remittance["id"]}") {{ id }} remittances {{ totalCount }} }}'
    assert await other.call("finance", query) == {"remittance": None, "remittances": {"totalCount": 0}}
    own = await taken(other, line(claim, "100.00"), payer=world.payer)
    assert [one["problem"] for one in own["lines"]] == ["UNKNOWN_CLAIM"]
    assert (await world.claim(claim["id"]))["status"] == "SUBMITTED"
    assert await world.events(remittance["id"]) == ["RemittanceImported"]
