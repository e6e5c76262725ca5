"""What the official schema asks of a guide, as fields of the claim: what is missing is named before a document is
written, in the words of the API."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from app.domain.claims import ClaimType
from app.tiss import tree
from app.tiss.fields import Field, Items, Path
from app.tiss.guide_values import GuideValues, Values
from app.tiss.guides import OF_TYPE, Guide
from app.tiss.structure import Element, guides
from app.tiss.write_guide import kind_of, with_kind


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of these fields must be said, if anything is said inside of the optional element `within` (empty: always)."""

    names: tuple[str, ...]
    within: tuple[str, ...] = ()
    """The names of all fields inside of the optional element."""

    def is_met(self, values: Values) -> bool:
        """Whether the values say what is needed."""
        if self.within and not any(name in values for name in self.within):
            return True
        return any(name in values for name in self.names)


@dataclass(frozen=True, slots=True)
class ItemRequirements:
    """What an item of one kind needs, what a member of its team needs, and whether it needs a team."""

    own: tuple[Requirement, ...]
    team: tuple[Requirement, ...]
    needs_team: bool


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a guide of one type needs, and what its items need, in the order of the guide's kinds of items."""

    own: tuple[Requirement, ...]
    items: tuple[ItemRequirements, ...]


@cache
def of_type(kind: ClaimType, version: str) -> Requirements:
    """What a guide of this type needs in this version. Reads the schema: call it in a child process."""
    guide = OF_TYPE[kind]
    shape = guides(version)[guide.element]
    return Requirements(
        tuple(_requirements(guide.fields, shape)), tuple(_of_items(each, shape) for each in guide.items)
    )


def _of_items(kind: Items, shape: Element) -> ItemRequirements:
    inside = tree.shape_at(shape, kind.path)
    own = tuple(_requirements(kind.fields, inside))
    if kind.team is None:
        return ItemRequirements(own, (), needs_team=False)
    member = tree.shape_at(inside, kind.team.path)
    return ItemRequirements(own, tuple(_requirements(kind.team.fields, member)), needs_team=member.is_required)


def _requirements(fields: tuple[Field, ...], shape: Element) -> Iterator[Requirement]:
    seen: set[tuple[str, ...]] = set()
    for field in fields:
        names = _alternatives(field, fields, shape)
        if names and names not in seen:
            seen.add(names)
            yield Requirement(names, _within(field.path, fields, shape))


def _alternatives(field: Field, fields: tuple[Field, ...], shape: Element) -> tuple[str, ...]:
    """The fields of which one is needed: this one, or those of the same choice; empty if it may be missing."""
    parent = tree.shape_at(shape, field.path[:-1])
    if parent.children[field.path[-1]].is_required:
        return (field.name,)
    if not parent.children[field.path[-1]].is_choice:
        return ()
    return tuple(
        each.name for each in fields if each.path[:-1] == field.path[:-1] and parent.children[each.path[-1]].is_choice
    )


def _within(path: Path, fields: tuple[Field, ...], shape: Element) -> tuple[str, ...]:
    """The names of the fields inside of the innermost optional element above this one."""
    for length in range(len(path) - 1, 0, -1):
        if not tree.shape_at(shape, path[:length]).is_required:
            return tuple(each.name for each in fields if each.path[:length] == path[:length])
    return ()


def missing(values: GuideValues, kind: ClaimType, needs: Requirements) -> list[str]:
    """The fields of the claim that its guide needs and that are not said, such as `encounter.priority` and
    `items.0.details.unit`."""
    guide = OF_TYPE[kind]
    found = [_named(each, "") for each in _unmet(needs.own, values.values)]
    for place, item in enumerate(values.items):
        found += _missing_of_item(with_kind(item), guide, needs, f"items.{place}.")
    return found


def _missing_of_item(item: Values, guide: Guide, needs: Requirements, path: str) -> Iterator[str]:
    of_kind = needs.items[guide.items.index(kind_of(item, guide))]
    yield from (_named(each, path) for each in _unmet(of_kind.own, item))
    team: list[Values] = item.get("team", [])
    if of_kind.needs_team and not team:
        yield f"{path}details.team"
    for number, member in enumerate(team):
        yield from (_named(each, f"{path}details.team.{number}.") for each in _unmet(of_kind.team, member))


def _unmet(requirements: Iterable[Requirement], values: Values) -> Iterator[Requirement]:
    return (each for each in requirements if not each.is_met(values))


def _named(each: Requirement, path: str) -> str:
    return path + _camel(each.names[0])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
