"""Calls of the doorway, and bodies as the earlier service took them."""

from typing import Any

import httpx

from tests.factories import DOCTOR, ENCOUNTER, World, today


async def call(world: World, role: str, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
    """One request of a caller of the world; `body` may be text that is sent as it is."""
    sent = {"authorization": f"Bearer {world.token(role)}", **headers}
    client = world.gateway.client
    if isinstance(body, str):
        return await client.request(method, path, content=body, headers={**sent, "content-type": "application/json"})
    return await client.request(method, path, json=body, headers=sent)


def claim_body(world: World, **changes: Any) -> dict[str, Any]:
    """A claim as the earlier service's callers send it, with what a guide needs besides."""
    encounter = {("visit_type" if name == "visitType" else name): value for name, value in ENCOUNTER.items()}
    return {
        "patient_id": world.card,
        "provider_id": world.provider,
        "payer_id": world.payer,
        "procedure_codes": ["10101012"],
        "amount": 150.5,
        "service_date": today().isoformat(),
        "practitioner": DOCTOR,
        "encounter": encounter,
        **changes,
    }


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert found["status"] == answer.status_code
    assert found["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, found["code"], found.get("field")
