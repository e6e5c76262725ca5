"""What is taken back or ended is in the access log like every change: the object, and whose it was."""

from typing import Any

import pytest

from tests.access.inputs import inputs_of
from tests.access.test_audit import entries_of, pseudonym_of
from tests.access.world import Rich, add_targets, rich_world
from tests.gateway import Gateway
from tests.inputs import input_type, shaped

UNDOING = {
    "cancelRemittance": ("finance", "wrong_remittance", False),
    "undoAdjustment": ("finance", "disputed_adjustment", False),
    "releaseRemittance": ("finance", "doubtful_remittance", False),
    "unmatchRemittanceLine": ("finance", "wrongly_matched_line", True),
    "dismissRemittanceLine": ("finance", "strange_line", False),
    "deleteDraftClaim": ("biller", "wrong_draft", True),
    "withdrawAppeal": ("biller", "withdrawable_denial", True),
    "resumeReview": ("reviewer", "pending", True),
    "endContractPrice": ("admin", "contract", False),
    "closeContract": ("admin", "contract", False),
    "closeEmergencyAccess": ("admin", "emergency", True),
}
"""Each mutation with who does it, the name of its object in the rich world, and whether that belongs to a patient."""


@pytest.fixture(scope="module")
async def rich(embedded_gateway: Gateway) -> Rich:
    found = await rich_world(embedded_gateway)
    await add_targets(found)
    return found


@pytest.mark.parametrize("name", UNDOING)
async def test_what_is_undone_is_logged(rich: Rich, name: str) -> None:
    role, object_name, has_patient = UNDOING[name]
    world = rich.world
    values: dict[str, Any] = shaped(name, inputs_of(rich)[name])
    query = f"mutation($input: {input_type(name)}!) {{ {name}(input: $input) {{ errors {{ code message }} }} }}"
    answer = await world.gateway.gql(query, {"input": values}, token=world.token(role))
    assert answer.data[name]["errors"] == []
    written = [
        each for each in await entries_of(world.gateway, answer.headers["x-request-id"]) if each.entry.kind == "WRITE"
    ]
    assert [(each.entry.operation, each.entry.decision) for each in written] == [(name, "ALLOWED")]
    person = pseudonym_of(world) if has_patient else ""
    assert {person: row.object_ids for person, row in written[0].persons.items()} == {person: rich.ids[object_name]}
