"""The Portuguese pages follow the English ones: names each section that does not.

docs/pt-BR/made-from.json has a digest of every English section that a translation was made from. `make translated`
writes them anew, after a translation was brought into step.
"""

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
MADE_FROM: Final = ROOT / "docs" / "pt-BR" / "made-from.json"
_BLOCK: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)]*)\)")
_TITLE: Final = re.compile(r"^(#+ .+|\*\*[^*]+\*\*)", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A heading, or a paragraph that begins with bold words, and what follows it up to the next one."""

    title: str
    text: str
    blocks: tuple[str, ...]

    @property
    def level(self) -> int:
        """How many # the title has; 0 for bold words."""
        return len(self.title) - len(self.title.lstrip("#"))

    @property
    def words(self) -> Counter[str]:
        """The names of code in the text, which stay as they are in every language."""
        return Counter(" ".join(word.split()) for word in re.findall(r"`([^`]+)`", self.text))

    @property
    def links(self) -> list[str]:
        """Where the text links to."""
        return _LINK.findall(self.text)

    @property
    def digest(self) -> str:
        """Of what a translator reads: a link that goes elsewhere, or a line that breaks elsewhere, is no change."""
        read = " ".join(_LINK.sub("]", self.text).split())
        return sha256("\n".join([read, *self.blocks]).encode()).hexdigest()[:12]


def translated() -> dict[Path, Path]:
    """The English pages that have a translation, with it."""
    own = MADE_FROM.parent
    pages = {ROOT / "docs" / path.relative_to(own): path for path in sorted(own.rglob("*.md"))}
    return {ROOT / "README.md": ROOT / "README.pt-BR.md", **pages}


def sections(page: str) -> list[Section]:
    """The sections of a page in their order; code is set apart first, since its comments look like headings."""
    blocks = _BLOCK.findall(page)
    text = _BLOCK.sub("\0", page)
    starts = [found.start() for found in _TITLE.finditer(text)]
    found = []
    for start, end in zip_longest(starts, starts[1:]):
        part = text[start:end]
        count = part.count("\0")
        title = _TITLE.match(part)
        found.append(Section(title[0] if title else "", part.replace("\0", ""), tuple(blocks[:count])))
        del blocks[:count]
    return found


def differences(english: Path, portuguese: Path, made_from: dict[str, str]) -> list[str]:
    """What is not in step, a line for each section; empty if all is."""
    originals, copies = sections(english.read_text()), sections(portuguese.read_text())
    name = english.relative_to(ROOT)
    found = [
        f"{name}, {original.title}: {reason}"
        for original, copy in zip(originals, copies, strict=False)
        if (reason := _difference(original, copy, (english, portuguese), made_from.get(original.title)))
    ]
    if [each.level for each in originals] != [each.level for each in copies]:
        found.append(f"{name}: {portuguese.relative_to(ROOT)} has other sections")
    return found


def _difference(original: Section, copy: Section, files: tuple[Path, Path], made_from: str | None) -> str | None:
    if original.digest != made_from:
        return "the English text has changed since it was translated"
    if original.blocks != copy.blocks:
        return "the blocks of code differ"
    if missing := original.words - copy.words:
        return f"the translation lacks `{next(iter(missing))}`"
    places = [
        [_place(link, file) for link in section.links] for section, file in zip((original, copy), files, strict=True)
    ]
    return None if places[0] == places[1] else "the links differ"


def _place(link: str, file: Path) -> str:
    """Where a link leads; to a page and to its translation is the same."""
    if "://" in link:
        return link
    path = link.partition("#")[0]
    # Without a path it leads to another section of the same page.
    target = (file.parent / path if path else file).resolve()
    english = {portuguese: page for page, portuguese in translated().items()}
    return str(english.get(target, target))


def stored() -> dict[str, dict[str, str]]:
    """The digests of the English sections as they were translated, by page and title."""
    found: dict[str, dict[str, str]] = json.loads(MADE_FROM.read_text())
    return found


def main() -> int:
    """Write the digests of today; 1 if something else is not in step."""
    digests = {
        page.relative_to(ROOT).as_posix(): {each.title: each.digest for each in sections(page.read_text())}
        for page in translated()
    }
    MADE_FROM.write_text(json.dumps(digests, ensure_ascii=False, indent=1) + "\n")
    left = [
        line
        for page, copy in translated().items()
        for line in differences(page, copy, digests[page.relative_to(ROOT).as_posix()])
    ]
    sys.stdout.writelines(f"{line}\n" for line in left)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
