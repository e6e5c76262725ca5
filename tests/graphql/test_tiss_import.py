"""TISS batch documents become claims, guide by guide, and never twice."""

import re
from datetime import UTC, datetime

import tiss
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection
from tiss import examples

from app.db.reference_tables import payers, providers
from app.db.tables import claims
from app.domain import ids
from app.services.batch_import import GuideOutcome
from tests.factories import World, add_card, insert_patient
from tests.gateway import Gateway
from tests.lotes import Report, imported
from tests.preflights import stored_warnings

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
VALID = examples.load("lote-valido")


async def _take(gateway: Gateway, xml: bytes) -> Report:
    return await imported(gateway, xml, lambda: NOW)


def _for(world: World, card_1: str, card_2: str) -> bytes:
    """The example document, readdressed to the world's own parties, with the right hash."""
    changed = VALID.replace(b"123456</ans:registroANS>", world.payer.encode() + b"</ans:registroANS>")
    changed = changed.replace(b"<ans:CNES>1234567<", b"<ans:CNES>" + world.provider.encode() + b"<")
    changed = changed.replace(b">12345</ans:numeroCarteira>", b">" + card_1.encode() + b"</ans:numeroCarteira>")
    changed = changed.replace(b">67890</ans:numeroCarteira>", b">" + card_2.encode() + b"</ans:numeroCarteira>")
    return _hashed(changed)


def _hashed(xml: bytes) -> bytes:
    digest = tiss.hash_epilogo(xml).encode()
    return re.sub(rb"<ans:hash>[0-9a-f]{32}</ans:hash>", b"<ans:hash>" + digest + b"</ans:hash>", xml)


async def _claims_of(world: World) -> list[tuple[str, str, int]]:
    async with world.gateway.database.reading() as connection:
        table = claims.c
        query = select(table.provider_claim_number, table.status, table.claimed_cents)
        rows = await connection.execute(
            query.where(table.payer_ans == world.payer).order_by(table.provider_claim_number)
        )
        return [tuple(row) for row in rows.all()]


async def test_the_unchanged_example_document_becomes_two_submitted_claims(gateway: Gateway) -> None:
    async def parties(connection: AsyncConnection) -> None:
        payer = {
            "ans_code": "123456",
            "name": "Operadora Exemplo",
            "submission_window_days": 3650,
            "payment_term_days": 30,
            "is_answering": True,
        }
        provider = {"cnes": "1234567", "name": "CLINICA EXEMPLO", "tax_id": "11222333000181", "last_invoice_number": 0}
        await connection.execute(insert(payers).values(**payer))
        await connection.execute(insert(providers).values(**provider))
        for number, card in enumerate(("12345", "67890"), start=900_001):
            await insert_patient(connection, "123456", card, ids.new_id(ids.PATIENT), number)

    await gateway.database.transact(parties)
    report = await _take(gateway, VALID)
    assert report.failures == ()
    assert [(result.number, result.outcome) for result in report.results] == [
        ("0001", GuideOutcome.IMPORTED),
        ("0002", GuideOutcome.IMPORTED),
    ]
    token = gateway.token("reviewer", payer="123456", providers=["*"])
    query = """query($id: ID!) { claim(id: $id) { status type claimedAmount serviceDate cardNumber providerClaimNumber
               provider { cnes }
               items { sequence codeSystem code description quantity factor unitPrice totalAmount } } }"""
    found = (await gateway.gql(query, {"id": report.results[0].claim_id}, token=token)).data["claim"]
    assert found == {
        "status": "SUBMITTED",
        "type": "SP_SADT",
        "claimedAmount": "100.00",
        "serviceDate": "2026-10-21",
        "cardNumber": "12345",
        "providerClaimNumber": "0001",
        "provider": {"cnes": "1234567"},
        "items": [
            {
                "sequence": 1,
                "codeSystem": "22",
                "code": "10101012",
                "description": "CONSULTA",
                "quantity": "1",
                "factor": "1.00",
                "unitPrice": "100.00",
                "totalAmount": "100.00",
            }
        ],
    }


async def test_a_second_import_changes_nothing(world: World) -> None:
    document = _for(world, world.card, await add_card(world))
    first = await _take(world.gateway, document)
    before = await _claims_of(world)
    second = await _take(world.gateway, document)
    assert [result.outcome for result in first.results] == [GuideOutcome.IMPORTED, GuideOutcome.IMPORTED]
    assert [result.outcome for result in second.results] == [GuideOutcome.UNCHANGED, GuideOutcome.UNCHANGED]
    assert [result.claim_id for result in second.results] == [result.claim_id for result in first.results]
    assert await _claims_of(world) == before == [("0001", "SUBMITTED", 10_000), ("0002", "SUBMITTED", 10_000)]
    claim_id = first.results[0].claim_id
    assert claim_id is not None
    assert await world.events(claim_id) == ["ClaimCreated", "ClaimSubmitted"]


async def test_a_refused_guide_leaves_the_others_alone_and_says_why(world: World) -> None:
    await world.hold_membership()
    report = await _take(world.gateway, _for(world, world.card, "NOBODY"))
    assert [result.outcome for result in report.results] == [GuideOutcome.IMPORTED, GuideOutcome.REFUSED]
    failure = report.results[1].failures[0]
    assert (failure.code, failure.field, failure.tiss_code) == ("INVALID_CARD", "cardNumber", "1001")
    assert [number for number, _, _ in await _claims_of(world)] == ["0001"]


async def test_another_guide_under_a_known_number_is_a_duplicate(world: World) -> None:
    other = await add_card(world)
    await _take(world.gateway, _for(world, world.card, other))
    changed = _hashed(_for(world, world.card, other).replace(b"100.00", b"120.00"))
    report = await _take(world.gateway, changed)
    assert [result.failures[0].tiss_code for result in report.results] == ["1308", "1308"]
    assert [cents for _, _, cents in await _claims_of(world)] == [10_000, 10_000]


async def test_a_wrong_hash_refuses_the_whole_document(world: World) -> None:
    document = re.sub(rb"<ans:hash>.{6}", b"<ans:hash>000000", _for(world, world.card, await add_card(world)))
    report = await _take(world.gateway, document)
    assert (report.results, [failure.tiss_code for failure in report.failures]) == ((), ["5014"])
    assert await _claims_of(world) == []


async def test_an_unknown_table_refuses_its_guide(world: World) -> None:
    document = _for(world, world.card, await add_card(world))
    document = _hashed(document.replace(b"<ans:codigoTabela>22<", b"<ans:codigoTabela>77<", 1))
    report = await _take(world.gateway, document)
    assert [result.outcome for result in report.results] == [GuideOutcome.REFUSED, GuideOutcome.IMPORTED]
    message = report.results[0].failures[0].message
    assert ("codigoTabela" in message, "77" in message) == (True, False)
    assert [number for number, _, _ in await _claims_of(world)] == ["0002"]


async def test_a_known_table_with_an_unknown_code_is_a_warning(world: World) -> None:
    document = _for(world, world.card, await add_card(world))
    document = _hashed(document.replace(b">10101012<", b">99999999<", 1))
    result = (await _take(world.gateway, document)).results[0]
    assert (result.outcome, result.failures) == (GuideOutcome.IMPORTED, ())
    found = await stored_warnings(world, result.claim_id or "")
    assert found == [("WARNING", "UNKNOWN_CODE", "items.0.code", "1801", "100.00")]


async def test_broken_xml_and_foreign_documents_are_reported_not_raised(world: World) -> None:
    broken = await _take(world.gateway, b"<ans:mensagemTISS")
    foreign = await _take(world.gateway, examples.load("demonstrativo"))
    empty = await _take(world.gateway, b"")
    assert [failure.tiss_code for failure in broken.failures] == ["5002"]
    assert [len(report.failures) for report in (broken, foreign, empty)] == [1, 1, 1]
    assert all(report.results == () for report in (broken, foreign, empty))


async def test_the_example_with_errors_tells_all_of_them_and_takes_nothing(world: World) -> None:
    report = await _take(world.gateway, examples.load("lote-com-erros"))
    assert report.results == ()
    text = "\n".join(failure.message for failure in report.failures)
    assert ("dataExecucao" in text, "2026-99-99" in text) == (True, False)
    assert "profissionalSolicitante" in text
    assert any(failure.tiss_code == "5014" for failure in report.failures)
