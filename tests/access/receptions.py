"""A sent batch and the payer's reception of it, for the world with one of everything."""

from tests.access import appeals
from tests.factories import World
from tests.graphql.test_batch_answers import protocol_xml
from tests.graphql.test_claim_batches import DOCTOR, sent_batch


async def receivable(world: World) -> dict[str, str]:
    """The ids of both; the reception is uploaded with a token of its provider and payer."""
    claim = await world.submitted_claim(practitioner=DOCTOR)
    batch = await sent_batch(world, claim["id"])
    found = await world.call("biller", "query($id: ID!) { batch(id: $id) { number } }", id=batch)
    xml = protocol_xml(world, found["batch"]["number"], (claim["providerClaimNumber"], None))
    return {"receivable_batch": batch, "reception_document": await appeals.uploaded(world, xml.encode())}
