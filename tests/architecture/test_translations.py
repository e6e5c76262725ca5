"""The Portuguese pages are in step with the English ones."""

import re
from pathlib import Path

import pytest

from scripts import translations
from scripts.translations import ROOT, differences, sections, stored, translated

REMEDY = "bring the translation into step, then run `make translated`"
GENERATED = {"access.md", "configuration.md", "errors.md", "events.md", "metrics.md", "third-party.md"}
"""Their words are those of the schema and of the packages."""
ENGLISH = """# Title

See [roles](roles.md) and `claim`.

```
# no heading
```

**Bold**: more.
"""
PORTUGUESE = ENGLISH.replace("See [roles]", "Veja [papéis]").replace("more", "mais")


def test_every_page_that_is_written_by_hand_is_translated() -> None:
    docs = ROOT / "docs"
    written = {page for page in (*docs.glob("*.md"), *docs.glob("clients/*.md")) if page.name not in GENERATED}
    assert set(translated()) == {ROOT / "README.md", *written}


@pytest.mark.parametrize("page", translated(), ids=lambda path: path.name)
def test_a_translation_is_in_step(page: Path) -> None:
    found = differences(page, translated()[page], stored()[page.relative_to(ROOT).as_posix()])
    assert found == [], REMEDY


def test_sections_begin_with_headings_and_bold_words() -> None:
    found = sections(ENGLISH)
    assert [(each.title, each.level, len(each.blocks)) for each in found] == [("# Title", 1, 1), ("**Bold**", 0, 0)]


@pytest.mark.parametrize(
    ("english", "portuguese", "found"),
    [
        (ENGLISH, PORTUGUESE, []),
        (
            ENGLISH.replace("more", "less"),
            PORTUGUESE,
            ["page.md, **Bold**: the English text has changed since it was translated"],
        ),
        (ENGLISH, PORTUGUESE.replace("no heading", "título"), ["page.md, # Title: the blocks of code differ"]),
        (ENGLISH, PORTUGUESE.replace("`claim`", "guia"), ["page.md, # Title: the translation lacks `claim`"]),
        (ENGLISH, PORTUGUESE.replace("roles.md", "papeis.md"), ["page.md, # Title: the links differ"]),
        (ENGLISH, PORTUGUESE.partition("**")[0], ["page.md: pt-BR.md has other sections"]),
    ],
)
def test_what_is_out_of_step_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, english: str, portuguese: str, found: list[str]
) -> None:
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    page, copy = tmp_path / "page.md", tmp_path / "pt-BR.md"
    page.write_text(english)
    copy.write_text(portuguese)
    made_from = {each.title: each.digest for each in sections(ENGLISH)}
    assert differences(page, copy, made_from) == found


def test_a_line_that_breaks_elsewhere_and_a_link_that_moves_are_no_change() -> None:
    moved = re.sub(r"and `claim`", "and\n`claim`", ENGLISH).replace("roles.md", "../roles.md")
    assert [each.digest for each in sections(moved)] == [each.digest for each in sections(ENGLISH)]
