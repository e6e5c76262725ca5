"""availableActions of remittances and of their lines: what is open can be done, what is blocked is refused."""

import pytest

from tests.factories import World, key
from tests.graphql.test_available_actions import FINANCE, Build, Operation, check
from tests.graphql.test_remittances import line, take, taken
from tests.payer_documents import Guide, analysis, message

REMITTANCE_OPERATIONS = {
    "POST": Operation("postRemittance", FINANCE, lambda _, ids: {"remittanceId": ids["id"], "idempotencyKey": key()}),
    "RELEASE": Operation(
        "releaseRemittance",
        FINANCE,
        lambda _, ids: {"remittanceId": ids["id"], "reason": "conferido", "idempotencyKey": key()},
    ),
    "CANCEL": Operation(
        "cancelRemittance",
        FINANCE,
        lambda _, ids: {"remittanceId": ids["id"], "reason": "arquivo errado", "idempotencyKey": key()},
    ),
}
LINE_OPERATIONS = {
    "MATCH": Operation(
        "matchRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"], "claimId": ids["claim"]}
    ),
    "UNMATCH": Operation("unmatchRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"]}),
    "DISMISS": Operation(
        "dismissRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"], "reason": "fora do sistema"}
    ),
}


async def _imported(world: World) -> dict[str, str]:
    """A remittance with a matched and an unmatched line, of which `line` is the matched one."""
    claim = await world.submitted_claim()
    found = await taken(world, line(claim, "100.00"), {"payerClaimNumber": "OP-1", "paidAmount": "1.00"})
    matched, waiting = (each["id"] for each in found["lines"])
    return {"id": found["id"], "claim": claim["id"], "line": matched, "waiting": waiting}


async def _changed(world: World, operation: Operation, ids: dict[str, str]) -> dict[str, str]:
    assert await operation.messages(world, "finance", ids) == []
    return ids


async def _posted(world: World) -> dict[str, str]:
    return await _changed(world, REMITTANCE_OPERATIONS["POST"], await _imported(world))


async def _cancelled_import(world: World) -> dict[str, str]:
    return await _changed(world, REMITTANCE_OPERATIONS["CANCEL"], await _imported(world))


async def _dismissed_import(world: World) -> dict[str, str]:
    """All of its lines are dismissed, so that it is POSTED, though none was posted."""
    found = await taken(world, {"payerClaimNumber": "OP-1", "paidAmount": "1.00"})
    await _changed(world, LINE_OPERATIONS["DISMISS"], {"id": found["lines"][0]["id"]})
    return {"id": found["id"]}


async def _matched_line(world: World) -> dict[str, str]:
    ids = await _imported(world)
    return {"id": ids["line"], "claim": ids["claim"]}


async def _waiting_line(world: World) -> dict[str, str]:
    ids = await _imported(world)
    return {"id": ids["waiting"], "claim": ids["claim"]}


async def _dismissed_line(world: World) -> dict[str, str]:
    return await _changed(world, LINE_OPERATIONS["DISMISS"], await _waiting_line(world))


async def _posted_line(world: World) -> dict[str, str]:
    ids = await _posted(world)
    return {"id": ids["line"], "claim": ids["claim"]}


async def _cancelled_line(world: World) -> dict[str, str]:
    ids = await _cancelled_import(world)
    return {"id": ids["line"], "claim": ids["claim"]}


async def _doubtful(world: World) -> dict[str, str]:
    """A document with a wrong hash."""
    guide = Guide((await world.submitted_claim())["providerClaimNumber"], world.card)
    xml = message(world.payer, analysis(world, f"D{key()[:16]}", guide), digest="0" * 32)
    return {"id": (await take(world, None, xml=xml, statementNumber=None))["remittance"]["id"]}


REMITTANCE_STATES: dict[str, tuple[Build, set[str]]] = {
    "in review": (_doubtful, {"RELEASE", "CANCEL"}),
    "imported": (_imported, {"POST", "CANCEL"}),
    "partially posted": (_posted, {"POST"}),
    "dismissed": (_dismissed_import, {"POST", "CANCEL"}),
    "cancelled": (_cancelled_import, set()),
}
LINE_STATES: dict[str, tuple[Build, set[str]]] = {
    "matched": (_matched_line, {"MATCH", "UNMATCH"}),
    "unmatched": (_waiting_line, {"MATCH", "DISMISS"}),
    "dismissed": (_dismissed_line, {"MATCH"}),
    "posted": (_posted_line, set()),
    "cancelled": (_cancelled_line, set()),
}


@pytest.mark.parametrize("state", REMITTANCE_STATES)
async def test_the_actions_of_a_remittance_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "remittance", REMITTANCE_OPERATIONS, *REMITTANCE_STATES[state])


@pytest.mark.parametrize("state", LINE_STATES)
async def test_the_actions_of_a_line_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "node", LINE_OPERATIONS, *LINE_STATES[state])
