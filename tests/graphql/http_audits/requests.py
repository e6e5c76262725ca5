"""Requests to a toy, in process or served."""

import json
from typing import Any

import httpx

from tests.graphql.http_audits.toy import Toy

RESPONSE = "application/graphql-response+json"
NUMBERS = "subscription { numbers(to: 2) }"
ENDLESS = "subscription { numbers(to: 1000, pause: 0.02) }"


async def ask(toy: Toy, query: str, variables: object = None, **headers: str) -> httpx.Response:
    return await send(toy, json.dumps({"query": query, "variables": variables}).encode(), **headers)


async def send(toy: Toy, body: bytes, **headers: str) -> httpx.Response:
    named = {"accept": RESPONSE, "content-type": "application/json"}
    named.update({name.replace("_", "-"): value for name, value in headers.items()})
    async with client(toy) as http:
        return await http.post("/graphql", content=body, headers=named)


async def get(toy: Toy, *, params: dict[str, str] | None = None, **headers: str) -> httpx.Response:
    async with client(toy) as http:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http.get("/graphql", params=params, headers=named)


async def stream(address: str, query: str, **headers: str) -> httpx.Response:
    """The whole event stream of a subscription to a toy that is served."""
    async with httpx.AsyncClient() as http:
        named = {"accept": "text/event-stream", **headers}
        return await http.post(f"http://{address}/graphql", json={"query": query}, headers=named)


def client(toy: Toy) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(toy.app), base_url="http://gateway")


def first_error(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert "data" not in body
    error: dict[str, Any] = body["errors"][0]
    return error
