"""Each order of each list, in both directions and through its pages; without one a list has an order of its own."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.resolvers.access_log import AccessLogOrderField, EmergencyAccessOrderField
from app.resolvers.claims import ClaimOrderField
from app.resolvers.contracts import ContractOrderField
from app.resolvers.denials import DenialOrderField
from app.resolvers.eligibility import EligibilityOrderField
from app.resolvers.invoices import InvoiceOrderField
from app.resolvers.remittances import RemittanceLineOrderField, RemittanceOrderField
from app.resolvers.settlements import SettlementOrderField
from tests.factories import CONSULTATION, World, new_world, today
from tests.graphql.test_denials import _denied, _move_deadlines
from tests.graphql.test_remittances import taken

LISTS: dict[str, tuple[str, str, dict[Any, str]]] = {
    "claims": (
        "biller",
        "ClaimOrder",
        {
            ClaimOrderField.CREATED_AT: "createdAt",
            ClaimOrderField.SERVICE_DATE: "serviceDate",
            ClaimOrderField.CLAIMED_AMOUNT: "claimedAmount",
        },
    ),
    "denials": (
        "biller",
        "DenialOrder",
        {
            DenialOrderField.APPEAL_DEADLINE: "appealDeadline",
            DenialOrderField.CREATED_AT: "createdAt",
            DenialOrderField.AMOUNT: "amount",
        },
    ),
    "invoices": (
        "finance",
        "InvoiceOrder",
        {InvoiceOrderField.CREATED_AT: "createdAt", InvoiceOrderField.TOTAL_AMOUNT: "totalAmount"},
    ),
    "settlements": (
        "finance",
        "SettlementOrder",
        {
            SettlementOrderField.CREATED_AT: "createdAt",
            SettlementOrderField.PAID_ON: "paidOn",
            SettlementOrderField.AMOUNT: "amount",
        },
    ),
    "remittances": ("finance", "RemittanceOrder", {RemittanceOrderField.CREATED_AT: "createdAt"}),
    "unmatchedRemittanceLines": (
        "finance",
        "RemittanceLineOrder",
        {RemittanceLineOrderField.CREATED_AT: "remittance { createdAt }"},
    ),
    "contracts": (
        "biller",
        "ContractOrder",
        {
            ContractOrderField.PROVIDER_CNES: "provider { cnes }",
            ContractOrderField.CREATED_AT: "createdAt",
            ContractOrderField.UPDATED_AT: "updatedAt",
        },
    ),
    "eligibilityHistory": (
        "front_desk",
        "EligibilityOrder",
        {EligibilityOrderField.ANSWERED_AT: "answeredAt", EligibilityOrderField.SERVICE_DATE: "serviceDate"},
    ),
    "myAccessLog": ("patient", "AccessLogOrder", {AccessLogOrderField.AT: "at"}),
    "emergencyAccesses": (
        "admin",
        "EmergencyAccessOrder",
        {EmergencyAccessOrderField.GRANTED_AT: "grantedAt"},
    ),
}
"""Each list: who reads it, the type of its order, and the field that shows what it is sorted by."""
DEFAULTS = {
    "contracts": ("PROVIDER_CNES", "ASC"),
    "denials": ("APPEAL_DEADLINE", "ASC"),
    "unmatchedRemittanceLines": ("CREATED_AT", "ASC"),
}
"""The default where it is not the latest first."""
ROWS = 5


def _cases() -> Iterator[tuple[str, Any]]:
    return ((name, field) for name, (_, _, fields) in LISTS.items() for field in fields)


async def _claims(world: World) -> None:
    for number in (2, 1, 3, 1, 2):
        day = (today() - timedelta(days=number)).isoformat()
        await world.create_claim(items=[{**CONSULTATION, "unitPrice": f"{number}.50"}], serviceDate=day)


async def _denials(world: World) -> None:
    ids = [(await _denied(world, amount))[1][0] for amount in ("9.00", "10.00", "2.00", "10.00", "1.00")]
    for days, moved in ((3, ids[:2]), (1, ids[2:4]), (2, ids[4:])):
        await _move_deadlines(world, today() + timedelta(days=days), moved)


async def _invoices(world: World) -> None:
    for amount in ("9.00", "10.00", "2.00", "10.00", "1.00"):
        await world.draft_invoice(amount)


async def _settlements(world: World) -> None:
    invoice = (await world.issued_invoice("100.00"))["id"]
    for amount, days in (("9.00", 3), ("10.00", 1), ("2.00", 2), ("10.00", 3), ("1.00", 0)):
        await world.settle(invoice, amount, paidOn=(today() - timedelta(days=days)).isoformat())


async def _remittances(world: World) -> None:
    for number in range(ROWS):
        await taken(world, {"providerClaimNumber": f"X{number}", "paidAmount": "1.00"})


async def _contracts(world: World) -> None:
    """Of one provider with five payers; the second and the first are changed again, in this order."""
    payers = [(await new_world(world.gateway)).payer for _ in range(ROWS)]
    terms = {"submissionWindowDays": 60, "appealDeadlineDays": 15, "paymentTermDays": 45}
    for payer in [*payers, payers[1], payers[0]]:
        values = {"provider": world.provider, "payer": payer, **terms}
        assert (await world.mutate("admin", "saveContract", "contract { id }", **values))["errors"] == []


async def _eligibility(world: World) -> None:
    for days in (2, 1, 3, 1, 2):
        await world.check_eligibility(serviceDate=(today() - timedelta(days=days)).isoformat())


async def _accesses(world: World) -> None:
    await world.submitted_claim()
    for _ in range(ROWS):
        await world.call("reviewer", "{ claims { nodes { patient { name } } } }")
    await world.gateway.parts.access_log.flush()


async def _emergencies(world: World) -> None:
    """One of each of five callers: a caller has one open at a time."""
    await world.submitted_claim()
    query = "mutation($input: OpenEmergencyAccessInput!) { openEmergencyAccess(input: $input) { errors { code } } }"
    values = {"patientId": world.patient, "reason": "Paciente inconsciente na emergencia"}
    for number in range(ROWS):
        nurse = world.gateway.token("front_desk", providers=[world.provider], sub=f"nurse-{world.provider}-{number}")
        answer = await world.gateway.gql(query, {"input": values}, token=nurse)
        assert answer.data["openEmergencyAccess"]["errors"] == []


PREPARED = {
    "claims": _claims,
    "denials": _denials,
    "invoices": _invoices,
    "settlements": _settlements,
    "remittances": _remittances,
    "contracts": _contracts,
    "unmatchedRemittanceLines": _remittances,
    "eligibilityHistory": _eligibility,
    "myAccessLog": _accesses,
    "emergencyAccesses": _emergencies,
}


@pytest.fixture(params=LISTS)
async def filled(request: pytest.FixtureRequest, server_world: World) -> tuple[str, World]:
    """A list with at least five rows in a world of its own."""
    await PREPARED[request.param](server_world)
    return request.param, server_world


async def _walk(world: World, name: str, shown: str, order: dict[str, str] | None, size: int) -> list[tuple[Any, str]]:
    """What each row shows, and its id, page by page."""
    role, kind, _ = LISTS[name]
    query = (
        f"query($order: {kind}, $first: Int!, $after: String) {{ {name}(orderBy: $order, first: $first, after: $after) "
        f"{{ totalCount nodes {{ id {shown} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    found: list[tuple[Any, str]] = []
    after, is_last = None, False
    while not is_last:
        page = (await world.call(role, query, order=order, first=size, after=after))[name]
        found += [(_shown(node), node["id"]) for node in page["nodes"]]
        after, is_last = page["pageInfo"]["endCursor"], not page["pageInfo"]["hasNextPage"]
        assert is_last or len(page["nodes"]) == size
    assert len(found) == page["totalCount"] >= ROWS
    return found


def _shown(node: dict[str, Any]) -> Any:
    """The value beside the id, so that amounts are compared as numbers."""
    (value,) = [value for name, value in node.items() if name != "id"]
    while isinstance(value, dict):
        (value,) = value.values()
    return float(value) if "." in value and value.replace(".", "").isdigit() else value


async def test_pages_follow_each_order_in_both_directions(filled: tuple[str, World]) -> None:
    name, world = filled
    fields = LISTS[name][2]
    for field, shown in fields.items():
        up, down = [
            await _walk(world, name, shown, {"field": field.value, "direction": direction}, 2)
            for direction in ("ASC", "DESC")
        ]
        assert up == sorted(up), field
        assert down == up[::-1], field
        assert len({identifier for _, identifier in up}) == len(up)


async def test_without_an_order_each_list_has_its_own(filled: tuple[str, World]) -> None:
    name, world = filled
    field, shown = next(iter(LISTS[name][2].items()))
    by, direction = DEFAULTS.get(name, (field.value, "DESC"))
    assert by == field.value
    plain = await _walk(world, name, shown, None, 2)
    assert plain == await _walk(world, name, shown, {"field": by, "direction": direction}, 100)


def test_every_order_is_walked_through() -> None:
    for _, kind, fields in LISTS.values():
        members: Any = type(next(iter(fields)))
        assert list(fields) == list(members)
        assert members.__name__ == f"{kind}Field"


@pytest.mark.parametrize(
    ("role", "name", "field"),
    [
        ("front_desk", "claims", "CLAIMED_AMOUNT"),
        ("front_desk", "invoices", "TOTAL_AMOUNT"),
    ],
)
async def test_an_order_by_amounts_needs_them(server_world: World, role: str, name: str, field: str) -> None:
    for direction in ("ASC", "DESC"):
        query = f"{{ {name}(orderBy: {{field: {field}, direction: {direction}}}) {{ totalCount }} }}"
        answer = await server_world.gateway.gql(query, token=server_world.token(role))
        assert (answer.codes, answer.body["data"]) == (["FORBIDDEN"], {name: None})
        assert answer.body["errors"][0]["extensions"]["permission"] == "amounts:read"


async def test_contracts_are_in_the_order_of_their_changes(server_world: World) -> None:
    await _contracts(server_world)
    query = "query($o: ContractOrder) { contracts(orderBy: $o) { nodes { id createdAt updatedAt version } } }"

    async def read(field: str) -> list[Any]:
        order = {"field": field, "direction": "ASC"}
        return list((await server_world.call("biller", query, o=order))["contracts"]["nodes"])

    created, updated = await read("CREATED_AT"), await read("UPDATED_AT")
    assert [each["version"] for each in created] == [2, 2, 1, 1, 1]
    assert updated == [*created[2:], created[1], created[0]]
    for each in created:
        # To the millisecond: the time of creation is in the id.
        is_changed = each["createdAt"][:23] < each["updatedAt"][:23]
        assert is_changed is (each["version"] == 2)


async def test_a_cursor_of_the_other_direction_is_refused(server_world: World) -> None:
    await _settlements(server_world)
    query = """query($order: SettlementOrder, $after: String) {
      settlements(orderBy: $order, first: 1, after: $after) { pageInfo { endCursor } } }"""
    up, down = [{"field": "AMOUNT", "direction": direction} for direction in ("ASC", "DESC")]
    cursor = (await server_world.call("finance", query, order=up))["settlements"]["pageInfo"]["endCursor"]
    variables = {"order": down, "after": cursor}
    answer = await server_world.gateway.gql(query, variables, token=server_world.token("finance"))
    assert answer.reasons == [("BAD_USER_INPUT", "INVALID_INPUT", "after")]
