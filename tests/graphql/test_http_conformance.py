"""The transport behind a real server: the audits of npm `graphql-http`, event streams and disconnects."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.transport import event_stream
from tests.graphql.http_audits.requests import ENDLESS, NUMBERS, stream
from tests.graphql.http_audits.toy import Toy, until
from tests.npm import install

AUDITS = Path(__file__).parent / "http_audits"
AUDIT_COUNT = 61


@pytest.fixture(scope="module")
def audit_packages() -> Path:
    """The audits' packages, installed once; a machine without npm fails here."""
    install(AUDITS)
    return AUDITS


def test_all_graphql_over_http_audits_pass(audit_packages: Path) -> None:
    with Toy().served() as address:
        command = ["node", "audit.mjs", f"http://{address}/graphql"]
        done = subprocess.run(command, cwd=audit_packages, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDIT_COUNT


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def address(toy: Toy) -> Iterator[str]:
    with toy.served() as address:
        yield address


async def give_up(address: str, query: str, seconds: float = 0.2, **headers: str) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(f"http://{address}/graphql", json={"query": query}, headers=headers, timeout=seconds)


class TestEventStreams:
    async def test_carry_next_and_complete(self, address: str) -> None:
        response = await stream(address, NUMBERS)
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.text == (
            'event: next\ndata: {"data":{"numbers":1}}\n\n'
            'event: next\ndata: {"data":{"numbers":2}}\n\n'
            "event: complete\ndata:\n\n"
        )

    async def test_answer_a_query_where_nothing_else_is_accepted(self, address: str) -> None:
        response = await stream(address, "{ hello }")
        assert response.text == 'event: next\ndata: {"data":{"hello":"world"}}\n\nevent: complete\ndata:\n\n'

    async def test_say_why_a_document_is_refused(self, address: str) -> None:
        response = await stream(address, "subscription { none }")
        assert response.status_code == 200
        assert response.text.startswith('event: next\ndata: {"errors":[{"message":"Cannot query field')
        assert response.text.endswith("\n\nevent: complete\ndata:\n\n")

    async def test_mask_what_fails_inside(self, address: str) -> None:
        response = await stream(address, "subscription { failing }")
        assert response.text == (
            'event: next\ndata: {"data":{"failing":1}}\n\n'
            'event: next\ndata: {"errors":[{"message":"internal error",'
            '"extensions":{"code":"INTERNAL","requestId":"req-1"}}]}\n\n'
            "event: complete\ndata:\n\n"
        )

    async def test_end_when_the_token_expires(self, address: str, toy: Toy) -> None:
        response = await stream(address, ENDLESS, authorization="Bearer short")
        assert '"code":"UNAUTHENTICATED"' in response.text.split("event: next")[-1]
        assert response.text.endswith("event: complete\ndata:\n\n")
        assert toy.journal == ["closed"]

    async def test_have_comments_while_nothing_happens(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.1)
        response = await stream(address, "subscription { numbers(to: 1, pause: 0.25) }")
        # How many depends on how busy the machine is.
        assert response.text.count(":\n\n") > response.text.count("data:\n\n")

    async def test_close_their_source_when_the_client_goes(self, address: str, toy: Toy) -> None:
        async with httpx.AsyncClient() as client:
            request = client.build_request(
                "POST", f"http://{address}/graphql", json={"query": ENDLESS}, headers={"accept": "text/event-stream"}
            )
            response = await client.send(request, stream=True)
            await response.aclose()
        await until(toy.journal, "closed")
        assert [(report.type, report.outcome) for report in toy.reports] == [("subscription", "ok")]


PARTS = {"accept": "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json"}
PART, END = "\r\n--graphql\r\ncontent-type: application/json\r\n\r\n", "\r\n--graphql--\r\n"


class TestParts:
    async def test_carry_payloads_and_an_end(self, address: str) -> None:
        response = await stream(address, NUMBERS, **PARTS)
        content_type = 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
        assert (response.status_code, response.headers["content-type"]) == (200, content_type)
        payloads = ('{"payload":{"data":{"numbers":1}}}', '{"payload":{"data":{"numbers":2}}}')
        assert response.text == "".join(PART + payload for payload in payloads) + END

    async def test_have_an_empty_payload_beside_what_ends_them(self, address: str, toy: Toy) -> None:
        failing = await stream(address, "subscription { failing }", **PARTS)
        error = '{"message":"internal error","extensions":{"code":"INTERNAL","requestId":"req-1"}}'
        payloads = ('{"payload":{"data":{"failing":1}}}', f'{{"payload":null,"errors":[{error}]}}')
        assert failing.text == "".join(PART + payload for payload in payloads) + END
        expired = (await stream(address, ENDLESS, authorization="Bearer short", **PARTS)).text.split(PART)[-1]
        assert json.loads(expired.removesuffix(END))["payload"] is None
        assert '"code":"UNAUTHENTICATED"' in expired
        assert toy.journal == ["closed"]

    async def test_are_empty_while_nothing_happens(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.1)
        response = await stream(address, "subscription { numbers(to: 1, pause: 0.25) }", **PARTS)
        assert response.text == PART + '{"payload":{"data":{"numbers":1}}}' + 2 * (PART + "{}") + END

    async def test_are_for_subscriptions_only(self, address: str) -> None:
        query = await stream(address, "{ hello }", **PARTS)
        assert (query.headers["content-type"].partition(";")[0], query.json()["data"]) == (
            "application/graphql-response+json",
            {"hello": "world"},
        )
        refused = await stream(address, "{ hello }", accept=PARTS["accept"].partition(",")[0])
        assert refused.status_code == 406
        unknown = await stream(address, "subscription { none }", **PARTS)
        assert (unknown.status_code, unknown.json()["errors"][0]["extensions"]["code"]) == (
            400,
            "GRAPHQL_VALIDATION_FAILED",
        )


async def get(address: str, query: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://{address}/graphql", params={"query": query}, headers=headers)


EVENT_SOURCE = {"accept": "text/event-stream", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}


class TestGet:
    @pytest.mark.parametrize("site", ["same-origin", "same-site", "none"])
    async def test_runs_subscriptions_of_an_event_source(self, address: str, site: str) -> None:
        response = await get(address, NUMBERS, **EVENT_SOURCE, **{"sec-fetch-site": site})
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert response.text == (
            'event: next\ndata: {"data":{"numbers":1}}\n\n'
            'event: next\ndata: {"data":{"numbers":2}}\n\n'
            "event: complete\ndata:\n\n"
        )

    async def test_runs_no_stream_of_another_site_unless_a_script_has_set_a_header(self, address: str) -> None:
        foreign = {**EVENT_SOURCE, "sec-fetch-site": "cross-site"}
        refused = await get(address, NUMBERS, **foreign)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
        allowed = await get(address, NUMBERS, **foreign, authorization="Bearer good")
        assert allowed.text.count("event: next") == 2

    async def test_runs_no_subscription_without_the_media_type_and_no_mutation(self, address: str, toy: Toy) -> None:
        plain = await get(address, NUMBERS, accept="application/json")
        mutation = await get(address, "mutation { write }", **EVENT_SOURCE)
        form = await get(address, NUMBERS, accept="text/event-stream", **{"sec-fetch-mode": "no-cors"})
        assert (plain.status_code, mutation.status_code, form.status_code) == (406, 405, 400)
        assert mutation.json()["errors"][0]["message"] == "use POST for mutations"
        assert toy.journal == []


class TestDisconnects:
    async def test_cancel_a_query(self, address: str, toy: Toy) -> None:
        await give_up(address, "{ slow(seconds: 3) }")
        await until(toy.journal, "query begun", "query cancelled")

    async def test_do_not_cancel_a_mutation(self, address: str, toy: Toy) -> None:
        for accept in ("application/json", "text/event-stream"):
            toy.journal.clear()
            await give_up(address, "mutation { write(seconds: 0.4) }", accept=accept)
            await until(toy.journal, "mutation begun", "mutation done")
