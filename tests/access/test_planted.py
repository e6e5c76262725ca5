"""What is added for one provider, payer and patient changes nothing in what others see, in any root field or relation.

Unlike a list of probes, this asks for whatever the schema has: a root field or loader that never had a scope is found,
and one for which nothing is planted, so that its scope would go untested, is reported by name.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument
from sqlalchemy import true
from strawberry.dataloader import DataLoader

from app import resolvers
from app.auth import roles
from app.db import scoping
from app.db.paging import Keyset
from app.domain.data_scope import DataScope
from app.resolvers.loaders import Loaders
from app.resolvers.nested import NestedList
from app.resolvers.paging import PAGE_MAX
from app.transport.work import Work
from tests.access.entries import ARGUMENTS, CORE
from tests.access.probes import Attacker, attackers
from tests.access.test_fields import ALL
from tests.access.test_scopes import CONDITIONS, SITES
from tests.access.world import Rich, add_targets, rich_world
from tests.figures import Figures
from tests.gateway import Gateway

DEPTH = 3
# The end of the event log, of which everybody gets the number: it moves with every event.
LOG_END = "streamCursor"
# How root fields with required arguments are asked for; names in <> are ids of the planted world.
REQUIRED = {
    **{name: ARGUMENTS[name] for name in ("batch", "batchDocument", "claim", "claimPreflight", "contract", "invoice")},
    **{
        name: ARGUMENTS[name]
        for name in ("patients", "provider", "coverage", "coverageOfCard", "document", "importJob")
    },
    **{name: ARGUMENTS[name] for name in ("appealBatch", "appealBatchDocument", "appealDraft")},
    **{name: ARGUMENTS[name] for name in ("patient", "spreadsheetPreview")},
    **{name: ARGUMENTS[name] for name in ("billingBreakdown", "denialBreakdown", "remittance", "tussTerm")},
    "node": 'id: "<patient>"',
    "nodes": "ids: [<every id>]",
}
# Root fields that show no rows of a provider, payer or patient, with the reason.
WITHOUT_ROWS = {
    "me": "the caller's own token",
    LOG_END: "the end of the event log, the same for everybody",
    "tussTerm": "the national table, the same for everybody",
    "tussTerms": "the national table, the same for everybody",
}
# A payer that is planted is seen by everybody.
REGISTERS = {"payer", "payers"}
# The patient's own log grows by being read: its rows are chosen by a keyed digest of the patient, not by a data scope.
OWN_LOG = "myAccessLog"
# Loaders without a data scope, with the reason.
REFERENCE = {
    "payer": "payers are known to everybody",
    "provider": "providers are known to everybody",
    "term": "the national table, the same for everybody",
    "position_of_event": "a number in the event log; the event's id is known from a settlement in scope",
}


@pytest.fixture(scope="module")
def everything() -> Iterator[str]:
    """A role with every permission, those of an auditor among them: nothing but the scope can be the reason."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(roles.ROLES, "everything", ALL)
        yield "everything"


@dataclass(frozen=True)
class Planted:
    """Two worlds, and what strangers of the one saw before the other was planted."""

    other: Rich
    victim: Rich
    strangers: list[Attacker]
    before: list[dict[str, Any]]


@pytest.fixture(scope="module")
async def planted(embedded_gateway: Gateway, everything: str) -> Planted:
    other = await rich_world(embedded_gateway)
    unknown = _unknown(other.names)
    strangers = _strangers(other)
    before = [await _seen(embedded_gateway, each, unknown) for each in strangers]
    return Planted(other, await rich_world(embedded_gateway), strangers, before)


def _selection(type_name: str, depth: int) -> str:
    """All values of the type, and of the objects in it to this depth."""
    kind = CORE.get_type(type_name)
    if not isinstance(kind, GraphQLObjectType):
        return "__typename id" if "id" in getattr(kind, "fields", {}) else "__typename"
    parts: list[str] = []
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        if is_leaf_type(target):
            parts += [] if name == LOG_END else [name]
        elif depth > 1 and name not in {"edges", "availableActions"}:
            parts.append(f"{name} {{ {_selection(target.name, depth - 1)} }}")
    return " ".join(parts or ["__typename"])


def _query(name: str, planted: dict[str, str]) -> str:
    root = CORE.query_type
    assert root is not None
    field = root.fields[name]
    if name not in REQUIRED:
        required = [argument for argument, taken in field.args.items() if is_required_argument(taken)]
        assert not required, f"give the arguments of Query.{name} in REQUIRED: {required}"
    arguments = REQUIRED.get(name, "")
    every = ", ".join(f'"{identifier}"' for identifier in planted.values())
    arguments = arguments.replace("<every id>", every)
    for key, identifier in planted.items():
        arguments = arguments.replace(f"<{key}>", identifier)
    called = f"{name}({arguments})" if arguments else name
    if is_leaf_type(get_named_type(field.type)):
        return "{ __typename }" if name == LOG_END else f"{{ {called} }}"
    return f"{{ {called} {{ {_selection(get_named_type(field.type).name, DEPTH)} }} }}"


def _names() -> list[str]:
    root = CORE.query_type
    assert root is not None
    return sorted(set(root.fields) - REGISTERS)


async def _seen(gateway: Gateway, attacker: Attacker, planted: dict[str, str]) -> dict[str, Any]:
    """Root field -> what it answers: data, and the codes of errors."""
    found = {}
    for name in _names():
        answer = await gateway.gql(_query(name, planted), token=attacker.token)
        assert "TOO_COMPLEX" not in answer.codes, name
        found[name] = (answer.body.get("data"), answer.codes)
    return found


def _unknown(ids: dict[str, str]) -> dict[str, str]:
    """The same kinds of ids and numbers, of nothing that exists."""
    return {name: re.sub(r"_.*|[0-9]+$", _nothing, identifier) for name, identifier in ids.items()}


def _nothing(found: re.Match[str]) -> str:
    return "_" + "0" * 26 if found[0].startswith("_") else "9" * len(found[0])


def _strangers(other: Rich) -> list[Attacker]:
    nobody = Attacker("nobody", other.gateway.token("everything", providers=[]), DataScope())
    return [*attackers(other, "everything"), nobody]


def _differences(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


async def test_what_is_planted_for_one_changes_nothing_for_others(
    embedded_gateway: Gateway, planted: Planted, figures: Figures
) -> None:
    for stranger, seen in zip(planted.strangers, planted.before, strict=True):
        after = await _seen(embedded_gateway, stranger, planted.victim.names)
        allowed = {OWN_LOG} if stranger.kind == "patient" else set()
        assert _differences(seen, after) <= allowed, f"another {stranger.kind} sees planted rows"
    figures(root_fields=len(_names()), kinds_of_strangers=len(planted.strangers))


@contextmanager
def _no_scopes() -> Iterator[None]:
    """Every statement and every service takes everything to be in the scope."""
    with pytest.MonkeyPatch.context() as patch:
        for module in {site.module for site in SITES}:
            for name in CONDITIONS & set(vars(import_module(module))):
                patch.setattr(import_module(module), name, lambda _scope: true())
        for name in CONDITIONS:
            patch.setattr(scoping, name, lambda _scope: true())
        patch.setattr(DataScope, "contains", lambda _self, **_parts: True)
        yield


async def test_without_scopes_every_root_field_shows_what_is_planted(
    embedded_gateway: Gateway, planted: Planted
) -> None:
    """Or the test above would prove nothing about it: plant rows for it in tests/access/world.py."""
    stranger = planted.strangers[0]
    with _no_scopes():
        before = await _seen(embedded_gateway, stranger, _unknown(planted.other.names))
        victim = await rich_world(embedded_gateway)
        after = await _seen(embedded_gateway, stranger, victim.names)
    unchanged = set(before) - _differences(before, after)
    assert unchanged == {*WITHOUT_ROWS, OWN_LOG}, "plant rows for the field, or say in WITHOUT_ROWS why it has none"


def _nested() -> Iterator[NestedList[Any]]:
    modules = [import_module(f"app.resolvers.{each.name}") for each in iter_modules(resolvers.__path__)]
    return (value for module in modules for value in vars(module).values() if isinstance(value, NestedList))


def _loaders(gateway: Gateway, scope: DataScope) -> dict[str, DataLoader[Any, Any]]:
    loaders = Loaders(gateway.database, scope, Work())
    names = [name for name, value in vars(Loaders).items() if isinstance(value, cached_property)]
    return {name: getattr(loaders, name) for name in names if name not in REFERENCE}


async def _children(gateway: Gateway, scope: DataScope, keys: list[str]) -> dict[str, list[Any]]:
    """Connection of an object -> the rows of its pages and its counts, for parents with these ids."""
    found: dict[str, list[Any]] = {}
    async with gateway.database.reading() as connection:
        for each in _nested():
            keyset = Keyset(each.order.column, each.order.identifier, each.order.descending, PAGE_MAX)
            found[each.field] = await each.children.page(connection, scope, keys, keyset)
            found[f"{each.field}: count"] = list(await each.children.counts(connection, scope, keys))
    return found


async def _loaded(loader: DataLoader[Any, Any], keys: list[str]) -> list[Any]:
    return [found for found in await loader.load_many(keys) if found]


async def test_every_relation_is_empty_for_others_and_full_for_its_own(
    embedded_gateway: Gateway, planted: Planted, everything: str, figures: Figures
) -> None:
    victim = planted.victim
    await add_targets(victim)  # an invoice with a dispute
    keys = list(dict.fromkeys(victim.ids.values()))
    own = attackers(victim, everything)[0].scope
    for name, loader in _loaders(embedded_gateway, own).items():
        assert await _loaded(loader, keys), f"plant rows for Loaders.{name} in tests/access/world.py"
    for name, rows in (await _children(embedded_gateway, own, keys)).items():
        assert rows, f"plant rows for {name} in tests/access/world.py"
    for stranger in planted.strangers:
        for name, loader in _loaders(embedded_gateway, stranger.scope).items():
            assert await _loaded(loader, keys) == [], f"Loaders.{name} shows rows to another {stranger.kind}"
        for name, rows in (await _children(embedded_gateway, stranger.scope, keys)).items():
            assert rows == [], f"{name} shows rows to another {stranger.kind}"
    figures(relations=len(_loaders(embedded_gateway, own)))


def test_the_reasons_are_for_fields_and_loaders_that_exist() -> None:
    assert set(WITHOUT_ROWS) <= set(_names())
    assert set(REFERENCE) <= set(vars(Loaders))
