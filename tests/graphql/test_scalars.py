"""The scalars of identifiers and months: what they accept, what they print, and how they refuse."""

from typing import Any

import pytest

from tests.factories import World, key, refusals, today

CNES = ("INVALID_IDENTIFIER", "1202")
ANS = ("INVALID_IDENTIFIER", "5027")
MONTH = ("INVALID_INPUT", "5046")
BAD: list[tuple[str, Any, tuple[str, str]]] = [
    *(
        ("provider", value, CNES)
        for value in (
            "",
            "123456",
            "12345678",
            "123456a",
            " 1234567",
            "\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
            1234567,
            True,
        )
    ),
    *(("payer", value, ANS) for value in ("", "12345", "1234567", "12345x", "123 45", "١٢٣٤٥٦", 123456, ["123456"])),
    *(("billingMonth", value, MONTH) for value in ("202611", "2026-1", "2026-13", "2026-00", "1999-12", "2026/11")),
    *(("billingMonth", value, MONTH) for value in ("2026-11-01", "", " 2026-11", "\uff12026-11", 202611, {"a": 1})),
]
NAMES = {"provider": "providerCnes", "payer": "payerAnsCode", "billingMonth": "billingMonth"}


@pytest.mark.parametrize(("name", "value", "expected"), BAD, ids=repr)
async def test_a_malformed_value_is_refused_at_its_place(
    server_world: World, name: str, value: Any, expected: tuple[str, str]
) -> None:
    code, tiss = expected
    payload = await server_world.create_invoice(["clm_0"], **{name: value})
    # The claim is looked for all the same: all faults of a form are named in one round.
    assert (payload["invoice"], refusals(payload)) == (
        None,
        [(code, NAMES[name], tiss), ("NOT_FOUND", "claimIds.0", None)],
    )


async def test_all_malformed_values_are_refused_together(server_world: World) -> None:
    payload = await server_world.create_claim(provider="1", payer="2", serviceDate="x")
    assert refusals(payload) == [
        ("INVALID_IDENTIFIER", "claim.providerCnes", "1202"),
        ("INVALID_IDENTIFIER", "claim.payerAnsCode", "5027"),
        ("INVALID_DATE", "claim.serviceDate", None),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('payerAnsCode: "12345"', ("INVALID_IDENTIFIER", "payerAnsCode")),
        ('providerCnes: "12345"', ("INVALID_IDENTIFIER", "providerCnes")),
        ("payerAnsCode: 123456", ("INVALID_IDENTIFIER", "payerAnsCode")),
    ],
)
@pytest.mark.parametrize("name", ["reconciliation", "billingIndicators"])
async def test_a_malformed_argument_is_refused(
    server_world: World, name: str, arguments: str, expected: tuple[str, str]
) -> None:
    query = f"{{ {name}({arguments}) {{ __typename }} }}"
    answer = await server_world.gateway.gql(query, token=server_world.token("finance"))
    assert answer.reasons == [("BAD_USER_INPUT", *expected)]
    assert answer.body["data"] == {name: None}


async def test_values_are_printed_as_they_are_read(server_world: World) -> None:
    world, month = server_world, today().strftime("%Y-%m")
    claim = (await world.approved_claim())["id"]
    created = await world.create_invoice([claim], billingMonth=month, idempotencyKey=key())
    assert created["invoice"]["billingMonth"] == month
    query = "query($id: ID!) { claim(id: $id) { payer { ansCode } provider { cnes } patient { cpf } } }"
    found = (await world.call("reviewer", query, id=claim))["claim"]
    assert (found["payer"], found["provider"]) == ({"ansCode": world.payer}, {"cnes": world.provider})
    assert (len(found["patient"]["cpf"]), found["patient"]["cpf"].isdigit()) == (11, True)


async def test_each_says_where_its_format_is_defined(server_world: World) -> None:
    query = "{ __schema { types { kind name specifiedByURL } } }"
    types = (await server_world.call("reviewer", query))["__schema"]["types"]
    urls = {each["name"]: each["specifiedByURL"] for each in types if each["kind"] == "SCALAR"}
    for name in ("AnsCode", "Cnes", "Cpf", "YearMonth", "Date", "DateTime"):
        assert (urls[name] or "").startswith("https://"), name
