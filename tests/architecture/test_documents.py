"""The documents say what is: their operations are valid, their settings exist, their commands and files too."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from graphql import parse, validate
from typer.main import get_command

from app.auth.roles import ROLES
from app.cli import command_line
from app.runtime.settings import Settings
from app.schema.operation_names import OPERATION_TYPES
from tests.published import SCHEMA

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md"), *ROOT.glob("docs/pt-BR/*.md")]
)
README = (ROOT / "README.md").read_text()
README_WORDS_MAX = 1_500


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text()


def operations(text: str) -> list[str]:
    """The documents of GraphQL that a page shows."""
    return re.findall(r"```graphql\n(.*?)```", text, re.DOTALL)


OPERATIONS = [*operations(README), *operations(page("first-steps")), *operations(page("life-of-a-claim"))]
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize(
    "text", [*operations(README), *(each for path in PAGES for each in operations(path.read_text()))]
)
def test_an_operation_of_a_document_is_valid(text: str) -> None:
    assert validate(SCHEMA, parse(text)) == []


def test_no_operation_of_a_document_becomes_wrong_with_time() -> None:
    """Days are variables; only a date of birth stays."""
    days = {
        day
        for path in PAGES
        for text in operations(path.read_text())
        for day in re.findall(r'"(20\d\d-\d\d(?:-\d\d)?)"', text)
    }
    assert days == set()


def test_the_readme_is_short() -> None:
    assert len(README.split()) < README_WORDS_MAX


def test_the_readme_links_to_every_page() -> None:
    """Or a reader never finds it."""
    linked = set(re.findall(r"\]\(docs/([a-z-]+)\.md\)", README))
    assert {path.stem for path in PAGES} - linked == set()


def test_the_first_steps_show_a_query_a_mutation_and_a_subscription() -> None:
    kinds = {definition.operation.value for text in OPERATIONS for definition in parse(text).definitions}  # type: ignore[attr-defined]
    assert kinds == {"query", "mutation", "subscription"}


def test_the_operations_of_the_first_steps_are_registered_for_metrics() -> None:
    names = {definition.name.value for text in OPERATIONS for definition in parse(text).definitions}  # type: ignore[attr-defined]
    assert names <= OPERATION_TYPES.keys()


def test_the_configuration_lists_every_setting_and_no_other() -> None:
    documented = set(re.findall(r"`BILLING_([A-Z_]+)`", page("configuration").partition("\n\n`billing serve")[0]))
    assert documented == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    "document", [ROOT / "README.md", *PAGES, *ROOT.glob("docs/clients/*.md")], ids=lambda path: path.name
)
def test_a_setting_that_a_document_names_exists(document: Path) -> None:
    named = set(re.findall(r"\bBILLING_([A-Z_]+)\b", document.read_text()))
    assert {name for name in named if not name.startswith("TEST_")} - {
        each.upper() for each in Settings.model_fields
    } == set()


def test_the_secrets_that_the_deployment_makes_are_those_that_compose_asks_for() -> None:
    (made,) = re.findall(r"^```\n(printf .*?)```", page("deployment"), re.MULTILINE | re.DOTALL)
    asked = re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text())
    assert set(re.findall(r"([A-Z_]+)=%s", made)) == set(asked)


def test_the_documents_list_every_command_and_role() -> None:
    commands = {
        command.name or command.callback.__name__ for command in command_line().registered_commands if command.callback
    }
    assert commands == set(re.findall(r"^\| `billing ([a-z-]+)", page("commands"), re.MULTILINE))
    assert set(ROLES) == set(re.findall(r"^\| `([a-z_]+)` \|", page("roles"), re.MULTILINE))


@pytest.mark.parametrize("document", [ROOT / "README.md", *PAGES], ids=lambda path: path.name)
def test_a_command_of_a_document_exists_with_its_options(document: Path) -> None:
    commands = get_command(command_line()).commands  # type: ignore[attr-defined]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    commanded = "\n".join(text for language, text in blocks if language in {"", "sh"})
    shown = re.findall(r"(?:^|[ (/])billing ([a-z-]+)((?: [^)&|\n]+)?)", commanded, re.MULTILINE)
    assert [name for name, _ in shown if name not in commands] == []
    known = {name: {each for option in commands[name].params for each in option.opts} for name, _ in shown}
    assert [
        (name, each) for name, line in shown for each in re.findall(r"--[a-z-]+", line) if each not in known[name]
    ] == []


def test_every_threat_has_a_defence_and_tests_that_exist() -> None:
    table = (ROOT / "SECURITY.md").read_text().partition("## Threats")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "`" in line]
    assert len(rows) > 25
    assert [row for row in rows if len(row) != 3 or not all(row)] == []
    named = [name for _, _, tests in rows for name in re.findall(r"`(tests/[^`]+)`", tests)]
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_links_only_to_files_that_exist(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]+))?\)", document.read_text())
    own = [(document.parent / path if path else document, anchor) for path, anchor in links if "://" not in path]
    assert [str(path) for path, _ in own if not path.exists()] == []
    assert [anchor for path, anchor in own if anchor and anchor not in _anchors(path.read_text())] == []


def _anchors(text: str) -> set[str]:
    """What can be linked to: the headings, in lower case and with hyphens, without punctuation."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_a_document_names_only_code_that_exists(document: str) -> None:
    named = re.findall(r"\b((?:app|tests|scripts)/[\w/]*(?:\.py)?)", (ROOT / document).read_text())
    assert len(named) > 20
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_architecture_lists_every_room() -> None:
    rooms = {path.name for path in (ROOT / "app").iterdir() if (path / "__init__.py").exists()}
    listed = re.findall(r"^app/(\w+)/ ", (ROOT / "ARCHITECTURE.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(rooms)


def test_the_licence_is_the_same_in_the_file_and_in_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


def test_every_locked_package_is_listed_with_its_licence() -> None:
    rows = re.findall(r"^\| (\S+) \| ([^|]+) \|$", (ROOT / "docs" / "third-party.md").read_text(), re.MULTILINE)
    listed = {name for name, licence in rows if licence.strip()}
    locked = {name for file in ("requirements.txt", "requirements-dev.txt") for name in _locked(file)}
    bundled = json.loads((ROOT / "explorer" / "package-lock.json").read_text())["packages"]
    shipped = {path.rpartition("node_modules/")[2] for path, each in bundled.items() if path and not each.get("dev")}
    shipped |= set(json.loads((ROOT / "rest-pages" / "package.json").read_text())["dependencies"])
    assert (locked | shipped) - listed == set()
    assert listed - locked - shipped == {"package", "---"}


def _locked(file: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / file).read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("requirements.txt", "://"),
        ("requirements-dev.txt", "://"),
        ("explorer/package-lock.json", '"resolved"'),
        ("docs/clients/package-lock.json", '"resolved"'),
        ("rest-pages/package-lock.json", '"resolved"'),
        ("tests/axe/package-lock.json", '"resolved"'),
        ("tests/federation/package-lock.json", '"resolved"'),
        ("tests/identity/provider/package-lock.json", '"resolved"'),
        ("tests/schema_tools/package-lock.json", '"resolved"'),
    ],
)
def test_a_lock_file_names_no_address(name: str, address: str) -> None:
    assert address not in (ROOT / name).read_text()


def test_every_decision_has_a_number_of_its_own() -> None:
    files = sorted(ROOT.glob("docs/decisions/*.md"))
    numbers = [int(path.name[:4]) for path in files]
    assert numbers == list(range(1, len(files) + 1))
    assert [path.read_text().partition(".")[0] for path in files] == [f"# {number}" for number in numbers]
