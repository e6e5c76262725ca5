"""availableActions of remittances and of their lines: what is open can be done, what is blocked is refused."""

from datetime import timedelta
from typing import Any

import pytest

from tests.factories import World, key, today
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
    "CORRECT_PAYMENT_DATE": Operation(
        "correctPaymentDate",
        FINANCE,
        lambda _, ids: {
            "remittanceId": ids["id"],
            "paidOn": (today() - timedelta(days=2)).isoformat(),
            "reason": "data errada",
            "idempotencyKey": key(),
        },
    ),
}


def _step(**resolution: Any) -> Operation:
    """A step with a line; a null stands for another line of its statement."""

    def values(_world: World, ids: dict[str, str]) -> dict[str, Any]:
        given = {
            name: {part: ids["other"] if value is None else value for part, value in step.items()}
            for name, step in resolution.items()
        }
        return {"remittanceLineId": ids["id"], "resolution": given, "idempotencyKey": key()}

    return Operation("resolveRemittanceLine", FINANCE, values)


LINE_OPERATIONS = {
    "MATCH": Operation(
        "matchRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"], "claimId": ids["claim"]}
    ),
    "UNMATCH": Operation("unmatchRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"]}),
    "DISMISS": Operation(
        "dismissRemittanceLine", FINANCE, lambda _, ids: {"remittanceLineId": ids["id"], "reason": "fora do sistema"}
    ),
    "DISMISS_DUPLICATE": _step(dismissDuplicate={"duplicateOfId": None}),
    "MAP_TO_ITEM": _step(mapToItem={"itemSequence": 1}),
    "SPLIT": Operation(
        "splitRemittanceLine",
        FINANCE,
        lambda _, ids: {
            "remittanceLineId": ids["id"],
            "parts": [{"paidAmount": "0.00", ids.get("back", "paidAmount"): each} for each in ("0.40", "0.60")],
            "idempotencyKey": key(),
        },
    ),
    "ACCEPT_AS_DENIAL": _step(acceptAsDenial={"code": "1705"}),
    "ACCEPT_OVERPAYMENT": _step(acceptOverpayment={}),
    "KEEP_AS_DEBIT": _step(keepAsDebit={}),
    "RECOVER_DENIAL": _step(recoverDenial={}),
    "WRITE_OFF": _step(writeOff={"code": "1705", "reason": "centavos"}),
    "SET_ASIDE": _step(setAside={"until": "2099-01-31"}),
    "ASSIGN": _step(assign={"assignee": "ana"}),
    "NOTE": _step(note={"text": "liguei"}),
    "UNDO": Operation(
        "undoRemittanceLine",
        FINANCE,
        lambda _, ids: {"remittanceLineId": ids["id"], "reason": "engano", "idempotencyKey": key()},
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
    return {"id": ids["line"], "claim": ids["claim"], "other": ids["waiting"]}


async def _waiting_line(world: World) -> dict[str, str]:
    ids = await _imported(world)
    return {"id": ids["waiting"], "claim": ids["claim"], "other": ids["line"]}


async def _line_that_takes_back(world: World) -> dict[str, str]:
    """Of a claim that nobody knows."""
    claim = await world.submitted_claim()
    back = {"payerClaimNumber": "OP-1", "paidAmount": "0.00", "takenBackAmount": "1.00"}
    first, second = (await taken(world, back, line(claim, "100.00")))["lines"]
    return {"id": first["id"], "claim": claim["id"], "other": second["id"], "back": "takenBackAmount"}


async def _debit(world: World) -> dict[str, str]:
    ids = await _changed(world, LINE_OPERATIONS["KEEP_AS_DEBIT"], await _line_that_takes_back(world))
    query = "query($id: ID!) { node(id: $id) { ... on RemittanceLine { remittance { id } } } }"
    found = (await world.call("finance", query, id=ids["id"]))["node"]["remittance"]
    await _changed(world, REMITTANCE_OPERATIONS["POST"], {"id": found["id"]})
    return ids


async def _dismissed_line(world: World) -> dict[str, str]:
    return await _changed(world, LINE_OPERATIONS["DISMISS"], await _waiting_line(world))


async def _differing_line(world: World) -> dict[str, str]:
    """Put back by its posting, since it leaves 99.00 out, and assigned to somebody."""
    claim = await world.submitted_claim()
    found = await taken(world, line(claim, "1.00"), {"payerClaimNumber": "OP-1", "paidAmount": "1.00"})
    await _changed(world, REMITTANCE_OPERATIONS["POST"], {"id": found["id"]})
    put_back, other = (each["id"] for each in found["lines"])
    ids = {"id": put_back, "claim": claim["id"], "other": other}
    return await _changed(world, LINE_OPERATIONS["ASSIGN"], ids)


async def _split_line(world: World) -> dict[str, str]:
    return await _changed(world, LINE_OPERATIONS["SPLIT"], await _waiting_line(world))


async def _posted_line(world: World) -> dict[str, str]:
    ids = await _posted(world)
    return {"id": ids["line"], "claim": ids["claim"], "other": ids["waiting"]}


async def _denied_line(world: World) -> dict[str, str]:
    """Posted with a denial that a person has made."""
    ids = await _changed(world, LINE_OPERATIONS["ACCEPT_AS_DENIAL"], await _differing_line(world))
    query = "query($id: ID!) { node(id: $id) { ... on RemittanceLine { remittance { id } } } }"
    found = (await world.call("finance", query, id=ids["id"]))["node"]["remittance"]
    await _changed(world, REMITTANCE_OPERATIONS["POST"], {"id": found["id"]})
    return ids


async def _cancelled_line(world: World) -> dict[str, str]:
    ids = await _cancelled_import(world)
    return {"id": ids["line"], "claim": ids["claim"], "other": ids["waiting"]}


WORK = ("SET_ASIDE", "ASSIGN", "NOTE")


async def _doubtful(world: World) -> dict[str, str]:
    """A document with a wrong hash."""
    guide = Guide((await world.submitted_claim())["providerClaimNumber"], world.card)
    xml = message(world.payer, analysis(world, f"D{key()[:16]}", guide), digest="0" * 32)
    return {"id": (await take(world, None, xml=xml, statementNumber=None))["remittance"]["id"]}


REMITTANCE_STATES: dict[str, tuple[Build, set[str]]] = {
    "in review": (_doubtful, {"RELEASE", "CANCEL", "CORRECT_PAYMENT_DATE"}),
    "imported": (_imported, {"POST", "CANCEL", "CORRECT_PAYMENT_DATE"}),
    "partially posted": (_posted, {"POST", "CORRECT_PAYMENT_DATE"}),
    "dismissed": (_dismissed_import, {"POST", "CANCEL", "CORRECT_PAYMENT_DATE"}),
    "cancelled": (_cancelled_import, set()),
}
LINE_STATES: dict[str, tuple[Build, set[str]]] = {
    "matched": (_matched_line, {"MATCH", "UNMATCH", *WORK}),
    "unmatched": (_waiting_line, {"MATCH", "DISMISS", "DISMISS_DUPLICATE", "SPLIT", "ACCEPT_OVERPAYMENT", *WORK}),
    "put back": (
        _differing_line,
        {
            "MATCH",
            "DISMISS",
            "DISMISS_DUPLICATE",
            "SPLIT",
            "MAP_TO_ITEM",
            "ACCEPT_AS_DENIAL",
            "WRITE_OFF",
            "UNDO",
            *WORK,
        },
    ),
    "takes back": (
        _line_that_takes_back,
        {"MATCH", "DISMISS", "DISMISS_DUPLICATE", "SPLIT", "KEEP_AS_DEBIT", *WORK},
    ),
    "debit": (_debit, {"UNDO"}),
    "dismissed": (_dismissed_line, {"MATCH", "UNDO"}),
    "split": (_split_line, {"UNDO"}),
    "posted": (_posted_line, set()),
    "posted with a denial of a person": (_denied_line, {"UNDO"}),
    "cancelled": (_cancelled_line, set()),
}


@pytest.mark.parametrize("state", REMITTANCE_STATES)
async def test_the_actions_of_a_remittance_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "remittance", REMITTANCE_OPERATIONS, *REMITTANCE_STATES[state])


@pytest.mark.parametrize("state", LINE_STATES)
async def test_the_actions_of_a_line_are_what_its_mutations_do(world: World, state: str) -> None:
    await check(world, "node", LINE_OPERATIONS, *LINE_STATES[state])
