"""A field that fails takes its object away, and nothing from the same object elsewhere in the answer."""

from tests.access.world import nurse_of, open_emergency
from tests.factories import World

QUERY = """query($id: ID!) {
  failed: claim(id: $id) { %(fields)s history(after: "x") { totalCount } }
  claim(id: $id) { %(fields)s } }"""


async def _answered(world: World, claim_id: str, fields: str, token: str) -> tuple[object, list[str]]:
    """The claim beside the one that fails, and the codes of the errors."""
    answer = await world.gateway.gql(QUERY % {"fields": fields}, {"id": claim_id}, token=token)
    assert (answer.status, answer.body["data"]["failed"]) == (200, None)
    return answer.body["data"]["claim"], answer.codes


async def test_both_wait_for_the_same_row(server_world: World) -> None:
    claim, token = await server_world.submitted_claim(), server_world.token("reviewer")
    found = await _answered(server_world, claim["id"], "patient { id } payer { ansCode }", token)
    expected = {"patient": {"id": server_world.patient}, "payer": {"ansCode": server_world.payer}}
    assert found == (expected, ["BAD_USER_INPUT"])


async def test_both_wait_for_the_callers_emergency_access(server_world: World) -> None:
    claim = await server_world.submitted_claim(clinicalIndication="Dor toracica em repouso")
    await open_emergency(server_world)
    token = server_world.gateway.token("front_desk", providers=[server_world.provider], sub=nurse_of(server_world))
    found = await _answered(server_world, claim["id"], "clinicalIndication", token)
    assert found == ({"clinicalIndication": "Dor toracica em repouso"}, ["BAD_USER_INPUT"])
