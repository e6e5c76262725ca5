"""The largest calls about documents and their imports."""

from tests.hostile.largest_data import Big, Call


async def document(big: Big) -> Call:
    headers = {"authorization": f"Bearer {big.world.token('biller')}", "content-type": "application/xml"}
    answer = await big.gateway.client.post("/documents", content=b"<lote/>" * 10_000, headers=headers)
    query = "query($id: ID!) { document(id: $id) { id digest size kind createdBy payer { name } provider { name } } }"
    return big.read(query, '"digest"', 1, role="biller", id=answer.json()["id"])
