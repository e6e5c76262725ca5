"""The table of endpoints beside the schema, and the setting that serves them."""

import re
from pathlib import Path

import pytest
from graphql import EnumTypeDefinitionNode, parse

from app.rest import claims, invoices
from app.rest.door import decoded
from app.rest.endpoint import Form
from app.rest.table import ENDPOINTS
from app.runtime.settings import Settings
from app.web.app import create_app

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("is_on", [False, True])
def test_the_endpoints_are_served_where_a_setting_says_so(tmp_path: Path, is_on: bool) -> None:
    settings = Settings(var_dir=tmp_path, rest=True) if is_on else Settings(var_dir=tmp_path)
    served = {route.path for route in create_app(settings).routes}  # type: ignore[attr-defined] # all are paths
    assert ({each.path for each in ENDPOINTS} & served) == ({each.path for each in ENDPOINTS} if is_on else set())


def test_the_values_of_the_table_are_those_of_the_schema() -> None:
    enums = {
        node.name.value: tuple(value.name.value for value in node.values or ())
        for node in parse((ROOT / "schema.graphql").read_text()).definitions
        if isinstance(node, EnumTypeDefinitionNode)
    }
    names = ("ClaimStatus", "ClaimType", "InvoiceStatus", "PaymentMethod")
    assert [enums[name] for name in names] == [claims.STATUSES, claims.TYPES, invoices.STATUSES, invoices.METHODS]


def test_the_bodies_on_the_page_are_those_that_are_read() -> None:
    page = (ROOT / "docs" / "rest.md").read_text()
    changes = [decoded(each.encode()) for each in re.findall(r"^\| `(\{.*?\})` \|", page, re.MULTILINE)]
    forms = [claims.chosen(each) for each in changes]
    assert [form.group.values(each).keys() for form, each in zip(forms, changes, strict=True)] == [
        each.keys() for each in changes
    ]
    assert {id(form) for form in forms} == {id(form) for form in _form_of_patch()}


def _form_of_patch() -> tuple[Form, ...]:
    return next(each.forms for each in ENDPOINTS if each.choose)


def test_the_page_has_every_endpoint_and_every_operation() -> None:
    page = (ROOT / "docs" / "rest.md").read_text()
    for endpoint in ENDPOINTS:
        assert f"{endpoint.method} {endpoint.path}" in page
        for form in endpoint.forms:
            root = form.operation.text.split(" ")[1].partition("(")[0]
            assert f"{root[0].lower()}{root[1:]}" in page
