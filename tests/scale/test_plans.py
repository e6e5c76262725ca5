"""Every documented filter and order of every list has an index: the server looks at little more than the page."""

import re
from collections.abc import Iterator

from graphql import GraphQLField, get_named_type, is_enum_type, is_input_object_type, is_object_type

from app.db import waiting_lines
from app.schema.root import schema
from tests.figures import Figures
from tests.gateway import heard
from tests.scale.cases import all_lists
from tests.scale.conftest import Large, Measured
from tests.scale.limits import faults
from tests.scale.reads import Sent, sent_statements, work_of
from tests.scale.rows import identifier
from tests.scale.size import SIZE

NOT_LONG = {"tussTerms", "appealTemplates", "statementMappings", "registeredPractitioners"}
"""Terms are searched in memory; the others are some of each provider."""
NOT_LONG |= {"billingBreakdown", "denialBreakdown", "withheldTaxes"}
"""Sums over everything of their period, in groups."""
NOT_LONG |= {"SpreadsheetPreview.rows"}
"""The first rows of a file, from memory."""
PAGES = "Connection"
PLACES = {"first", "after", "last", "before"}


def test_every_documented_filter_and_order_is_asked_for() -> None:
    """Of each list, but for those of which somebody has said why not."""
    asked: dict[str, set[str]] = {}
    for listed in all_lists():
        names = {name for condition in listed.filters.values() for name in re.findall(r"(\w+):", condition)}
        asked.setdefault(listed.name, set()).update(names, listed.orders)
    documented = {name: set(_documented(field)) for name, field in _connections() if name not in NOT_LONG}
    assert {name: left for name, names in documented.items() if (left := names - asked.get(name, set()))} == {}
    assert dict(_connections()).keys() >= NOT_LONG


def _connections() -> Iterator[tuple[str, GraphQLField]]:
    """Those of the root by their names, and those on objects that have filters."""
    for kind in schema._schema.type_map.values():
        if not is_object_type(kind):
            continue
        for name, field in kind.fields.items():
            if not get_named_type(field.type).name.endswith(PAGES):
                continue
            if kind is schema._schema.query_type:
                yield name, field
            elif field.args.keys() - PLACES:
                yield f"{kind.name}.{name}", field


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


def test_no_list_reads_its_table(measured: list[Measured], figures: Figures) -> None:
    most = max(measured, key=lambda each: each.work.examined)
    figures(cases=len(measured), most_examined=f"{most.work.examined} by {most.case.title}", claims=SIZE.claims)
    wrong = [f"{each.case.title} {fault}: {each.work}" for each in measured for fault in faults(each.case, each.work)]
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
