"""Files with an appeal: attached and removed before it is sent, downloaded by those who may see the appeal."""

import hashlib
from typing import Any

import httpx
import pytest

from app.domain.attachments import BYTES_MAX
from tests.factories import World, key, new_world, refusals
from tests.files import JPEG, PNG, pdf
from tests.graphql.test_appeal_batches import appealed, change, create

LAUDO = pdf(packed=b"BT (Laudo) Tj ET")
FILES = "id status attachments { id appealInstance fileName digest size kind createdBy }"


async def uploaded(world: World, content: bytes, media: str = "application/pdf") -> str:
    """The id of the stored document."""
    headers = {"authorization": f"Bearer {world.token('biller')}", "content-type": media}
    answer = await world.gateway.client.post("/documents", content=content, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def attach(world: World, denial_id: str, content: bytes, name: str = "laudo.pdf", **values: Any) -> Any:
    """The payload of attachToAppeal, with a document that is uploaded before."""
    document = values.pop("documentId", None) or await uploaded(world, content)
    given = {"denialId": denial_id, "documentId": document, "fileName": name, "idempotencyKey": key(), **values}
    return await world.mutate("biller", "attachToAppeal", f"denial {{ {FILES} }}", **given)


async def _remove(world: World, attachment_id: str) -> Any:
    given = {"appealAttachmentId": attachment_id, "idempotencyKey": key()}
    return await world.mutate("biller", "removeAppealAttachment", f"denial {{ {FILES} }}", **given)


async def _download(world: World, attachment_id: str, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return await world.gateway.client.get(f"/appeal-attachments/{attachment_id}", headers=headers)


async def _blocks(world: World, denial_id: str) -> dict[str, str | None]:
    """Why the biller can neither withdraw the appeal nor attach a file, as the availableActions say."""
    query = """query($ids: [ID!]) {
      denials(filter: { ids: $ids }) { nodes { availableActions { action blockedBy { message } } } } }"""
    (found,) = (await world.call("biller", query, ids=[denial_id]))["denials"]["nodes"]
    said = {each["action"]: (each["blockedBy"] or {}).get("message") for each in found["availableActions"]}
    return {action: said[action] for action in ("WITHDRAW_APPEAL", "ATTACH")}


async def test_files_are_attached_once_and_removed_before_the_appeal_is_sent(world: World) -> None:
    claim_id, (denial, _) = await appealed(world)
    first = (await attach(world, denial, LAUDO))["denial"]["attachments"]
    assert first == [
        {
            "id": first[0]["id"],
            "appealInstance": 1,
            "fileName": "laudo.pdf",
            "digest": hashlib.sha256(LAUDO).hexdigest(),
            "size": len(LAUDO),
            "kind": "PDF",
            "createdBy": "dev-biller",
        }
    ]
    assert (await attach(world, denial, LAUDO, "again.pdf"))["denial"]["attachments"] == first
    # By content, whatever the name and the media type say.
    for content, name in ((PNG, "foto.pdf"), (JPEG, "foto.png")):
        found = (await attach(world, denial, content, name))["denial"]["attachments"]
    assert [each["kind"] for each in found] == ["PDF", "PNG", "JPEG"]
    removed = await _remove(world, found[1]["id"])
    assert [each["kind"] for each in removed["denial"]["attachments"]] == ["PDF", "JPEG"]
    assert refusals(await _remove(world, found[1]["id"])) == [("NOT_FOUND", "appealAttachmentId", None)]
    events = await world.events(claim_id)
    assert (events.count("AppealAttachmentAdded"), events.count("AppealAttachmentRemoved")) == (3, 1)
    (batch,) = (await create(world))["batches"]
    in_batch = f"the appeal is in batch of appeals {batch['number']}, which is "
    open_block = f"{in_batch}open: cancel that batch first"
    assert await _blocks(world, denial) == {"WITHDRAW_APPEAL": open_block, "ATTACH": None}
    assert (await change(world, "sendAppealBatch", batch["id"]))["errors"] == []
    assert await _blocks(world, denial) == {
        "WITHDRAW_APPEAL": f"{in_batch}SENT: record the payer's answer to it first",
        "ATTACH": f"the appeal was sent in batch of appeals {batch['number']}",
    }
    assert refusals(await attach(world, denial, PNG)) == [("CONFLICT", "denialId", None)]
    assert refusals(await _remove(world, found[0]["id"])) == [("CONFLICT", "appealAttachmentId", None)]


async def test_other_files_are_refused_with_what_to_do(world: World) -> None:
    _, (denial, other) = await appealed(world)
    active = pdf(b"5 0 obj\n<< /S /JavaScript >>\nendobj\n")
    for content in (active, b"<html><script>", pdf() + b"\0" * BYTES_MAX):
        assert refusals(await attach(world, denial, content)) == [("INVALID_INPUT", "documentId", None)]
    for name in ("", "../laudo.pdf", "x" * 101):
        assert refusals(await attach(world, denial, LAUDO, name)) == [("INVALID_INPUT", "fileName", None)]
    withdrawn = {"denialId": other, "idempotencyKey": key()}
    assert (await attach(world, other, LAUDO))["errors"] == []
    shown = f"denial {{ {FILES} }}"
    assert (await world.mutate("biller", "withdrawAppeal", shown, **withdrawn))["denial"]["attachments"] == []
    assert refusals(await attach(world, other, LAUDO)) == [("CONFLICT", "denialId", None)]
    for number in range(10):
        assert (await attach(world, denial, pdf(b"%" + str(number).encode() + b"\n")))["errors"] == []
    assert refusals(await attach(world, denial, LAUDO)) == [("CONFLICT", "denialId", None)]


async def test_who_may_see_the_appeal_downloads_its_files(world: World) -> None:
    """The bytes as they were sent, saved and never opened by a browser; with an entry of the access log."""
    _, (denial, _) = await appealed(world)
    payload = await attach(world, denial, LAUDO, "laudo da Ana.pdf")
    attachment = payload["denial"]["attachments"][0]["id"]
    answer = await _download(world, attachment, world.token("reviewer"))
    assert (answer.status_code, answer.content) == (200, LAUDO)
    assert {
        name: answer.headers[name] for name in ("content-type", "content-disposition", "x-content-type-options")
    } == {
        "content-type": "application/pdf",
        "content-disposition": "attachment; filename*=UTF-8''laudo%20da%20Ana.pdf",
        "x-content-type-options": "nosniff",
    }
    assert (await _download(world, attachment, world.token("payer_agent"))).content == LAUDO
    other = await new_world(world.gateway)
    refused = [
        await _download(world, attachment, None),
        await _download(world, attachment, world.token("finance")),
        await _download(world, attachment, other.token("reviewer")),
        await _download(world, "apf_00000000000000000000000000", world.token("reviewer")),
    ]
    assert [each.status_code for each in refused] == [401, 403, 404, 404]
    assert (await _remove(world, attachment))["errors"] == []
    assert (await _download(world, attachment, world.token("reviewer"))).status_code == 404


@pytest.mark.parametrize("role", ["billing_reader", "finance"])
async def test_names_of_files_need_the_permission_for_items(world: World, role: str) -> None:
    _, (denial, _) = await appealed(world)
    assert (await attach(world, denial, LAUDO))["errors"] == []
    query = "query($id: ID!) { node(id: $id) { ... on Denial { attachments { kind fileName } } } }"
    answer = await world.gateway.gql(query, {"id": denial}, token=world.token(role))
    assert "laudo" not in str(answer.body)
