"""The pages about who may do what, and about sensitive data: roles, permissions and classes with their fields."""

from collections.abc import Iterable
from html import escape
from itertools import groupby
from typing import Final

from app.auth.roles import NARROWED_TO, PERMISSIONS, ROLES
from app.domain.access_log import DataClass
from app.reference.page import heading, link
from app.reference.types import Types

PERMISSIONS_INTRO: Final = (
    "A role is a set of permissions. Whose data they cover is the data scope of the token: providers, a payer or a "
    "patient. Below the roles is each permission, with the fields that need it or one of several."
)
CLASSES_INTRO: Final = (
    "Each read of a field with one of these classes is an entry of the access log, by the person whom it is about."
)
Place = tuple[str, str]
"""The page and the coordinate of a field."""


def permissions_page(types: Types) -> str:
    """Roles with their permissions, then permissions with their roles and fields."""
    needed: dict[str, list[Place]] = {name: [] for name in sorted(PERMISSIONS)}
    for page, coordinate, facts in types.fields():
        for name in {one for each in facts.permissions for one in each}:
            needed.setdefault(name, []).append((page, coordinate))
    roles = "".join(_role(name, permissions) for name, permissions in ROLES.items())
    found = "".join(_permission(name, places) for name, places in needed.items())
    return f"{heading('permissions', PERMISSIONS_INTRO)}{roles}{found}"


def classes_page(types: Types) -> str:
    """The classes of sensitive data with their fields."""
    found: dict[str, list[Place]] = {each.value: [] for each in DataClass}
    for page, coordinate, facts in types.fields():
        for name in facts.classes:
            found[name].append((page, coordinate))
    sections = "".join(
        f'<section id="{each.value}"><h2>{each.value}</h2>\n<p>{escape(str(each.description))}</p>\n'
        f"{_fields(found[each.value])}</section>\n"
        for each in DataClass
    )
    return f"{heading('data-classes', CLASSES_INTRO)}{sections}"


def _role(name: str, permissions: Iterable[str]) -> str:
    narrowed = f"<p>Its tokens name one {NARROWED_TO[name]}.</p>" if name in NARROWED_TO else ""
    links = " ".join(f"<li>{link('permissions', each)}</li>" for each in sorted(permissions))
    return f'<section id="{name}"><h2>Role {name}</h2>\n{narrowed}<ul class="names">{links}</ul></section>\n'


def _permission(name: str, places: list[Place]) -> str:
    holders = ", ".join(link("permissions", role) for role, held in ROLES.items() if name in held)
    return (
        f'<section id="{name}"><h2>{name}</h2>\n<p>Roles: {holders or "none"}.</p>\n'
        f"{_fields(places) or '<p>No field needs it by itself.</p>'}</section>\n"
    )


def _fields(places: list[Place]) -> str:
    """The fields by their types."""
    found = "".join(
        f"<li>{escape(owner)}: {', '.join(link(page, name, name.partition('.')[2]) for page, name in fields)}</li>"
        for owner, fields in groupby(places, key=_owner)
    )
    return f'<ul class="fields">{found}</ul>' if found else ""


def _owner(place: Place) -> str:
    return place[1].partition(".")[0]
