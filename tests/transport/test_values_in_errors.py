"""No error repeats a value that a client sent, whichever way it came and wherever it was put; nor does the log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    get_named_type,
)

from app.auth.roles import ROLES
from app.schema.root import schema
from app.services.actions import ACTIONS
from tests.factories import World, today
from tests.faults.clients import opened
from tests.leaks import Log

CPF = "52998224725"
CARD = "Zx-4111-Segredo"
PLANTED = (CPF, CARD)
CORE = schema._schema
MUTATIONS = {action.name: action for action in ACTIONS}

DOCUMENTS: list[tuple[str, dict[str, Any]]] = [
    (text.replace("<cpf>", CPF).replace("<card>", CARD), {})
    for text in (
        '{ claims(first: "<card>") { totalCount } }',
        "{ claims(first: <cpf>) { totalCount } }",
        "{ claims(orderBy: {field: C<cpf>, direction: ASC}) { totalCount } }",
        '{ claims(filter: {card: "<card>"}) { totalCount } }',
        '{ claims(filter: "<card>") { totalCount } }',
        '{ claims(filter: {status: ["<card>"]}) { totalCount } }',
        '{ claims(filter: {submittedAt: {from: "<card>"}}) { totalCount } }',
        '{ claims(filter: {claimedAmount: {from: "<card>"}}) { totalCount } }',
        '{ claims(filter: {payerAnsCode: ["<card>"]}) { totalCount } }',
        '{ claims(filter: {providerCnes: ["<card>"]}) { totalCount } }',
        '{ invoices(filter: {billingMonth: ["<card>"]}) { totalCount } }',
        '{ claims(after: "<card>") { totalCount } }',
        '{ claim(id: {a: "<card>"}) { id } }',
        '{ claim(x: "<card>") { id } }',
        '{ me @include(if: "<card>") { subject } }',
        '{ me @x(a: "<card>") { subject } }',
        '{ tussTerms(validOn: "<card>") { totalCount } }',
        '{ claimPreflight(input: {claimId: "<card>"}) { passes } }',
        '{ claimPreflight(input: {claimId: "<card>", claim: null}) { passes } }',
        '{ reconciliation(period: {from: "<card>"}) { billedAmount } }',
        'query($x: Int = "<card>") { claims(first: $x) { totalCount } }',
        '{ me { subject } } "<card>"',
        '{ me(a: "<card>',
        "{ me { a<cpf> } }",
        "{ me { ...F<cpf> } }",
        "{ me(a: .<cpf>) }",
        'subscription { settlementRecorded(after: "<card>") { cursor } }',
        'subscription { settlementRecorded(filter: {x: "<card>"}) { cursor } }',
    )
]
DOCUMENTS += [
    ("query($x: Int!) { claims(first: $x) { totalCount } }", {"x": CARD}),
    ("query($x: Int!) { claims(first: $x) { totalCount } }", {"x": int(CPF)}),
    ("query($x: String) { claims(after: $x) { totalCount } }", {"x": [CARD]}),
    ("query($x: ClaimOrder!) { claims(orderBy: $x) { totalCount } }", {"x": CARD}),
    ("query($x: ClaimFilterInput) { claims(filter: $x) { totalCount } }", {"x": CARD}),
    ("query($x: ClaimFilterInput) { claims(filter: $x) { totalCount } }", {"x": {"cardNumbr": CARD, "y": CPF}}),
    ("query($x: ClaimFilterInput) { claims(filter: $x) { totalCount } }", {"x": {CARD: 1}}),
    ("query($x: ClaimFilterInput) { claims(filter: $x) { totalCount } }", {"x": {"status": [CARD]}}),
    ("query($x: ClaimFilterInput) { claims(filter: $x) { totalCount } }", {"x": {"submittedAt": {"a": CARD}}}),
    ("query($x: [ID!]!) { nodes(ids: $x) { id } }", {"x": {"a": CARD}}),
    ("query($x: [ID!]!) { nodes(ids: $x) { id } }", {"x": [CARD] * 101}),
    ("query($x: Boolean!) { me @include(if: $x) { subject } }", {"x": CARD}),
    ("mutation($x: CreateClaimInput!) { createClaim(input: $x) { replayed } }", {"x": {"claim": {"cardNumber": CARD}}}),
    ("subscription($x: ID) { settlementRecorded(filter: {invoiceId: $x}) { cursor } }", {"x": {"a": CARD}}),
]


def _planted(text: str) -> list[str]:
    return [value for value in PLANTED if value in text]


@pytest.fixture
def lines(log: Log) -> Iterator[list[str]]:
    """What is logged during the test; nothing planted is in it."""
    start = len(log.lines)
    found = log.lines
    yield found
    own = [line for line in found[start:] if '"websockets.client"' not in line]
    assert _planted("\n".join(own)) == []


@pytest.mark.parametrize("media", ["application/json", "application/graphql-response+json", "text/event-stream"])
async def test_over_http(server_world: World, lines: list[str], media: str) -> None:
    gateway, token = server_world.gateway, server_world.token("biller")
    for query, variables in DOCUMENTS:
        body = {"query": query, "variables": variables}
        headers = {"accept": f"{media}, application/json;q=0.1", "authorization": f"Bearer {token}"}
        async with gateway.client.stream("POST", "/graphql", json=body, headers=headers) as answer:
            text = await _read(answer)
        assert '"errors"' in text, (query, text)
        assert _planted(text) == [], (query, variables, text)
    assert len(lines) > len(DOCUMENTS)


async def _read(answer: Any) -> str:
    """The answer's body; of a stream, what comes until its errors."""
    text = ""
    async for chunk in answer.aiter_text():
        text += chunk
        if '"errors"' in text and "event-stream" in answer.headers["content-type"]:
            break
    return text


async def test_over_a_socket(server_world: World, lines: list[str]) -> None:
    async with opened(server_world.gateway.url, server_world.token("finance")) as socket:
        for number, (query, variables) in enumerate(DOCUMENTS):
            payload = {"query": query, "variables": variables}
            await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            while True:
                text = str(await socket.recv())
                if json.loads(text)["type"] != "complete":
                    break
            expected = "next" if '"data"' in text else "error"
            assert json.loads(text)["type"] == expected
            assert _planted(text) == [], (query, variables, text)
    assert lines


def _value(kind: GraphQLInputType, text: str, *, is_good: bool) -> Any:
    """An input of this type with `text` in every place for a text; `is_good` writes dates and amounts correctly."""
    if isinstance(kind, GraphQLNonNull):
        return _value(kind.of_type, text, is_good=is_good)
    if isinstance(kind, GraphQLList):
        return [_value(kind.of_type, text, is_good=is_good)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLScalarType):
        good = {"Date": today().isoformat(), "DateTime": f"{today()}T00:00:00Z", "Money": "1.00", "Quantity": "1"}
        good |= {"Factor": "1.00"} if is_good else {}
        plain = {"Int": 1, "Boolean": True}
        return plain.get(kind.name, good.get(kind.name, text) if is_good else text)
    assert isinstance(kind, GraphQLInputObjectType)
    names = list(kind.fields)[:1] if kind.is_one_of else [name for name in kind.fields if name != "version"]
    return {name: _value(kind.fields[name].type, text, is_good=is_good) for name in names}


def _variants(kind: GraphQLInputType) -> Iterator[Any]:
    """Inputs with everything given, and without each optional member, since many exclude one another."""
    core = get_named_type(kind)
    assert isinstance(core, GraphQLInputObjectType)
    yield _value(kind, CPF, is_good=True)
    yield _value(kind, CARD, is_good=False)
    whole = _value(kind, CARD, is_good=True)
    optional = [name for name in whole if not isinstance(core.fields[name].type, GraphQLNonNull)]
    yield {name: value for name, value in whole.items() if name not in optional}
    for left_out in optional:
        yield {name: value for name, value in whole.items() if name != left_out}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
async def test_in_the_errors_of_a_mutation(server_world: World, lines: list[str], name: str) -> None:
    assert CORE.mutation_type is not None
    kind = CORE.mutation_type.fields[name].args["input"].type
    query = f"mutation($input: {kind}) {{ {name}(input: $input) {{ errors {{ message }} }} }}"
    needed = MUTATIONS[name].needs
    role = next(role for role, permissions in ROLES.items() if needed in permissions)
    for value in _variants(kind):
        answer = await server_world.gateway.gql(query, {"input": value}, token=server_world.token(role))
        assert "FORBIDDEN" not in answer.codes
        assert _planted(json.dumps(answer.body)) == [], (value, answer.body)
    assert lines
