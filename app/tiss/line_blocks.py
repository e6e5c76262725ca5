"""Lines of long statements, compressed: as blocks for who stores them, and as what their digests are made of."""

import pickle
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.errors import Failure
from app.domain.readable_lines import readable_line
from app.domain.statement import StatementLine, decision_json, lines_failures, said_json
from app.tiss.read_statement import Section
from app.values.frozen import frozen

FAILURES_MAX: Final = 20
LEVEL: Final = 1


@frozen
class Block:
    """Some lines of one section of the document, compressed."""

    section: int
    count: int
    packed: bytes

    def lines(self) -> list[StatementLine]:
        """The lines."""
        return list(pickle.loads(zlib.decompress(self.packed)))  # noqa: S301 - the gateway's own child has packed it


class _List:
    """The text of a JSON list, compressed while it grows."""

    def __init__(self) -> None:
        self._compress = zlib.compressobj(LEVEL)
        self._parts: list[bytes] = []
        self._is_empty = True

    def add(self, parts: Sequence[bytes]) -> None:
        if not parts:
            return
        text = b",".join(parts)
        self._parts.append(self._compress.compress(text if self._is_empty else b"," + text))
        self._is_empty = False

    def pieces(self) -> Iterator[bytes]:
        """The text; a list can be added to afterwards."""
        decompress = zlib.decompressobj()
        for each in (*self._parts, self._compress.copy().flush()):
            yield decompress.decompress(each)


@dataclass(slots=True)
class SectionLines:
    """What is known of the lines of a section, without the lines."""

    section: Section
    decided: _List = field(default_factory=_List)
    said: _List = field(default_factory=_List)
    count: int = 0
    paid: int = 0
    denied: int = 0
    failures: list[Failure] = field(default_factory=list)

    def block(self, place: int, given: Iterable[StatementLine]) -> Block:
        """These lines, which follow those before, as a block of the section with this place."""
        lines = [readable_line(line) for line in given]
        self.decided.add([decision_json(line) for line in lines])
        self.said.add([said_json(line) for line in lines])
        if len(self.failures) < FAILURES_MAX:
            self.failures += lines_failures(lines, start=self.count)
        self.count += len(lines)
        self.paid += sum(line.paid for line in lines)
        self.denied += sum(denial.amount for line in lines for denial in line.denials)
        return Block(place, len(lines), zlib.compress(pickle.dumps(lines, pickle.HIGHEST_PROTOCOL), LEVEL))
