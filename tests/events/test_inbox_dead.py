"""What cannot be posted goes to the dead-letter topic and to the list of dead statements, with the reason."""

import json
from collections.abc import Callable
from typing import Any

from app.services.parties import UNKNOWN_PAYER, UNKNOWN_PROVIDER
from tests.events.inbox_post import TYPE, Dead, Post, confirmed, done, kept, results, statement
from tests.factories import World, key
from tests.graphql.test_remittances import books, line, money

PATTERN = r"String should match pattern '^[0-9]{1,8}(\.[0-9]{1,2})?$'"


Bad = Callable[[World, dict[str, Any]], Any]


def _data(**changes: Any) -> Bad:
    return lambda _world, event: {
        **event,
        "id": key(),
        "data": {**event["data"], "statementNumber": key()[:16]} | changes,
    }


def _first_line(**changes: Any) -> Bad:
    def made(_world: World, event: dict[str, Any]) -> Any:
        data = {**event["data"], "statementNumber": key()[:16], "lines": [{**event["data"]["lines"][0], **changes}]}
        return {**event, "id": key(), "data": data}

    return made


def _without(name: str) -> Bad:
    return lambda _world, event: {each: value for each, value in event.items() if each != name}


def _other_lines(world: World, event: dict[str, Any]) -> Any:
    return {**event, "data": {**event["data"], "bankReference": "TED 8"}}


def _under_its_number(world: World, event: dict[str, Any]) -> Any:
    return {**event, "id": key(), "data": {**event["data"], "lines": event["data"]["lines"] * 2}}


def _of_unknown_payer(world: World, event: dict[str, Any]) -> Any:
    return {**_data(payer="999999")(world, event), "source": "/payer/999999"}


TEXT_WANTED = "must be an ASCII text of 1 to 80 characters"
NO_EVENT = "send a CloudEvent, in structured or binary mode"
BAD: dict[str, tuple[Bad, str, str]] = {
    "its id with other content": (
        _other_lines,
        "IDEMPOTENCY_KEY_REUSED",
        "idempotencyKey: this idempotency key was used with other input: send a new key",
    ),
    "its number with other lines": (
        _under_its_number,
        "CONFLICT",
        "statementNumber: the statement was already imported with other lines",
    ),
    "bad JSON": (lambda _world, event: json.dumps(event)[:-1].encode(), "INVALID_INPUT", "the message is not JSON"),
    "nothing": (lambda _world, _event: b"", "INVALID_INPUT", "the message is not JSON"),
    "a list": (lambda _world, event: [event], "INVALID_INPUT", NO_EVENT),
    "no id": (_without("id"), "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "no source": (_without("source"), "INVALID_INPUT", f"source: {TEXT_WANTED}"),
    "a long id": (lambda _world, event: {**event, "id": "x" * 81}, "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "a number as id": (lambda _world, event: {**event, "id": 7}, "INVALID_INPUT", f"id: {TEXT_WANTED}"),
    "another type": (
        lambda _world, event: {**event, "type": "br.billing.claim.created.v1"},
        "INVALID_INPUT",
        f"type: only {TYPE} is accepted",
    ),
    "no data": (_without("data"), "INVALID_INPUT", "data: Input should be an object"),
    "no lines": (
        _data(lines=[]),
        "INVALID_INPUT",
        "data.lines: List should have at least 1 item after validation, not 0",
    ),
    "an amount of three decimals": (
        _first_line(paidAmount="10.001"),
        "INVALID_INPUT",
        f"data.lines.0.paidAmount: {PATTERN}",
    ),
    "an amount below zero": (_first_line(paidAmount="-1.00"), "INVALID_INPUT", f"data.lines.0.paidAmount: {PATTERN}"),
    "an amount as a number": (
        _first_line(paidAmount=100),
        "INVALID_INPUT",
        "data.lines.0.paidAmount: Input should be a valid string",
    ),
    "a day to come": (
        _data(paidOn="2999-01-01"),
        "INVALID_DATE",
        "paidOn: the payment date is in the future: import the statement again on that day",
    ),
    "an unknown provider": (_data(provider="9999999"), "NOT_FOUND", f"provider: {UNKNOWN_PROVIDER.message}"),
    "an unknown payer": (_of_unknown_payer, "NOT_FOUND", f"payer: {UNKNOWN_PAYER.message}"),
}


async def test_what_cannot_be_posted_goes_to_the_dead_letter_topic_and_later_messages_are_handled(
    server_world: World, post: Post
) -> None:
    world, gateway, own_key = server_world, server_world.gateway, server_world.payer.encode()
    claims = [await world.submitted_claim() for _ in range(2)]
    good = statement(world, line(claims[0], "100.00"), statementNumber="E-9")
    before = await results(gateway)
    await post.send(good)
    expected, found = {}, {}
    for kind, (make, code, reason) in BAD.items():
        bad = make(world, good)
        value = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
        place = await post.send(value, headers=[("trace", kind.encode())], key=own_key)
        headers = [("trace", kind), ("dead-code", code), ("dead-reason", reason), ("dead-place", place)]
        expected[kind] = Dead(own_key, value, headers)
    await post.send(statement(world, line(claims[1], "50.00", ("1705", "50.00")), statementNumber="E-10"))
    for _ in BAD:
        dead = await post.dead_letter()
        found[dead.headers[0][1]] = dead
    assert found == expected
    await done(before, gateway, posted=2, dead=len(BAD))
    assert [(await money(world, claim))["paidAmount"] for claim in claims] == ["100.00", "50.00"]
    stored = [(one["statementNumber"], one["paidAmount"], one["status"]) for one in await kept(world)]
    assert sorted(stored) == [("E-10", "50.00", "POSTED"), ("E-9", "100.00", "POSTED")]
    assert (await confirmed(world), (await books(world))[5]) == (2, "0.00")
