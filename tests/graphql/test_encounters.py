"""What a claim says of the encounter is read as it was written, by whoever may read health data."""

from tests.factories import World

ENCOUNTER = "encounter { priority type accident setting visitType newborn requester { name council number state cbo } }"


async def test_an_encounter_is_read_as_it_was_written(world: World) -> None:
    doctor = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
    written = {"priority": "1", "type": "04", "accident": "9", "setting": "01", "visitType": "1", "newborn": True}
    claim = (await world.create_claim(encounter={**written, "requester": doctor}))["claim"]["id"]
    query = f"query($id: ID!) {{ claim(id: $id) {{ {ENCOUNTER} }} }}"
    shown = (await world.call("reviewer", query, id=claim))["claim"]["encounter"]
    assert shown == {**written, "requester": doctor}
    bare = (await world.create_claim(encounter=None))["claim"]["id"]
    assert (await world.call("reviewer", query, id=bare))["claim"]["encounter"] is None
    answer = await world.gateway.gql(query, {"id": claim}, token=world.token("finance"))
    assert (answer.codes, answer.body["data"]) == (["FORBIDDEN"], {"claim": {"encounter": None}})
    assert answer.body["errors"][0]["extensions"]["permission"] == "claims:read_health"
