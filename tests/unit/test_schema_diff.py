"""`make schema-diff`: which schema it compares with, and which changes must be announced."""

import subprocess
from pathlib import Path

import pytest

from scripts.schema_diff import announced, main

OLD = "type Query { claims: Int denials: Int invoices: Int! }\n"
NEW = "type Query { claims: Int! invoices: Int }\n"
CHANGES = """\
SAFE      Query.claims: type Int became Int!
BREAKING  Query.denials: removed
BREAKING  Query.invoices: type Int! became Int
3 changes of schema.graphql since {}
"""
MISSING = 'announce in CHANGELOG.md under "Unreleased": {}'


def git(root: Path, *arguments: str) -> None:
    """Run git with a name that commits need."""
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example", *arguments], cwd=root, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a changed schema, not in git; nothing of the change is announced."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "schema.graphql").write_text(OLD)
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n\n- Faster.\n")
    return root


@pytest.fixture
def repository(project: Path) -> Path:
    """The same in git, with a release and the change after it."""
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "v0.2.0"]):
        git(project, *arguments)
    (project / "schema.graphql").write_text(NEW)
    git(project, "commit", "-qam", "second")
    return project


def announce(root: Path, text: str) -> None:
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n{text}")


class TestCompares:
    def test_with_the_last_tag(self, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(repository)
        assert ended.value.code == MISSING.format("`Query.denials`, `Query.invoices`")
        assert capsys.readouterr().out == CHANGES.format("v0.2.0")

    def test_with_a_file(self, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (project / "schema.graphql").write_text(NEW)
        old = tmp_path / "old.graphql"
        old.write_text(OLD)
        with pytest.raises(SystemExit) as ended:
            main(project, str(old))
        assert ended.value.code == MISSING.format("`Query.denials`, `Query.invoices`")
        assert capsys.readouterr().out == CHANGES.format(old)

    def test_with_nothing_outside_git(self, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(project)
        said = "schema.graphql is not compared: there is no tag in the history of this clone\n"
        assert capsys.readouterr().out == said

    def test_with_nothing_in_a_shallow_clone(
        self, repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        git(tmp_path, "clone", "-q", "--depth=1", "--no-tags", f"file://{repository}", "shallow")
        main(tmp_path / "shallow")
        said = "schema.graphql is not compared: there is no tag in the history of this clone\n"
        assert capsys.readouterr().out == said

    def test_with_nothing_if_the_release_had_no_schema(
        self, repository: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        git(repository, "rm", "-q", "--cached", "schema.graphql")
        git(repository, "commit", "-qm", "third")
        git(repository, "tag", "v0.3.0")
        main(repository)
        assert capsys.readouterr().out == "schema.graphql is not compared: v0.3.0 has none\n"

    def test_with_nothing_without_git(
        self, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("PATH", "")
        main(repository)
        assert capsys.readouterr().out == "schema.graphql is not compared: git is not installed\n"


class TestAnnouncements:
    def test_of_every_breaking_change_are_enough(self, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
        announce(repository, "## Unreleased\n\n- `Query.denials` is gone, `Query.invoices` may be null.\n")
        main(repository)
        assert capsys.readouterr().out == CHANGES.format("v0.2.0")

    @pytest.mark.parametrize(
        "text",
        [
            "## Unreleased\n\n- `Query.invoices`, Query.denials\n",
            "## Unreleased\n\n- `Query.invoices`, `Query`, `Query.denials(first:)`, `denials`\n",
            "## Unreleased\n\n- `Query.invoices`\n\n## 0.2.0\n\n- `Query.denials`\n",
        ],
        ids=["without backticks", "another coordinate", "in the section of the release"],
    )
    def test_elsewhere_or_of_something_else_are_not(self, repository: Path, text: str) -> None:
        announce(repository, text)
        with pytest.raises(SystemExit) as ended:
            main(repository)
        assert ended.value.code == MISSING.format("`Query.denials`")

    def test_are_still_there_when_the_section_has_the_name_of_the_next_release(self) -> None:
        text = "# Changelog\n\n## Unreleased\n\n## 0.3.0 - 2027-01-31\n\n- `A.b`\n\n## 0.2.0 - 2026-12-01\n\n- `C.d`\n"
        assert announced(text, since="v0.2.0") == {"A.b"}
        assert announced(text, since="0.2.0") == {"A.b"}
        assert announced(text, since="old.graphql") == set()
