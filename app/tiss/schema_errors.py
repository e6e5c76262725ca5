"""What the official schema objects to, in words that name elements and never values: these may be a patient's."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from app.tiss.structure import NAMESPACE, validator
from app.values.frozen import frozen

_NAMESPACE: Final = re.compile(r"\{[^}]*\}")
_PREFIX: Final = re.compile(r"[A-Za-z_][\w.-]*:")
_GUIDE: Final = re.compile(r"/(?:\w+:)?guiasTISS(?:\[\d+\])?/(?:(?:\w+:)?[\w-]+|\*)(?:\[(\d+)\])?")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\(([^)]*)\)")
_ELEMENT: Final = re.compile(r"Element '([^']+)'")
_OF_KINDS: Final = (
    (("ENUMERATION",), "the value is not in the schema's list of codes"),
    (("PATTERN", "DATATYPE"), "the value does not have the form that the schema asks for"),
    (("LENGTH", "DIGITS"), "the value has more or fewer characters than the schema allows"),
)
_OTHERWISE: Final = "the value is not what the schema asks for"


@frozen
class SchemaError:
    """One objection: the place of its guide in the batch (None if it is not inside of one), its element, and why."""

    guide: int | None
    field: str
    reason: str

    @property
    def message(self) -> str:
        """The element and the reason."""
        return f"{self.field.rpartition('/')[2]}: {self.reason}"


def errors(root: Any, version: str) -> Iterator[SchemaError]:
    """Everything that the schema of this version objects to in the message, in the order of the document."""
    schema = validator(version)
    if not schema.validate(root):
        yield from of_log(schema.error_log)


def of_log(entries: Iterable[Any]) -> Iterator[SchemaError]:
    """What the library has logged, each objection once."""
    seen: set[SchemaError] = set()
    for entry in entries:
        found = _error(entry)
        if found not in seen:
            seen.add(found)
            yield found


def _error(entry: Any) -> SchemaError:
    path = entry.path or ""
    within = _GUIDE.search(path)
    guide = None if within is None else int(within.group(1) or 1) - 1
    message = _NAMESPACE.sub("", entry.message)
    named = _ELEMENT.search(message)
    steps = [_PREFIX.sub("", step) for step in path.split("/")[-2:]]
    if named is not None:
        steps[-1] = named.group(1)
    return SchemaError(guide, "/".join(step for step in steps if step), _reason(entry.type_name, message))


def _reason(kind: str, message: str) -> str:
    expected = _EXPECTED.search(message)
    names = ", ".join(part.strip() for part in expected.group(1).split(",")) if expected else ""
    if "No matching global declaration" in message:
        return f'it is not in the namespace of TISS: write xmlns="{NAMESPACE}" into mensagemTISS'
    if "Missing child element" in message:
        return f"something is missing inside: give {names}" if names else "something is missing inside"
    if "not expected" in message:
        return f"the schema does not expect it here, but {names}" if names else "the schema does not expect it here"
    return next((text for marks, text in _OF_KINDS if any(mark in kind for mark in marks)), _OTHERWISE)
