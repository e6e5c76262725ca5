"""Every documented filter and order of every list has an index: the server looks at little more than the page."""

import re
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLField, get_named_type, is_enum_type, is_input_object_type

from app.db import waiting_lines
from app.schema.root import schema
from tests.figures import Figures
from tests.gateway import heard
from tests.length import IS_FULL
from tests.scale.conftest import SIZE, Large
from tests.scale.further_lists import further_lists
from tests.scale.limits import limit
from tests.scale.lists import EVERYBODY, List, lists
from tests.scale.reads import Sent, sent_statements, work_of
from tests.scale.rows import identifier

SMALL = frozenset({"payers", "providers", "contracts"})
"""Tables that do not grow with the claims: the server reads them as it likes."""
NOT_LONG = {"practitioners", "tussTerms", "appealTemplates", "statementMappings", "registeredPractitioners"}
"""Practitioners of claims have no table, and terms are searched in memory; the others are some of each provider."""
NOT_LONG |= {"billingBreakdown", "denialBreakdown", "withheldTaxes"}
"""Sums over everything of their period, in groups."""
PAGES = "Connection"
PLACES = {"first", "after", "last", "before"}
LIMITED = " LIMIT "


def _asked(listed: List) -> Iterator[tuple[str, dict[str, Any], str]]:
    for name, scope in listed.scopes:
        for title, document in listed.queries(is_every_order=IS_FULL):
            # The providers of a data scope are one more filter.
            if IS_FULL or name == EVERYBODY[0] or "(all)" in title or len(listed.scopes) == 1:
                yield f"{title} of {name}", scope, document


async def _page_of(large: Large, listed: List, scope: dict[str, Any], document: str) -> Sent:
    """The statement for the page, as the API sends it."""
    token = large.gateway.token(listed.role, **scope)
    with sent_statements(large.gateway) as sent:
        assert "errors" not in (await large.gateway.gql(document, token=token)).body, document
    (page,) = [each for each in sent if LIMITED in each.text and not _is_about_the_caller(each, listed)]
    return page


def _is_about_the_caller(statement: Sent, listed: List) -> bool:
    """Whether it asks for the caller's own emergency access, as every operation may."""
    return listed.name != "emergencyAccesses" and "emergency_accesses" in statement.text


def test_every_documented_filter_and_order_is_asked_for() -> None:
    """Of each list, but for those of which somebody has said why not."""
    asked: dict[str, set[str]] = {}
    for listed in [*lists(SIZE), *further_lists()]:
        names = {name for condition in listed.filters.values() for name in re.findall(r"(\w+):", condition)}
        asked.setdefault(listed.name, set()).update(names, listed.orders)
    documented = {name: set(_documented(field)) for name, field in _connections() if name not in NOT_LONG}
    assert {name: left for name, names in documented.items() if (left := names - asked.get(name, set()))} == {}
    assert dict(_connections()).keys() >= NOT_LONG


def _connections() -> list[tuple[str, GraphQLField]]:
    query = schema._schema.query_type
    assert query is not None
    return [(name, field) for name, field in query.fields.items() if get_named_type(field.type).name.endswith(PAGES)]


def _documented(field: GraphQLField) -> Iterator[str]:
    """The names of the field's filters, and what it can be sorted by."""
    for name, argument in field.args.items():
        kind = get_named_type(argument.type)
        if name == "orderBy" and is_input_object_type(kind):
            by = get_named_type(kind.fields["field"].type)
            assert is_enum_type(by)
            yield from by.values
        elif name.lower().endswith("filter") and is_input_object_type(kind):
            yield from kind.fields
        elif name not in PLACES:
            yield name


async def test_no_list_reads_its_table(large: Large, figures: Figures) -> None:
    wrong: list[str] = []
    most, cases = ("", 0), 0
    for listed in [*lists(SIZE), *further_lists()]:
        for title, scope, document in _asked(listed):
            page = await _page_of(large, listed, scope, document)
            async with large.gateway.parts.probe_database.reading() as connection:
                work = await work_of(connection, page)
            cases += 1
            most = max(most, (title, work.examined), key=lambda each: each[1])
            if not set(work.scanned) <= SMALL or work.examined > limit(title, listed.name, SIZE):
                wrong.append(f"{title}: {work}")
    figures(cases=cases, most_examined=f"{most[1]} by {most[0]}", claims=SIZE.claims)
    assert "\n".join(wrong) == ""


async def test_the_sweep_looks_at_lines_that_wait_and_at_claims_that_have_come(large: Large) -> None:
    waiting, come = SIZE.claims // 100, [identifier("clm", number) for number in range(200)]
    with heard(large.gateway.database) as sent:
        async with large.gateway.database.reading() as connection:
            assert await waiting_lines.all_claims(connection, 100) == []
            assert await waiting_lines.among(connection, come) == []
    found = [Sent(*each) for each in sent if "DISTINCT claims.id" in each[0]]
    async with large.gateway.parts.probe_database.reading() as connection:
        works = [await work_of(connection, each) for each in found]
    # One for each number that a line may name, and one about the claims: a line, its statement and its claim each.
    assert len(works) == 4
    assert [each for each in works if each.scanned or each.examined > 3 * max(waiting, len(come))] == []


async def test_a_patient_is_found_under_all_ids_without_reading_others(large: Large) -> None:
    token = large.gateway.token("patient", patient=identifier("pat", 0))
    with sent_statements(large.gateway) as sent:
        answer = await large.gateway.gql("{ myAccessLog(first: 20) { nodes { at } } }", token=token)
    assert len(answer.data["myAccessLog"]["nodes"]) == 20
    async with large.gateway.parts.probe_database.reading() as connection:
        works = [await work_of(connection, each) for each in sent if "asked_patient" in each.text]
    assert [(each.scanned, each.sorted, each.examined <= 10) for each in works] == [((), (), True)]
