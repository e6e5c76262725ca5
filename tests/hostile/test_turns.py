"""The largest inputs and documents leave the event loop to others: no step of them takes it for long."""

import asyncio
from typing import Any

from app.events.contracts import INBOUND
from app.services import inbox
from app.services.batch_import import GuideOutcome
from app.services.inbox import RECEIVE
from tests.factories import BLOOD_COUNT, World, key, new_world, refusals, today
from tests.figures import Figures, assert_within
from tests.gateway import Gateway
from tests.inputs import shaped
from tests.loop_time import measured
from tests.lotes import imported

LONGEST_MILLISECONDS = 25
MEDICINE = {"codeSystem": "20", "code": "90000544", "quantity": "0.5", "unitPrice": "29.00", "details": {"unit": "036"}}
ITEMS = [BLOOD_COUNT] * 140 + [MEDICINE] * 10
CLAIMS = 20


async def _claims(world: World, count: int) -> list[str]:
    return [str((await world.submitted_claim(items=ITEMS))["id"]) for _ in range(count)]


def _lines(count: int) -> list[dict[str, Any]]:
    denial = {"code": "1801", "amount": "2.00"}
    return [{"providerClaimNumber": f"X{number}", "paidAmount": "1.00", "denials": [denial]} for number in range(count)]


async def _import(world: World, **values: Any) -> Any:
    named = {"payerAnsCode": world.payer, "providerCnes": world.provider, "idempotencyKey": key(), **values}
    fields = "alreadyImported remittance { paidAmount deniedAmount source }"
    return await world.mutate("finance", "importRemittance", fields, **named)


def _document(world: World, items: int) -> str:
    """A statement in the standard's layout about one claim with so many items."""
    details = "".join(
        f"<detalhesGuia><sequencialItem>{number}</sequencialItem><valorLiberado>1.00</valorLiberado></detalhesGuia>"
        for number in range(1, items + 1)
    )
    named = f"<registroANS>{world.payer}</registroANS><CNES>{world.provider}</CNES>"
    guide = f"<relacaoGuias><numeroGuiaPrestador>G1</numeroGuiaPrestador>{details}</relacaoGuias>"
    return f"<m>{named}<numeroDemonstrativo>D-1</numeroDemonstrativo>{guide}</m>"


async def test_a_batch_of_three_thousand_items_goes_out_and_in(server_gateway: Gateway, figures: Figures) -> None:
    world = await new_world(server_gateway)
    with measured() as creating:
        ids = await _claims(world, CLAIMS)
    with measured() as exporting:
        payload = await world.mutate("biller", "exportBatch", "batch { number xml hash }", claimIds=ids)
    assert payload["errors"] == []
    xml = payload["batch"]["xml"]
    assert (payload["batch"]["number"], xml.count("<ans:procedimentoExecutado>"), xml.count("<ans:despesa>")) == (
        "1",
        2_800,
        200,
    )
    with measured() as importing:
        report = await imported(server_gateway, xml.encode("iso-8859-1"))
    assert [(one.outcome, one.claim_id) for one in report.results] == [(GuideOutcome.UNCHANGED, id) for id in ids]
    figures(
        create_milliseconds=creating.longest_milliseconds,
        export_milliseconds=exporting.longest_milliseconds,
        import_milliseconds=importing.longest_milliseconds,
    )
    assert_within(LONGEST_MILLISECONDS, exporting=exporting.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, importing=importing.longest_milliseconds)


async def test_a_statement_of_a_thousand_lines_and_denials(server_gateway: Gateway, figures: Figures) -> None:
    world = await new_world(server_gateway)
    with measured() as typed:
        payload = await _import(world, statementNumber="1", lines=_lines(1_000))
    assert (payload["errors"], payload["remittance"]) == (
        [],
        {"paidAmount": "1000.00", "deniedAmount": "2000.00", "source": "TYPED"},
    )
    with measured() as refused:
        payload = await _import(world, statementNumber="2", lines=[{"paidAmount": "1"}] * 2_001)
    assert refusals(payload)[0] == ("INVALID_INPUT", "content.lines", None)
    figures(typed_milliseconds=typed.longest_milliseconds, refused_milliseconds=refused.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, typed=typed.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, refused=refused.longest_milliseconds)


async def test_a_document_of_a_thousand_items(server_gateway: Gateway, figures: Figures) -> None:
    world = await new_world(server_gateway)
    with measured() as read:
        payload = await _import(world, xml=_document(world, 1_000))
    assert (payload["errors"], payload["remittance"]) == (
        [],
        {"paidAmount": "1000.00", "deniedAmount": "0.00", "source": "TISS"},
    )
    figures(document_milliseconds=read.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, read=read.longest_milliseconds)


async def test_an_input_that_no_caller_may_send_is_refused_before_it_is_converted(
    server_gateway: Gateway, figures: Figures
) -> None:
    item = {"codeSystem": "22", "code": "1", "quantity": "1", "unitPrice": "1"}
    query = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { errors { code } } }"
    world = await new_world(server_gateway)
    values = shaped("createClaim", world.claim_input(items=[item] * 1_800))
    with measured() as refused:
        answer = await server_gateway.gql(query, {"input": values})
    assert answer.codes == ["UNAUTHENTICATED"]
    figures(refused_milliseconds=refused.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, refused=refused.longest_milliseconds)


async def test_a_payers_event_of_two_thousand_lines(server_gateway: Gateway, figures: Figures) -> None:
    world = await new_world(server_gateway)
    data = {
        "provider": world.provider,
        "payer": world.payer,
        "statementNumber": "E1",
        "paidOn": today().isoformat(),
        "lines": _lines(2_000),
    }
    with measured() as received:
        async with asyncio.timeout(60):
            statement = await asyncio.to_thread(inbox.read, {"type": INBOUND.ce_type, "data": data})
            actor = inbox.actor_of(statement, request_id="event")
            done = await server_gateway.parts.changes.run(RECEIVE, actor, {"statement": statement})
    assert done.value.is_new
    figures(event_milliseconds=received.longest_milliseconds)
    assert_within(LONGEST_MILLISECONDS, received=received.longest_milliseconds)
