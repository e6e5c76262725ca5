"""`make schema-diff` and `make release`: which schema is compared, and which changes must be announced."""

import json
import tomllib
from pathlib import Path

import pytest

from scripts import release
from scripts.schema_diff import RELEASED, ROOT, SCHEMA, announced, changelog, main

OLD = "type Query { claims: Int denials: Int invoices: Int! }\n"
NEW = "type Query { claims: Int! invoices: Int kinds: [Kind!] } enum Kind { A }\n"
NEWER = "type Query { claims: Int! invoices: Int kinds: [Kind!] } enum Kind { A B }\n"
CHANGES = """\
SAFE      Kind: enum added
SAFE      Query.claims: type Int became Int!
BREAKING  Query.denials: removed
BREAKING  Query.invoices: type Int! became Int
SAFE      Query.kinds: field added
5 changes of schema.graphql since {}
"""
MISSING = 'announce in CHANGELOG.md under "{}": {}'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project after its release 0.2.0, with a changed schema of which nothing is announced."""
    root = tmp_path / "project"
    (root / RELEASED).mkdir(parents=True)
    (root / RELEASED / "0.2.0.graphql").write_text(OLD)
    (root / SCHEMA).write_text(NEW)
    announce(root, "## Unreleased\n\n- Faster.\n\n## 0.2.0 - 2026-12-01\n\n- `Query.denials` and `Query.invoices`\n")
    return root


def announce(root: Path, text: str) -> None:
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n{text}")


def refused(root: Path, file: str = "") -> str:
    """What the comparison ends with."""
    with pytest.raises(SystemExit) as ended:
        main(root, file)
    return str(ended.value.code)


class TestCompares:
    def test_with_the_last_release(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert refused(project) == MISSING.format("Unreleased", "`Query.denials`, `Query.invoices`")
        assert capsys.readouterr().out == CHANGES.format("0.2.0")

    def test_with_a_file(self, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old = tmp_path / "old.graphql"
        old.write_text(OLD)
        assert refused(project, str(old)) == MISSING.format("Unreleased", "`Query.denials`, `Query.invoices`")
        assert capsys.readouterr().out == CHANGES.format(old)

    def test_a_release_with_the_one_before_it(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        announce(project, "## 0.3.0\n\n- `Query.denials`, `Query.invoices`\n\n## 0.2.0\n\n- Faster.\n")
        (project / RELEASED / "0.3.0.graphql").write_text(NEW)
        main(project)
        assert capsys.readouterr().out == CHANGES.format("0.2.0")

    def test_by_their_level(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (project / RELEASED / "0.2.0.graphql").write_text(NEW)
        (project / SCHEMA).write_text(NEWER)
        main(project)
        assert (
            capsys.readouterr().out == "DANGEROUS Kind.B: enum value added\n1 changes of schema.graphql since 0.2.0\n"
        )

    def test_with_nothing_before_the_first_release(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        announce(project, "## Unreleased\n")
        main(project)
        assert capsys.readouterr().out == "schema.graphql is not compared: CHANGELOG.md has no earlier release\n"

    def test_with_no_release_that_was_forgotten(self, project: Path) -> None:
        announce(project, "## Unreleased\n\n## 0.3.0\n\n## 0.2.0\n")
        said = "is missing: it is schema.graphql of that release, which `make release` copies"
        assert refused(project) == f"schema/released/0.3.0.graphql {said}"


class TestAnnouncements:
    def test_of_every_breaking_change_are_enough(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        text = "## Unreleased\n\n- `Query.denials` is gone, `Query.invoices` may be null.\n\n## 0.2.0\n"
        announce(project, text)
        main(project)
        assert capsys.readouterr().out == CHANGES.format("0.2.0")

    @pytest.mark.parametrize(
        "text",
        [
            "## Unreleased\n\n- `Query.invoices`, Query.denials\n\n## 0.2.0\n",
            "## Unreleased\n\n- `Query.invoices`, `Query`, `Query.denials(first:)`, `denials`\n\n## 0.2.0\n",
            "## Unreleased\n\n- `Query.invoices`\n\n## 0.2.0\n\n- `Query.denials`\n",
        ],
        ids=["without backticks", "another coordinate", "in the section of the release"],
    )
    def test_elsewhere_or_of_something_else_are_not(self, project: Path, text: str) -> None:
        announce(project, text)
        assert refused(project) == MISSING.format("Unreleased", "`Query.denials`")

    def test_are_those_above_the_release(self, project: Path) -> None:
        announce(project, "## Unreleased\n\n- `A.b`\n\n## 0.3.0 - 2027-01-31\n\n- `C.d`\n\n## 0.2.0\n\n- `E.f`\n")
        sections = changelog(project)
        assert announced(sections, since="0.2.0") == {"A.b", "C.d"}
        assert announced(sections, since="0.3.0") == {"A.b"}
        assert announced(sections, since="old.graphql") == {"A.b"}


class TestRelease:
    @pytest.fixture
    def prepared(self, project: Path) -> Path:
        """The project as version 0.3.0, with a contract that is new and one that has changed."""
        announce(project, "## 0.3.0\n\n## 0.2.0\n")
        (project / "pyproject.toml").write_text('[project]\nversion = "0.3.0"\n')
        (project / "events" / "released").mkdir(parents=True)
        (project / "events" / "br.billing.claim.deleted.v1.json").write_text('{"new": true}')
        (project / "events" / "asyncapi.json").write_text("{}")
        return project

    def test_stores_the_schema_and_the_contracts(self, prepared: Path) -> None:
        release.main(prepared)
        assert (prepared / RELEASED / "0.3.0.graphql").read_text() == NEW
        assert (prepared / RELEASED / "0.2.0.graphql").read_text() == OLD
        (contract,) = (prepared / "events" / "released").iterdir()
        assert (contract.name, json.loads(contract.read_text())) == ("br.billing.claim.deleted.v1.json", {"new": True})

    def test_of_another_version_than_that_of_the_changelog_is_refused(self, prepared: Path) -> None:
        announce(prepared, "## Unreleased\n\n## 0.2.0\n")
        with pytest.raises(
            SystemExit, match=r"^CHANGELOG\.md begins with Unreleased, and pyproject\.toml has 0\.3\.0$"
        ):
            release.main(prepared)
        assert not (prepared / RELEASED / "0.3.0.graphql").exists()


class TestThisProject:
    def test_has_announced_its_breaking_changes(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(ROOT)
        since = changelog(ROOT)[1].version
        assert capsys.readouterr().out.endswith(f" changes of schema.graphql since {since}\n")

    def test_has_the_schema_of_every_earlier_release(self) -> None:
        versions = [section.version for section in changelog(ROOT)]
        stored = {path.stem for path in (ROOT / RELEASED).iterdir()}
        assert set(versions[1:]) - stored == set()
        assert stored <= set(versions)

    def test_has_one_version(self) -> None:
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        assert next(each.version for each in changelog(ROOT) if each.version != "Unreleased") == version

    def test_is_what_it_has_stored_while_that_is_the_newest(self) -> None:
        newest = ROOT / RELEASED / f"{changelog(ROOT)[0].version}.graphql"
        assert not newest.exists() or newest.read_text() == (ROOT / SCHEMA).read_text(), "run make release"
