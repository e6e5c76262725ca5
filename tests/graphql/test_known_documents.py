"""A payer's document that was imported before changes nothing, in whatever form it comes again."""

from datetime import timedelta

from tests.factories import World, key, refusals, today
from tests.graphql.test_remittances import done, line, money, post
from tests.graphql.test_statement_documents import guide, send, taken
from tests.inputs import input_type, shaped
from tests.payer_documents import Item, analysis, message, payment


async def test_every_statement_of_a_message_is_its_own(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(2)]
    first = analysis(world, "S06A", guide(world, claims[0]))
    second = analysis(world, "S06B", guide(world, claims[1]))
    both = message(world.payer, first, second)
    payload = await send(world, both, paidOn=today().isoformat())
    assert [(each["statementNumber"], each["paidAmount"]) for each in payload["remittances"]] == [
        ("S06A", "100.00"),
        ("S06B", "100.00"),
    ]
    for remittance in payload["remittances"]:
        assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)
    alone = await send(world, message(world.payer, second), paidOn=today().isoformat())
    assert (alone["errors"], alone["alreadyImported"]) == ([], True)
    assert alone["notices"] == ["statement S06B was imported before, nothing was changed"]
    assert [each["id"] for each in alone["remittances"]] == [payload["remittances"][1]["id"]]
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00", "100.00"]


async def test_a_known_document_is_recognized_by_its_content(world: World) -> None:
    claim = await world.submitted_claim()
    of_claim = guide(world, claim)
    remittance = await taken(world, message(world.payer, analysis(world, "C-1", of_claim)))
    ways = [
        (message(world.payer, analysis(world, "C-1", of_claim)), {"statementNumber": "OTHER"}),
        (message(world.payer, analysis(world, "RENAMED", of_claim)), {}),
        (message(world.payer, analysis(world, "RENAMED", of_claim), encoding="UTF-8"), {}),
        (message(world.payer, analysis(world, "C-1", of_claim), digest="0" * 32, version="4.02.00"), {}),
    ]
    for xml, changes in ways:
        payload = await send(world, xml, **changes)
        assert (payload["errors"], payload["alreadyImported"]) == ([], True)
        assert payload["notices"] == ["statement C-1 was imported before, nothing was changed"]
        assert payload["remittance"] == {"id": remittance["id"]}
    other = await taken(world, message(world.payer, analysis(world, "C-2", of_claim, issued="2026-11-02")))
    assert other["id"] != remittance["id"]


async def test_a_cancelled_document_can_be_imported_again(world: World) -> None:
    claim = await world.submitted_claim()
    xml = message(world.payer, analysis(world, "C-9", guide(world, claim)))
    first = await taken(world, xml)
    values = {"remittanceId": first["id"], "reason": "errado", "idempotencyKey": key()}
    await world.mutate("finance", "cancelRemittance", "remittance { id }", **values)
    second = await taken(world, xml)
    assert second["id"] != first["id"]


async def test_an_analysis_is_recognized_after_its_payment_has_joined_it(world: World) -> None:
    claim = await world.submitted_claim()
    analysed = message(world.payer, analysis(world, "A-7", guide(world, claim)))
    remittance = await taken(world, analysed)
    assert done(await post(world, remittance))[:3] == ("POSTED", 1, 0)
    paid = message(world.payer, analysis(world, "A-7", guide(world, claim), issued="2026-11-10"))
    joined = await send(world, paid, paidOn=today().isoformat())
    assert (joined["remittance"]["id"], joined["alreadyImported"]) == (remittance["id"], False)
    for xml, changes in ((analysed, {}), (analysed, {"paidOn": today().isoformat()}), (paid, {})):
        again = await send(world, xml, statementNumber="OTHER", **changes)
        assert (again["errors"], again["alreadyImported"]) == ([], True)
        assert again["notices"] == ["statement A-7 was imported before, nothing was changed"]


async def test_a_later_day_of_a_payment_is_recognized_when_it_comes_alone(world: World) -> None:
    first, second = (today() - timedelta(days=1)).isoformat(), today().isoformat()
    both = await send(world, message(world.payer, payment(world, "P-1", first, second, net="900.00")))
    assert [each["statementNumber"] for each in both["remittances"]] == ["P-1", "P-1-2"]
    alone = await send(world, message(world.payer, payment(world, "P-1", second, net="900.00")))
    assert (alone["errors"], alone["alreadyImported"]) == ([], True)
    assert alone["notices"] == ["statement P-1-2 was imported before, nothing was changed"]


async def test_one_of_several_statements_that_is_refused_does_not_refuse_the_others(world: World) -> None:
    claims = [await world.submitted_claim() for _ in range(3)]
    assert (await send(world, None, statementNumber="S-2", lines=[line(claims[1], "100.00")]))["errors"] == []
    guides = [guide(world, claim) for claim in claims]
    several = message(world.payer, *(analysis(world, f"S-{place}", each) for place, each in enumerate(guides, 1)))
    used = key()
    refused = "not imported: statement S-2: the statement was already imported with other lines"
    for is_again in (False, True):
        payload = await send(world, several, idempotencyKey=used)
        assert (payload["errors"], payload["alreadyImported"], payload["notices"]) == ([], False, [refused])
        assert [each["statementNumber"] for each in payload["remittances"]] == ["S-1", "S-3"]
        assert payload["replayed"] is is_again
    known = [f"statement S-{place} was imported before, nothing was changed" for place in (1, 3)]
    assert (await send(world, several))["notices"] == [*known, refused]
    other = analysis(world, "S-3", guide(world, claims[2], Item(paid="90.00", denials=(("1705", "10.00"),))))
    nothing = await send(world, message(world.payer, analysis(world, "S-2", guide(world, claims[1])), other))
    assert refusals(nothing) == [("CONFLICT", "statementNumber", None)] * 2
    assert [each["message"] for each in nothing["errors"]] == [refused, refused.replace("S-2", "S-3")]
    assert nothing["remittances"] == []
    query = f"mutation($input: {input_type('importRemittance')}!) {{ importRemittance(input: $input) {{ notices }} }}"
    values = {"payer": world.payer, "provider": world.provider, "xml": several, "idempotencyKey": key()}
    sent = {"input": shaped("importRemittance", values)}
    answer = await world.gateway.gql(query, sent, token=world.token("finance"), **{"accept-language": "pt"})
    assert answer.data["importRemittance"]["notices"] == [
        "o demonstrativo S-1 já tinha sido importado, nada mudou",
        "o demonstrativo S-3 já tinha sido importado, nada mudou",
        "não importado: demonstrativo S-2: o demonstrativo já foi importado com outras linhas",
    ]
