"""Appeals against all denials of a filter, with one text or a template that gets the values of each."""

from typing import Any

from tests.factories import World, key, new_world, refusals, today

TEMPLATE = "template { id code text version }"
TEXT = "Glosa {code} do item {item} ({procedure}) da guia {claimNumber}, de {serviceDate}: {amount} devidos"
RESULTS = "appealedCount results { id object { id status } errors { code message } }"


async def _denied(world: World, code: str, amount: str) -> tuple[str, str]:
    """A claim of 100.00 with one open denial: its number and the denial's id."""
    claim = await world.claim_in_review()
    denial = {"code": code, "amount": amount}
    decisions = [{"sequence": 1, "approvedAmount": f"{100 - float(amount):.2f}", "denials": [denial]}]
    assert (await world.adjudicate(claim["id"], decisions))["errors"] == []
    query = "query($id: ID!) { claim(id: $id) { items { denials { id } } } }"
    found = await world.call("biller", query, id=claim["id"])
    return claim["providerClaimNumber"], found["claim"]["items"][0]["denials"][0]["id"]


async def _template(world: World, text: str = TEXT, code: str = "1801") -> Any:
    values = {"providerCnes": world.provider, "code": code, "text": text, "idempotencyKey": key()}
    return await world.mutate("biller", "createAppealTemplate", TEMPLATE, **values)


async def _appeal(world: World, justification: Any, **values: Any) -> Any:
    where = values.pop("filter", {"providerCnes": [world.provider]})
    given = {"filter": where, "justification": justification, "idempotencyKey": key(), **values}
    return await world.mutate("biller", "appealMatchingDenials", RESULTS, **given)


async def _justification(world: World, denial_id: str) -> Any:
    query = "query($id: ID!) { node(id: $id) { ... on Denial { appeal { justification appealedAmount } } } }"
    return (await world.call("reviewer", query, id=denial_id))["node"]["appeal"]


async def test_a_template_gets_the_values_of_each_denial(world: World) -> None:
    first, second = [await _denied(world, "1801", amount) for amount in ("40.00", "12.34")]
    _, other = await _denied(world, "1705", "9.00")
    template = (await _template(world))["template"]
    assert template == {"id": template["id"], "code": "1801", "text": TEXT, "version": 1}
    where = {"providerCnes": [world.provider], "payerAnsCode": [world.payer], "code": ["1801"]}
    chosen = {"templateId": template["id"]}
    dry = await _appeal(world, chosen, filter=where, dryRun=True)
    assert (dry["appealedCount"], [each["object"]["status"] for each in dry["results"]]) == (2, ["OPEN", "OPEN"])
    assert await _justification(world, first[1]) is None
    done = await _appeal(world, chosen, filter=where)
    assert (done["appealedCount"], [each["object"]["status"] for each in done["results"]]) == (2, ["APPEALED"] * 2)
    day = f"{today():%d/%m/%Y}"
    for (number, denial), amount in ((first, "40.00"), (second, "12.34")):
        assert await _justification(world, denial) == {
            "justification": f"Glosa 1801 do item 1 (10101012) da guia {number}, de {day}: {amount} devidos",
            "appealedAmount": amount,
        }
    assert await _justification(world, other) is None
    again = await _appeal(world, chosen, filter=where)
    assert (again["appealedCount"], again["results"]) == (0, [])


async def test_a_missing_value_is_refused_for_that_denial_or_for_all(world: World) -> None:
    _, denial = await _denied(world, "1801", "40.00")
    template = (await _template(world, "Senha {authorization}: devido"))["template"]
    chosen = {"templateId": template["id"]}
    refused = await _appeal(world, chosen)
    assert [(each["id"], each["errors"][0]["message"]) for each in refused["results"]] == [
        (denial, "the denial has no authorization: use another template")
    ]
    atomic = await _appeal(world, chosen, atomic=True)
    assert (refusals(atomic), atomic["results"]) == ([("INVALID_INPUT", None, None)], [])
    assert await _justification(world, denial) is None
    plain = await _appeal(world, {"text": "conforme contrato"})
    assert plain["appealedCount"] == 1


async def test_templates_are_changed_and_deleted_by_their_provider_only(world: World) -> None:
    template = (await _template(world))["template"]
    given = {"appealTemplateId": template["id"], "text": "Novo {amount}"}
    other = await new_world(world.gateway)
    assert refusals(await other.mutate("biller", "updateAppealTemplate", TEMPLATE, **given)) == [
        ("NOT_FOUND", "appealTemplateId", None)
    ]
    changed = await world.mutate("biller", "updateAppealTemplate", TEMPLATE, version=1, **given)
    assert changed["template"] == {**template, "text": "Novo {amount}", "version": 2}
    stale = await world.mutate("biller", "updateAppealTemplate", TEMPLATE, version=1, **given)
    assert refusals(stale) == [("STALE_VERSION", "version", None)]
    query = "{ appealTemplates { totalCount nodes { id text provider { cnes } } } }"
    own = await world.call("biller", query)
    assert own["appealTemplates"] == {
        "totalCount": 1,
        "nodes": [{"id": template["id"], "text": "Novo {amount}", "provider": {"cnes": world.provider}}],
    }
    assert (await other.call("biller", query))["appealTemplates"] == {"totalCount": 0, "nodes": []}
    fields = "deletedAppealTemplateId"
    deleted = await world.mutate("biller", "deleteAppealTemplate", fields, appealTemplateId=template["id"])
    assert deleted["deletedAppealTemplateId"] == template["id"]
    assert (await world.call("biller", query))["appealTemplates"]["totalCount"] == 0


async def test_an_unknown_field_or_code_is_refused(world: World) -> None:
    refused = await _template(world, "Cartão {card}", code="0001")
    assert refusals(refused) == [("UNKNOWN_CODE", "code", None), ("INVALID_INPUT", "text", None)]
    assert "unknown field {card}" in refused["errors"][1]["message"]
