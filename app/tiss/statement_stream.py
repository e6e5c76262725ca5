"""Reads a long statement part by part, in the child process: guides leave the tree as soon as they are read, so that
memory does not grow with the document. What is left of the tree is read as a short statement is (`read_statement.py`).

The caller names its reading by a token, and gives one part after the other. A child process that was started anew, or
that has had too many readings since, does not know the token any more: the caller then begins again.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from app.domain.errors import BillingError, Failure
from app.domain.statement import FINDINGS_MAX, Digests, Statement, StatementFinding, StatementLine, digests_of
from app.tiss import message, read_statement, statement_checks, tree
from app.tiss.encoding import Converter, Look
from app.tiss.line_blocks import FAILURES_MAX, Block, SectionLines
from app.tiss.message_guard import MessageGuard
from app.tiss.read_statement import PAYMENTS, Section, StatementMessage, is_statement
from app.tiss.schema_stream import Validation
from app.tiss.statement_checks import Tally
from app.tiss.statement_guides import NUMBERS, guide_of
from app.tiss.structure import SAFE
from app.tiss.tree import name_of
from app.values.frozen import frozen

READINGS_MAX: Final = 4
"""So many documents are read at the same time; each takes a few MiB."""
_KEPT: Final = frozenset({"valorDbCr", *statement_checks.PAID_BY_PROTOCOL})
"""What is looked for in guides too."""


class ReadingLost(Exception):
    """The child process does not know the reading: read the document from its start."""


@frozen
class LongStatement:
    """A statement of the document without its lines, which are those of one section; amounts in cents."""

    message: StatementMessage
    section: int
    count: int
    paid: int
    denied: int
    failures: tuple[Failure, ...]


def look(token: str, number: int, part: bytes) -> None:
    """Look at the encoding of this part, which only all parts of the document show; they are numbered from 0."""
    if number == 0:
        while len(_readings) >= READINGS_MAX:
            del _readings[next(iter(_readings))]
        _readings[token] = _Reading()
    _next(token, number).look(part)


def begin(token: str) -> None:
    """All parts have been looked at, and now follow once more; BillingError if no encoding fits them all."""
    _known(token).begin()


def feed(token: str, number: int, part: bytes) -> list[Block]:
    """The lines that this part of the document completes; parts are numbered from 0. BillingError for a document that
    is refused."""
    return _next(token, number).feed(part)


def close(token: str, payer: str, provider: str) -> tuple[list[LongStatement], list[Block]]:
    """The statements, with the lines that no guide has; BillingError as `read_statement.read_for`."""
    return _known(token).close(payer, provider)


def digest(token: str, section: int, statement: Statement) -> Digests:
    """The digests of the statement with the lines of this section."""
    found = _known(token).sections[section]
    return digests_of(statement, list(found.decided.pieces()), list(found.said.pieces()))


def forget(token: str) -> None:
    """The document is read."""
    _readings.pop(token, None)


def _known(token: str) -> "_Reading":
    if token not in _readings:
        raise ReadingLost
    return _readings[token]


def _next(token: str, number: int) -> "_Reading":
    reading = _known(token)
    if reading.parts != number:
        raise ReadingLost
    reading.parts += 1
    return reading


class _Reading:
    """One document while it arrives, twice."""

    def __init__(self) -> None:
        self.parts = 0
        self._look = Look()
        self._converter = Converter(None)
        self.sections: list[SectionLines] = []
        self._guard = MessageGuard()
        self._parser = etree.XMLPullParser(events=("end",), **SAFE)
        self._validation: Validation | None = None
        self._of_node: dict[Any, int] = {}
        # Elements that have a claim's number and have not ended, in the order of these numbers.
        self._open: dict[Any, None] = {}
        self._last: Any = None

    def look(self, part: bytes) -> None:
        self._look.feed(part)

    def begin(self) -> None:
        self._converter = Converter(self._look.encoding())
        self.parts = 0

    def feed(self, part: bytes) -> list[Block]:
        found: dict[int, list[StatementLine]] = {}
        with _refusals():
            part = self._converter.feed(part)
            self._guard.feed(part)
            self._validation = self._validation or Validation(part)
            self._validation.feed(part)
            self._parser.feed(part)
            for _event, node in self._parser.read_events():
                self._ended(node, found)
        return [self.sections[place].block(place, lines) for place, lines in found.items()]

    def _ended(self, node: Any, found: dict[int, list[StatementLine]]) -> None:
        if name_of(node) in NUMBERS:
            if node.getparent() is not None:
                self._open[node.getparent()] = None
        elif node in self._open and not any(above in self._open for above in node.iterancestors()):
            self._take(node, found)

    def _take(self, node: Any, found: dict[int, list[StatementLine]]) -> None:
        """Read the guide, with those inside of it, and take it out of the tree."""
        statement, section = _around(node)
        is_first = section not in self._of_node
        if is_first:
            self._of_node[section] = len(self.sections)
            self.sections.append(SectionLines(Section(Tally(), place=len(self.sections))))
        place = self._of_node[section]
        for each in self._open:
            guide = guide_of(each, statement)
            found.setdefault(place, []).extend(self.sections[place].section.tally.add(guide))
        self._open.clear()
        # What a statement says once may be said in its first guide.
        if not is_first and node is not section:
            self._drop(node)

    def _drop(self, node: Any) -> None:
        names = [name_of(each) for each in node.iter()]
        if _KEPT.isdisjoint(names):
            node.clear(keep_tail=True)
            self._guard.forget(len(names))
            # The parser may still add to this one, but not to the one before.
            if self._last is not None:
                self._last.getparent().remove(self._last)
            self._last = node

    def close(self, payer: str, provider: str) -> tuple[list[LongStatement], list[Block]]:
        with _refusals():
            self._guard.close()
            top = self._parser.close()
        root, shared = self._message(top)
        found = read_statement.statements_of(root, shared, self._section)
        read_statement.check_parties(found, payer, provider)
        blocks: list[Block] = []
        statements = [self._statement(each, blocks) for each in found]
        return statements, blocks

    def _message(self, top: Any) -> tuple[Any, tuple[StatementFinding, ...]]:
        """The message, or the document if it has none, and what was noticed of it."""
        root = next((each for each in top.iter(etree.Element) if name_of(each) == message.NAME), None)
        if root is None:
            return top, ()
        read_statement.refuse_error(root)
        version = message.version_of(root)
        stated = tree.text(root, ("epilogo", "hash"))
        is_right = stated is not None and stated.lower() in self._guard.hashes()
        objections = [] if self._validation is None else self._validation.close()
        return root, (
            *statement_checks.of_schema(version, objections),
            *statement_checks.of_hash(stated, is_right=is_right),
        )

    def _statement(self, found: StatementMessage, blocks: list[Block]) -> LongStatement:
        place = found.section
        if place is None:
            # A payment of protocols: no guide has its lines.
            place = len(self.sections)
            self.sections.append(SectionLines(Section(Tally(), place=place)))
            blocks.append(self.sections[place].block(place, found.lines))
        lines = self.sections[place]
        short = replace(found, lines=(), findings=found.findings[:FINDINGS_MAX])
        failures = tuple(lines.failures[:FAILURES_MAX])
        return LongStatement(short, place, lines.count, lines.paid, lines.denied, failures)

    def _section(self, node: Any) -> Section:
        place = self._of_node.get(node)
        return Section(Tally()) if place is None else self.sections[place].section


def _around(node: Any) -> tuple[Any, Any]:
    """The statement of a guide, and the part of it whose lines the guide has: a payment, or the statement."""
    path = [node, *node.iterancestors()]
    statements = [each for each in path if is_statement(name_of(each))]
    messages = [each for each in path if name_of(each) == message.NAME]
    statement = (statements or messages or path)[-1]
    return statement, next((each for each in path if name_of(each) in PAYMENTS), statement)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """A document that cannot be read is no statement."""
    try:
        yield
    except etree.XMLSyntaxError as error:
        raise read_statement.invalid(message.reason(error)) from None
    except BillingError as error:
        raise read_statement.invalid(error.failures[0].message) from None


_readings: dict[str, _Reading] = {}
