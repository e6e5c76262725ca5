"""What the official schema asks of a guide, as fields of the claim: what is missing or does not fit is named before a
claim is submitted, in the words of the API.

`needs.json` is generated from the schemas by `python -m scripts.guide_needs`, so that no gateway has to read them.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from app.domain.claims import ClaimType
from app.domain.errors import ErrorCode, Failure
from app.tiss.fields import Field
from app.tiss.guide_values import GuideValues, Values
from app.tiss.guides import OF_TYPE, Guide
from app.tiss.message import ENCODING
from app.tiss.write_guide import REQUESTER, OutgoingGuide, kind_of, with_kind
from app.values.adapters import adapter_of
from app.values.frozen import frozen

FILE: Final = "needs.json"
WRONG_FORM: Final = "5001"
WRONG_VERSION: Final = "5028"
NEEDED: Final = "the payer's document needs it"
REQUEST_NEEDED: Final = "say who requested the services: give requester and requestingProvider with all that they need"
_REQUEST_FIELDS: Final = ("encounter.requester.", "encounter.requestingProvider.")


@frozen
class Limits:
    """What a type of the schema allows: these codes only, and lengths and digits at most; None is no limit."""

    codes: tuple[str, ...] = ()
    length: int | None = None
    digits: int | None = None
    decimals: int | None = None

    def objection(self, text: str, version: str) -> str | None:
        """Why the text is no value of the type, or None."""
        if self.codes and text not in self.codes:
            return f"TISS {version} has no such code"
        if self.length is not None and len(text) > self.length:
            return f"at most {self.length} characters fit into the payer's document"
        whole, _, fraction = text.partition(".")
        if self.decimals is not None and len(fraction.rstrip("0")) > self.decimals:
            return "must be a whole number" if self.decimals == 0 else f"at most {self.decimals} decimals"
        if self.digits is not None and len(whole.lstrip("0") + fraction) > self.digits:
            return f"at most {self.digits} digits fit into the payer's document"
        return None


@frozen
class Need:
    """One of these fields must be said, and only one, if anything is said inside of the optional element around it."""

    names: tuple[str, ...]
    within: tuple[str, ...] = ()
    """The names of all fields inside of that optional element; empty if the field is always needed."""

    def is_met(self, values: Values) -> bool:
        """Whether the values say what is needed."""
        if self.within and not any(name in values for name in self.within):
            return True
        return any(name in values for name in self.names)


@frozen
class Part:
    """What a guide, an item or a member of a team needs, and the type of each of its fields, in the order of the
    fields in guides.py; None for a field that the version has no element for."""

    needs: tuple[Need, ...] = ()
    types: tuple[str | None, ...] = ()


@frozen
class ItemNeeds:
    """What an item of one kind needs; `team`: what each member of its team needs."""

    own: Part
    team: Part
    needs_team: bool


@frozen
class Needs:
    """What a guide of one type needs, and what its items need, in the order of the guide's kinds of items."""

    own: Part
    items: tuple[ItemNeeds, ...]


@frozen
class Version:
    """The types of a version of TISS that limit anything, and what its guides need."""

    types: dict[str, Limits]
    guides: dict[ClaimType, Needs]


TABLE: Final = dict[str, Version]


@cache
def _versions() -> dict[str, Version]:
    found: dict[str, Version] = adapter_of(TABLE).validate_python(orjson.loads((files("app.tiss") / FILE).read_bytes()))
    return found


def failures(values: GuideValues, kind: ClaimType, version: str) -> list[Failure]:
    """Why no guide of this version can be written of these values, at the fields of the claim: `encounter.visitType`,
    `items.0.details.unit`."""
    check = _Check(OF_TYPE[kind], version)
    found = list(check.of_part(check.needs.own, check.guide.fields, values.values, ""))
    if kind is ClaimType.CONSULTATION and len(values.items) > 1:
        found.append(_failure("a consultation has exactly one item: make a claim of each", "items"))
    for place, item in enumerate(values.items):
        found += check.of_item(with_kind(item), f"items.{place}.")
    return found


def missing(outgoing: OutgoingGuide, version: str) -> list[Failure]:
    """What a guide that came as a document needs and its claim no longer says, at the fields of the claim."""
    values = outgoing.values()
    found = [each for each in failures(values, outgoing.claim.type, version) if each.message == NEEDED]
    asked = [each for each in found if (each.field or "").startswith(_REQUEST_FIELDS)]
    if not asked:
        return found
    others = [each for each in found if each not in asked]
    return [_failure(REQUEST_NEEDED, REQUESTER), *others]


class _Check:
    """The check of one guide of one version."""

    def __init__(self, guide: Guide, version: str) -> None:
        self.guide = guide
        self._version = version
        self._types = _versions()[version].types
        self.needs = _versions()[version].guides[guide.type]

    def of_item(self, item: Values, path: str) -> Iterator[Failure]:
        kind = kind_of(item, self.guide)
        of_kind = self.needs.items[self.guide.items.index(kind)]
        yield from self.of_part(of_kind.own, kind.fields, item, path)
        team: list[Values] = item.get("team", [])
        if of_kind.needs_team and not team:
            yield _needed(f"{path}details.team")
        for number, member in enumerate(team if kind.team else ()):
            assert kind.team is not None  # noqa: S101 - for the type checker
            yield from self.of_part(of_kind.team, kind.team.fields, member, f"{path}details.team.{number}.")

    def of_part(self, part: Part, fields: Sequence[Field], values: Values, path: str) -> Iterator[Failure]:
        for need in part.needs:
            if not need.is_met(values):
                yield _needed(path + need.names[0])
            said = [name for name in need.names if name in values]
            for name in said[1:]:
                yield _failure(f"the payer's document has no place for it beside {_words(said[0])}", path + name)
        for field, kind in zip(fields, part.types, strict=True):
            if field.name in values:
                yield from self._of_value(field, kind, values[field.name], path + field.name)

    def _of_value(self, field: Field, kind: str | None, value: Any, path: str) -> Iterator[Failure]:
        if kind is None:
            message = f"TISS {self._version} has no element for it: remove it, or use another version"
            yield _failure(message, path, WRONG_VERSION)
            return
        text = field.codec.write(value)
        if not _is_writable(text):
            yield _failure("use only characters of ISO-8859-1", path)
        limits = self._types.get(kind)
        objection = limits.objection(text, self._version) if limits else None
        if objection:
            yield _failure(objection, path)


def _is_writable(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode(ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _needed(path: str) -> Failure:
    return _failure(NEEDED, path)


def _words(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _failure(message: str, path: str, tiss_code: str = WRONG_FORM) -> Failure:
    first, *rest = path.split("_")
    field = first + "".join(part.capitalize() for part in rest)
    return Failure(ErrorCode.INVALID_INPUT, message, field, tiss_code)
