"""The pages about clients show the files that are tested, and say which versions of packages they are tested with."""

import json
import re
from pathlib import Path

import yaml
from graphql import (
    get_named_type,
    is_input_object_type,
    is_object_type,
    is_scalar_type,
    specified_scalar_types,
)

from tests.clients.watching import EXAMPLES
from tests.published import SCHEMA

HOME = Path(__file__).parent
ROOT = EXAMPLES.parents[1]
PAGES = {path.name: path.read_text() for path in sorted(EXAMPLES.glob("*.md"))}
FIRST_WORDS_MAX = 500
NOT_SHOWN = {"package.json", "package-lock.json", "scalars.json"}


def test_the_first_page_is_short_and_leads_to_all_others() -> None:
    first = PAGES["README.md"]
    assert len(first.split()) < FIRST_WORDS_MAX
    assert set(re.findall(r"\]\(([\w-]+\.md)", first)) == PAGES.keys() - {"README.md"}


def test_each_block_of_the_pages_is_the_file_that_it_names() -> None:
    shown_file = re.compile(r"^\[[\w./-]+\]\(([\w./-]+)\)\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    blocks = dict(found for page in PAGES.values() for found in shown_file.findall(page))
    assert {name: (EXAMPLES / name).read_text() for name in blocks} == blocks
    files = [path for path in EXAMPLES.rglob("*") if path.is_file() and not _is_installed(path)]
    shown = {str(path.relative_to(EXAMPLES)) for path in files if path.suffix not in {".md", ".txt"}}
    assert shown - {".npmrc"} - NOT_SHOWN == set(blocks)


def _is_installed(path: Path) -> bool:
    return "node_modules" in path.parts


def test_the_pages_name_the_versions_of_the_packages() -> None:
    packages = json.loads((EXAMPLES / "package.json").read_text())["dependencies"]
    versions = {version.rpartition(".")[0] for name, version in packages.items() if name not in {"rxjs", "ws"}}
    pinned = re.findall(r"^(ariadne-codegen==\S+)", (HOME / "requirements.txt").read_text(), re.MULTILINE)
    assert set(re.findall(r"ariadne-codegen.*?(==[\d.]+)", PAGES["python.md"])) == {
        each.removeprefix("ariadne-codegen") for each in pinned
    }
    text = PAGES["types.md"].partition("## Versions")[2]
    assert versions - set(re.findall(r"\d+\.\d+", text)) == set()


def test_the_scalars_of_both_generators_are_those_of_the_schema() -> None:
    own = {name for name, each in SCHEMA.type_map.items() if is_scalar_type(each)} - set(specified_scalar_types)
    configured = yaml.safe_load((EXAMPLES / "codegen.yml").read_text())["generates"]["src/types.ts"]["config"]
    scalars = json.loads((EXAMPLES / "scalars.json").read_text())
    assert configured["scalars"] == scalars
    assert set(scalars) == own


def test_what_the_pages_say_of_ids_is_so() -> None:
    with_id = {"Payer", "Provider", "Contract", "TussTerm", "Claim", "Settlement"}
    for name in with_id:
        found = SCHEMA.type_map[name]
        assert is_object_type(found)
        assert "id" in found.fields


def test_a_payer_and_a_provider_have_one_name_wherever_they_are_given() -> None:
    fields = [field for each in SCHEMA.type_map.values() if is_input_object_type(each) for field in each.fields.items()]
    names = {(get_named_type(field.type).name, name) for name, field in fields}
    given = {pair for pair in names if pair[0] in {"AnsCode", "Cnes"}}
    assert given == {("AnsCode", "payerAnsCode"), ("Cnes", "providerCnes")}
