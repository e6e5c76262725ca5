"""Values for generated documents: good ones, ids of things that are there, and what no client should send."""

import os
import re
from datetime import date, timedelta
from typing import Any, Final

import graphql
from hypothesis import strategies as st
from hypothesis_graphql import nodes

from tests.factories import BLOOD_COUNT, CONSULTATION, today
from tests.length import scaled

CASES: Final = int(os.environ.get("BILLING_TEST_FUZZ_CASES", scaled(full=2_000, short=0)))
FAULTS: Final = frozenset({"INTERNAL", "UNAVAILABLE", "TIMEOUT", "BAD_REQUEST"})
Values = st.SearchStrategy[graphql.ValueNode]
RUBBISH: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "\u200b\u202e",
    "\U0001f4a3" * 20,
    "ação não é ção",
    "x" * 600,
    "9" * 40,
    "%",
    "_%\\%'\";--",
    "' OR 1=1 -- ",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "\n\r\t",
    "-1",
    "1e9",
    "NaN",
    "null",
    "2026-02-30",
    "0000-00-00",
    "../../etc/passwd",
    "clm_",
    "clm_zzzzzzzzzzzzzzzzzzzzzzzzzz",
    "pat_0' OR '1'='1",
    "inv_01k8\U0001f4a3",
)
INTEGERS: Final = (0, 1, 2, 20, 100, 101, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 10**30)


def _texts(*good: str) -> st.SearchStrategy[str]:
    """Mostly what is good, now and then rubbish or any text."""
    known = st.sampled_from(good)
    return st.one_of(known, known, known, st.sampled_from(RUBBISH), st.text(max_size=30))


def _days() -> st.SearchStrategy[str]:
    near = st.integers(-40, 10).map(lambda days: (today() + timedelta(days)).isoformat())
    return st.one_of(near, near, near, st.dates(max_value=date(9999, 12, 31)).map(str), st.sampled_from(RUBBISH))


def _moments() -> st.SearchStrategy[str]:
    written = st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    return st.one_of(written, written, st.datetimes().map(str), st.sampled_from(RUBBISH))


def scalars(world: dict[str, str], ids: list[str]) -> dict[str, Values]:
    """Scalar -> value nodes, for a world with these codes and these ids."""
    amounts = ("100.00", "10", "0.01", "0.00", "99999999.99", "1.5", "-1.00", "1.234", "1e3", "1" * 30)
    texts = (*world.values(), CONSULTATION["code"], BLOOD_COUNT["code"], "22", "1705", "AUTH-1", "Motivo por escrito")
    strings = _texts(*texts).map(nodes.String)
    return {
        "ID": st.one_of(_texts(*ids).map(nodes.String), st.sampled_from(INTEGERS).map(nodes.Int)),
        "String": strings,
        "Int": st.one_of(st.integers(1, 30), st.integers(1, 30), st.sampled_from(INTEGERS)).map(nodes.Int),
        "Money": _texts(*amounts).map(nodes.String),
        "Quantity": _texts("1", "2.5", "0.0001", "0", "100000").map(nodes.String),
        "Factor": _texts("1.00", "0.50", "2", "9.99", "10.00").map(nodes.String),
        "Ratio": st.just(nodes.String("0.0500")),
        "Date": _days().map(nodes.String),
        "Time": _texts("08:15:00", "23:59", "24:00:00").map(nodes.String),
        "DateTime": _moments().map(nodes.String),
        "AnsCode": _texts(*world.values(), "123456", "12345").map(nodes.String),
        "Cnes": _texts(*world.values(), "1234567", "0000000").map(nodes.String),
        "TaxId": _texts("11222333000181", "12ABC34501DE35", "52998224725", "00000000000000").map(nodes.String),
        "Cpf": _texts("52998224725", "52998224724", "11111111111").map(nodes.String),
        "YearMonth": _texts(today().strftime("%Y-%m"), "2026-13", "202611").map(nodes.String),
        "Scope": st.just(nodes.String("claims:read")),
    }


class _ToVariables(graphql.Visitor):
    """Puts every argument's value into a variable of the argument's type."""

    def __init__(self, info: graphql.TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.values: dict[str, Any] = {}
        self.types: dict[str, str] = {}

    def enter_argument(self, node: graphql.ArgumentNode, *_rest: Any) -> Any:
        kind = self._info.get_input_type()
        if kind is None:
            return None
        name = f"v{len(self.values)}"
        self.values[name] = graphql.value_from_ast_untyped(node.value)
        self.types[name] = str(kind)
        variable = graphql.VariableNode(name=graphql.NameNode(value=name))
        return graphql.ArgumentNode(name=node.name, value=variable)


def with_variables(schema: graphql.GraphQLSchema, text: str) -> tuple[str, dict[str, Any]]:
    """The same document with its values as variables."""
    info = graphql.TypeInfo(schema)
    visitor = _ToVariables(info)
    tree = graphql.visit(graphql.parse(text), graphql.TypeInfoVisitor(info, visitor))
    declared = ", ".join(f"${name}: {kind}" for name, kind in visitor.types.items())
    printed = graphql.print_ast(tree)
    if not declared:
        return printed, {}
    head = re.match(r"(query|mutation)?", printed)
    assert head is not None
    return f"{head.group() or 'query'} ({declared}) {printed[head.end() :]}", visitor.values
