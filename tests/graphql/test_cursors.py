"""Cursors that the gateway has not made: every list refuses every one of them in the same way."""

import base64
from typing import Any

import orjson
import pytest

from app.auth import roles
from app.domain.cursor_key import TAG_BYTES, CursorKey
from app.resolvers.paging import ListCursors
from app.schema.root import schema
from tests.factories import World
from tests.figures import Figures
from tests.inputs import dotted

EVERYTHING = frozenset(permission for permissions in roles.ROLES.values() for permission in permissions)
VALUES: list[Any] = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01",
    True,
    10**30,
    -1,
    1.5,
    None,
    "NaN",
    [],
    {},
    "x" * 600,
]


AT_ONCE = 10
PERIOD = 'period: { from: "2026-01-01", to: "2026-01-31" }'


def needed(world: World) -> dict[str, str]:
    """The arguments that a list cannot do without."""
    return {
        "billingBreakdown": f"groupBy: [MONTH], {PERIOD}",
        "denialBreakdown": f"groupBy: [CODE], {PERIOD}",
        "patients": f'cardNumber: "{world.card}"',
    }


def lists() -> list[str]:
    """The root fields that take a cursor."""
    query = schema._schema.query_type
    assert query is not None
    return sorted(name for name, field in query.fields.items() if "after" in field.args)


def _plain(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _forgeries(digest: str, own: str) -> list[str]:
    """Unsigned and wrongly signed cursors with these values, and a good one that was changed a little."""
    contents = [b'["%b",%b,"clm_x"]' % (digest.encode(), orjson.dumps(value)) for value in VALUES if value != 10**30]
    contents += [b'["%b",1%b,"x"]' % (digest.encode(), b"0" * 30), b'["%b",NaN,"x"]' % digest.encode(), b"{}", b""]
    other = CursorKey("the secret of another gateway")
    found = [_plain(content) for content in contents] + [_plain(b"\0" * TAG_BYTES + content) for content in contents]
    found += [other.sign(content) for content in contents]
    signed = base64.urlsafe_b64decode(own + "=" * (-len(own) % 4))
    found += [_plain(signed[:index] + bytes([signed[index] ^ 1]) + signed[index + 1 :]) for index in range(len(signed))]
    return [*found, own + "=", own + "A", own[:-1], " " + own, own * 30, "é", "", "\n", "A" * 100_000]


def _asking(name: str, needs: str, cursors: list[str]) -> str:
    """The list once after each of these cursors, each a variable and the name of what it gets."""
    variables = ", ".join(f"${each}: String" for each in cursors)
    asked = [f"{each}: {name}(first: 1, after: ${each} {needs}) {{ nodes {{ __typename }} }}" for each in cursors]
    return f"query({variables}) {{ {' '.join(asked)} }}"


async def test_every_list_refuses_every_cursor_that_it_has_not_made(
    world: World, monkeypatch: pytest.MonkeyPatch, figures: Figures
) -> None:
    monkeypatch.setitem(roles.ROLES, "everything", EVERYTHING)
    token = world.gateway.token("everything", providers=[world.provider])
    await world.create_claim()
    query = "{ claims(first: 1) { pageInfo { endCursor } } }"
    own: str = (await world.gateway.gql(query, token=token)).data["claims"]["pageInfo"]["endCursor"]
    digest, *_ = orjson.loads(world.gateway.parts.cursor_key.content(own))
    forgeries = _forgeries(digest, own)
    for name in lists():
        tried = [*forgeries, own] if name != "claims" else forgeries
        for start in range(0, len(tried), AT_ONCE):
            given = {f"c{place}": after for place, after in enumerate(tried[start : start + AT_ONCE])}
            document = _asking(name, needed(world).get(name, ""), list(given))
            errors = (await world.gateway.gql(document, given, token=token)).body["errors"]
            codes = [(one["extensions"]["reason"], dotted(one["extensions"]["field"]), one["path"]) for one in errors]
            assert sorted(codes) == sorted(("INVALID_INPUT", "after", [each]) for each in given), name
            assert {one["message"] for one in errors} == {"use a cursor of this list, with the same filter and order"}
    accepted = await world.gateway.gql(f'{{ claims(first: 1, after: "{own}") {{ nodes {{ id }} }} }}', token=token)
    assert accepted.data == {"claims": {"nodes": []}}
    figures(forged_cursors=len(forgeries) * len(lists()), accepted=0)


def test_a_cursor_of_the_gateways_own_key_is_read_as_it_was_written() -> None:
    cursors = ListCursors(CursorKey("a" * 100), "abc", int)
    assert cursors.place(cursors.cursor(12_345, "clm_1"), "after") == (12_345, "clm_1")
    assert cursors.cursor(1, "a") != ListCursors(CursorKey("b" * 100), "abc", int).cursor(1, "a")
