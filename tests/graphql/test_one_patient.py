"""A token that is narrowed to one patient."""

import pytest

from tests.factories import World, key


@pytest.mark.parametrize("name", ["invoices", "settlements", "remittances"])
async def test_a_token_for_one_patient_opens_no_books_whatever_its_role(world: World, name: str) -> None:
    invoice = await world.issued_invoice("100.00")
    await world.settle(invoice["id"], "1.00")
    line = {"providerClaimNumber": "G-NONE", "paidAmount": "1.00"}
    values = {"payer": world.payer, "provider": world.provider, "statementNumber": "D-1", "lines": [line]}
    taken = await world.mutate("finance", "importRemittance", "remittance { id }", **values, idempotencyKey=key())
    assert taken["errors"] == []
    query = f"{{ {name} {{ totalCount nodes {{ id }} }} }}"
    assert (await world.call("finance", query))[name]["totalCount"] == 1
    narrowed = world.gateway.token("finance", patient=world.patient)
    answer = await world.gateway.gql(query, token=narrowed)
    assert answer.data[name] == {"totalCount": 0, "nodes": []}
