"""A count looks at a bounded number of rows, whatever the list is filtered by, and is right: exact, or at least so many
of a list that it says may be longer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from itertools import product
from typing import Any

import pytest

from app.db.counting import CANDIDATES_MAX, COUNTED_MAX
from tests.chance import Chance
from tests.figures import Figures
from tests.length import IS_FULL
from tests.scale.conftest import SIZE, Large
from tests.scale.further_lists import further_lists
from tests.scale.lists import EVERYBODY, TWO_PROVIDERS, List, lists
from tests.scale.plain_counts import plain_count
from tests.scale.reads import Sent, Work, sent_statements, work_of
from tests.scale.rows import CODES, PAYER, identifier

READ = frozenset({"payers", "providers", "contracts", "remittances", "practitioners"})
"""Tables that do not grow with the claims, or have no more rows than a count looks at: the server reads them as it
likes."""
OWN_MAX = 2 * COUNTED_MAX + 200
"""The entries of an index that are counted, each of them once more in the result, and the few invoices overdue."""
OTHERS_MAX = 10 * CANDIDATES_MAX
"""Where other tables decide, each candidate is read, stored, read again, looked up and read to see if there are
more; of a very long list in two ways."""
FEW = re.compile("^(unmatched|remittanceAdjustments|announced|unappliedCredits)")
FEW_MAX = SIZE.claims
"""Their tables have one row for twenty claims."""
OF_SCOPE_MAX = max(OWN_MAX, SIZE.claims * 6 // 10)
"""In the full run: of a data scope and a filter that no index has together, the server reads the entries of one."""
DECIDED_BY_OTHERS = re.compile(
    "inDispute|nvoiced|denialCode|isLeft|^(practitioners|emergency|underpayments|announced|remittanceAdjustments|unmatched)"
    "|^denials.*(payer|provider|of two)"
)
CUT = {"underpayments(all) of everybody", "underpayments(performedOn of two years) of everybody"}
"""Lists that have more candidates than a count looks at, of 50,000 claims."""
RANGES = ("of a ", " open")
"""Ranges of other widths."""
VARIANTS = (*RANGES, "ids", "Number", "payers", "providers")
LONG = {
    "claims": "reviewer",
    "denials": "reviewer",
    "invoices": "finance",
    "settlements": "finance",
    "eligibilityHistory": "reviewer",
}
COUNT = "totalCount isLongerThanCounted"


def _cases() -> Iterator[tuple[str, List, str, tuple[str, dict[str, Any]]]]:
    """Every filter of every list: for everybody, and for two providers those that other tables decide; in the full run
    with ranges of all widths."""
    for listed in [*lists(SIZE), *further_lists()]:
        for (name, condition), scope in product(listed.filters.items(), listed.scopes):
            title = f"{listed.name}({name}) of {scope[0]}"
            is_wanted = scope == listed.scopes[0] or DECIDED_BY_OTHERS.search(title)
            variants = RANGES if scope == EVERYBODY else VARIANTS
            if IS_FULL or (is_wanted and not any(each in name for each in variants)):
                yield title, listed, condition, scope


def _document(listed: List, condition: str, selected: str) -> str:
    given = f"{listed.argument}: {{ {condition} }}" if listed.argument and condition else condition
    return f"{{ {listed.name}(first: 100{', ' if given else ''}{given}) {{ {selected} }} }}"


def _count(sent: list[Sent]) -> Sent:
    (count,) = [each for each in sent if "AS counted" in each.text]
    return count


async def _asked(large: Large, listed: List, condition: str, scope: dict[str, Any], selected: str) -> tuple[Any, Work]:
    """The connection that the API answers with, and the work of its count."""
    token = large.gateway.token(listed.role, **scope)
    with sent_statements(large.gateway) as sent:
        answer = await large.gateway.gql(_document(listed, condition, selected), token=token)
    async with large.gateway.parts.probe_database.reading() as connection:
        return answer.data[listed.name], await work_of(connection, _count(sent))


async def _plain(large: Large, listed: List, condition: str, scope: dict[str, Any]) -> int:
    """How many rows the list has, as plain SQL says."""
    async with large.gateway.parts.probe_database.reading() as connection:
        return await plain_count(connection, listed, condition, scope)


def _limit(title: str) -> float:
    """How many rows and entries the count of the case may look at."""
    if FEW.search(title):
        return FEW_MAX
    if DECIDED_BY_OTHERS.search(title):
        return OTHERS_MAX
    return OWN_MAX if "everybody" in title else OF_SCOPE_MAX


async def test_every_list_is_counted_right_by_looking_at_few_rows(large: Large, figures: Figures) -> None:
    """Outside of the full run a third of them, others each time."""
    chance, cases = Chance(), list(_cases())
    figures(repeated_by=chance)
    wrong: list[str] = []
    cut, most = set[str](), ("", 0)
    asked = cases if IS_FULL else chance.sample(cases, len(cases) // 3)
    for title, listed, condition, (_, scope) in asked:
        found, work = await _asked(large, listed, condition, scope, COUNT)
        rows = await _plain(large, listed, condition, scope)
        most = max(most, (title, work.examined), key=lambda each: each[1])
        if not set(work.scanned) <= READ or work.examined > _limit(title):
            wrong.append(f"{title}: {work}")
        total, is_longer = found["totalCount"], found["isLongerThanCounted"]
        if is_longer and total < min(rows, COUNTED_MAX):
            cut.add(title)
        elif (total, is_longer) != (min(rows, COUNTED_MAX), rows > COUNTED_MAX):
            wrong.append(f"{title}: {total} {is_longer} of {rows}")
    figures(cases=len(asked), of=len(cases), most_examined=f"{most[1]} by {most[0]}", cut=len(cut), claims=SIZE.claims)
    assert "\n".join(wrong) == "", chance
    assert IS_FULL or cut == CUT & {title for title, *_ in asked}


OTHERS: dict[str, dict[str, Any]] = {
    "a payer": {"providers": ["*"], "payer": PAYER},
    "a patient": {"patient": identifier("pat", 0)},
    "two providers and a payer": {**TWO_PROVIDERS[1], "payer": PAYER},
    "nobody": {"providers": []},
}


@pytest.mark.parametrize("name", OTHERS)
async def test_every_list_is_counted_right_in_other_scopes(large: Large, name: str) -> None:
    """By its first filter, which most have none of."""
    scope, wrong = OTHERS[name], dict[str, Any]()
    # The log of accesses is that of a patient, and refused to all others.
    asked = [each for each in [*lists(SIZE), *further_lists()] if each.role != "patient" or "patient" in scope]
    for listed in asked:
        condition = next(iter(listed.filters.values()))
        token = large.gateway.token(listed.role, **scope)
        answer = await large.gateway.gql(_document(listed, condition, COUNT), token=token)
        rows = await _plain(large, listed, condition, scope)
        expected = {"totalCount": min(rows, COUNTED_MAX), "isLongerThanCounted": rows > COUNTED_MAX}
        if answer.body["data"][listed.name] != expected:
            wrong[listed.name] = (answer.body, rows)
    assert wrong == {}


async def test_a_long_list_is_counted_to_its_bound(large: Large) -> None:
    for name, role in LONG.items():
        found, work = await _asked(large, List(name, role, {}), "", EVERYBODY[1], COUNT)
        assert found == {"totalCount": COUNTED_MAX, "isLongerThanCounted": True}
        assert work.examined <= OWN_MAX, name


async def test_a_shorter_list_is_counted_exactly(large: Large) -> None:
    condition = f'ids: ["{identifier("clm", 7)}", "{identifier("clm", 8)}"]'
    found, _ = await _asked(large, List("claims", "reviewer", {}), condition, EVERYBODY[1], COUNT)
    assert found == {"totalCount": 2, "isLongerThanCounted": False}


UNBILLED = SIZE.claims // 20
"""The newest claims are on no invoice yet."""
LATE = SIZE.denials * 15 // 100
"""The newest denials are in dispute, each of a claim of its own."""
CLAIMS, DENIALS = "app.resolvers.claims.CLAIMS", "app.resolvers.denials.DENIALS"
INVOICES = "app.resolvers.invoices.INVOICES"
OF_TWO = SIZE.claims // 9
"""A few more than two of twenty providers have."""


@dataclass(frozen=True)
class Limited:
    """A list of which at most so many candidates are looked at, and what is counted then; None for all of it."""

    place: str
    condition: str
    most: int
    total: int | None
    is_longer: bool = False
    scope: tuple[str, dict[str, Any]] = EVERYBODY


LIMITED = (
    # The newest claims are asked for their invoices.
    Limited(CLAIMS, "invoiced: false", UNBILLED // 5, UNBILLED // 5, is_longer=True),
    Limited(CLAIMS, "invoiced: false", UNBILLED * 2, UNBILLED, is_longer=True),
    Limited(CLAIMS, "invoiced: false", SIZE.claims, None),
    # Those that are on an invoice are found from its lines.
    Limited(CLAIMS, "invoiced: true", UNBILLED, UNBILLED, is_longer=True),
    # The denials in dispute are asked for their claims and invoices.
    Limited(CLAIMS, "inDispute: true", LATE // 3, LATE // 3, is_longer=True),
    Limited(CLAIMS, "inDispute: true", LATE, None),
    Limited(INVOICES, "inDispute: true", LATE, None),
    # There are too many claims of two providers, and few denials in dispute.
    Limited(CLAIMS, "inDispute: true", LATE, None, scope=TWO_PROVIDERS),
    # There are too many denials of most amounts, and few claims of two providers; or few denials of a code.
    Limited(DENIALS, 'amount: { from: "10.00" }', OF_TWO, None, scope=TWO_PROVIDERS),
    Limited(DENIALS, f'code: ["{CODES[7]}"]', SIZE.denials // 50, None, scope=TWO_PROVIDERS),
    # There are too many of both.
    Limited(DENIALS, 'amount: { from: "10.00" }', 1, 0, is_longer=True, scope=TWO_PROVIDERS),
)


@pytest.mark.parametrize("given", LIMITED, ids=lambda each: f"{each.place[-8:]} {each.condition} {each.most}")
async def test_a_count_ends_with_its_candidates(large: Large, monkeypatch: pytest.MonkeyPatch, given: Limited) -> None:
    """In the suite hardly a list has as many rows as a count looks at, so that it looks at fewer here."""
    module, _, name = given.place.rpartition(".")
    chosen = getattr(import_module(module), name)
    monkeypatch.setattr(given.place, replace(chosen, count=partial(chosen.count, most=given.most)))
    listed = List(chosen.field, LONG[chosen.field], {})
    found, work = await _asked(large, listed, given.condition, given.scope[1], COUNT)
    total = given.total
    if total is None:
        total = await _plain(large, listed, given.condition, given.scope[1])
    assert found == {
        "totalCount": min(total, COUNTED_MAX),
        "isLongerThanCounted": given.is_longer or total > COUNTED_MAX,
    }
    # Up to four look-ups of each candidate.
    assert work.examined <= 11 * given.most + 20
