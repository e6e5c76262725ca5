"""Writes app/tiss/needs.json: what the official schemas ask of each guide, in fields of the claim."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from xmlschema.names import XSD_FRACTION_DIGITS, XSD_TOTAL_DIGITS

from app.tiss import needs, tree
from app.tiss.fields import Field, Items
from app.tiss.fields import Path as Names
from app.tiss.guides import OF_TYPE, Guide
from app.tiss.needs import ItemNeeds, Limits, Need, Needs, Part, Version
from app.tiss.structure import VERSIONS, Element, guides, simple_types
from app.tiss.tree import NotInVersion
from app.values.adapters import adapter_of

PLACE: Final = Path(needs.__file__).with_name(needs.FILE)


def main() -> None:
    """Write the file."""
    PLACE.write_bytes(text())


def text() -> bytes:
    """What the file has to be."""
    versions = {version: _version(version) for version in VERSIONS}
    return adapter_of(needs.TABLE).dump_json(versions, exclude_defaults=True) + b"\n"


def _version(version: str) -> Version:
    shapes = guides(version)
    found = {kind: _of_guide(guide, shapes[guide.element]) for kind, guide in OF_TYPE.items()}
    return Version(_limits(version, sorted(set(_types_of(found.values())))), found)


def _types_of(guides_: Iterable[Needs]) -> Iterator[str]:
    for each in guides_:
        for part in (each.own, *(part for item in each.items for part in (item.own, item.team))):
            yield from (kind for kind in part.types if kind is not None)


def _of_guide(guide: Guide, shape: Element) -> Needs:
    return Needs(_part(guide.fields, shape), tuple(_of_items(each, shape) for each in guide.items))


def _of_items(kind: Items, shape: Element) -> ItemNeeds:
    inside = tree.shape_at(shape, kind.path)
    own = _part(kind.fields, inside)
    if kind.team is None:
        return ItemNeeds(own, Part(), needs_team=False)
    member = tree.shape_at(inside, kind.team.path)
    return ItemNeeds(own, _part(kind.team.fields, member), needs_team=member.is_required)


def _part(fields: Sequence[Field], shape: Element) -> Part:
    types = [_type(field.path, shape) for field in fields]
    here = [field for field, kind in zip(fields, types, strict=True) if kind is not None]
    return Part(tuple(_needs(here, shape)), tuple(types))


def _type(path: Names, shape: Element) -> str | None:
    try:
        return tree.shape_at(shape, path).type
    except NotInVersion:
        return None


def _limits(version: str, names: Iterable[str]) -> dict[str, Limits]:
    """Type -> its limits, for those of these types that have any."""
    known = simple_types(version)
    types = {name: _limits_of(known[name]) for name in names if name in known}
    return {name: limits for name, limits in types.items() if limits != Limits()}


def _limits_of(kind: Any) -> Limits:
    digits = kind.get_facet(XSD_TOTAL_DIGITS)
    decimals = kind.get_facet(XSD_FRACTION_DIGITS)
    is_whole = kind.root_type.local_name == "decimal" and not kind.is_valid("0.5") and kind.is_valid("1")
    return Limits(
        codes=tuple(str(each) for each in kind.enumeration or ()),
        length=kind.max_length,
        digits=digits.value if digits else None,
        decimals=0 if is_whole else decimals.value if decimals else None,
    )


def _needs(fields: list[Field], shape: Element) -> Iterator[Need]:
    seen: set[tuple[str, ...]] = set()
    for field in fields:
        names = _alternatives(field, fields, shape)
        if names and names not in seen:
            seen.add(names)
            yield Need(names, _within(field.path, fields, shape))


def _alternatives(field: Field, fields: Iterable[Field], shape: Element) -> tuple[str, ...]:
    """The fields of which one is needed: this one, or those of the same choice; empty if it may be missing."""
    parent = tree.shape_at(shape, field.path[:-1])
    if parent.children[field.path[-1]].is_required:
        return (field.name,)
    if not parent.children[field.path[-1]].is_choice:
        return ()
    return tuple(
        each.name for each in fields if each.path[:-1] == field.path[:-1] and parent.children[each.path[-1]].is_choice
    )


def _within(path: Names, fields: Iterable[Field], shape: Element) -> tuple[str, ...]:
    """The names of the fields inside of the innermost optional element above this one."""
    for length in range(len(path) - 1, 0, -1):
        if not tree.shape_at(shape, path[:length]).is_required:
            return tuple(each.name for each in fields if each.path[:length] == path[:length])
    return ()


if __name__ == "__main__":
    main()
