"""How many plans a document and a process have."""

import gc
import weakref
from typing import Any

from graphql import parse

from app.executor.plans import PLANS_MAX, DocumentPlans, PlanMemory
from app.executor.rules import NotPlanned
from app.executor.selection import Plan

MADE: list[str] = []


def _plan(plans: DocumentPlans, memory: PlanMemory, name: str, caller: str = "a", **variables: Any) -> Plan | None:
    def make() -> Plan:
        MADE.append(name)
        return Plan(name, [])

    return plans.find(name, caller, variables, make, memory, at_once=True)


def test_a_document_has_64_plans_and_loses_the_one_that_was_used_least_recently() -> None:
    MADE.clear()
    plans, memory = DocumentPlans(parse("{ a }")), PlanMemory()
    assert PLANS_MAX == 64
    for caller in range(PLANS_MAX):
        _plan(plans, memory, "Q", str(caller))
    _plan(plans, memory, "Q", "0")
    assert len(MADE) == PLANS_MAX
    _plan(plans, memory, "Q", "another")
    _plan(plans, memory, "Q", "0")
    assert len(MADE) == PLANS_MAX + 1
    _plan(plans, memory, "Q", "1")
    assert len(MADE) == PLANS_MAX + 2


def test_all_documents_together_have_as_many_plans_as_the_memory_allows() -> None:
    MADE.clear()
    memory = PlanMemory(2)
    documents = [DocumentPlans(parse("{ a }")) for _ in range(3)]
    for number, plans in enumerate(documents):
        _plan(plans, memory, str(number))
    _plan(documents[2], memory, "2")
    assert MADE == ["0", "1", "2"]
    _plan(documents[0], memory, "0")
    assert MADE == ["0", "1", "2", "0"]
    _plan(documents[2], memory, "2")
    assert MADE == ["0", "1", "2", "0"]


def test_plans_end_with_their_document() -> None:
    memory = PlanMemory()
    plans = DocumentPlans(parse("{ a }"))
    made = _plan(plans, memory, "Q")
    found = weakref.ref(plans)
    del plans, made
    gc.collect()
    assert found() is None


def test_only_the_values_of_conditions_make_a_difference() -> None:
    MADE.clear()
    memory = PlanMemory()
    plans = DocumentPlans(parse("query Q($a: Boolean!, $n: Int) { x(n: $n) @skip(if: $a) ...F } fragment F on Y { z }"))
    for a, n in ((True, 1), (True, 2), (False, 1), (False, 3)):
        _plan(plans, memory, "Q", a=a, n=n)
    assert MADE == ["Q", "Q"]


def test_what_has_no_plan_is_not_tried_again() -> None:
    tried: list[int] = []

    def make() -> Plan:
        tried.append(1)
        raise NotPlanned("an extension that is no rule")

    plans = DocumentPlans(parse("{ a }"))
    assert [plans.find(None, "a", {}, make, PlanMemory()) for _ in range(4)] == [None] * 4
    assert len(tried) == 1
