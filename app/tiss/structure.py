"""The structure of TISS messages, read from the official schemas that the `tiss` package ships: which elements an
element has, in which order, and which of them it must have."""

from dataclasses import field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from lxml import etree

from app.values.frozen import frozen

NAMESPACE: Final = "http://www.ans.gov.br/padroes/tiss/schemas"
VERSIONS: Final = ("4.03.00", "4.02.00")
"""The versions whose schemas are here, the newest first."""
NO_CNES: Final = "9999999"
"""What the standard writes for a provider without a CNES."""
SIGNATURE: Final = "assinaturaDigitalGuia"
SAFE: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "remove_comments": True,
    "remove_pis": True,
}
"""What every parser of foreign documents is built with: see `safe_parser`."""
_GUIDES: Final = ("prestadorParaOperadora", "loteGuias", "guiasTISS")
_APPEALS: Final = ("prestadorParaOperadora", "recursoGlosa")


@frozen
class Element:
    """An element of a message: its children by name, in the order of the schema."""

    name: str
    is_required: bool
    """Whether its parent must have it; of a choice, no single element is required."""
    is_choice: bool = False
    """Whether its parent must have it or another one of its siblings."""
    type: str = ""
    """The name of its type, if that is a simple one with a name."""
    children: dict[str, "Element"] = field(default_factory=dict)


@cache
def guides(version: str) -> dict[str, Element]:
    """The elements of the five guides by name. Takes half a second at first: call it in a child process."""
    return _content(version, _GUIDES)


@cache
def appeals(version: str) -> dict[str, Element]:
    """The elements of a message with appeals (recursoGlosa) by name; as slow as `guides` at first."""
    return _content(version, _APPEALS)


def _content(version: str, path: tuple[str, ...]) -> dict[str, Element]:
    """What the element at this path of a message contains."""
    element: Any = _schema(version).elements["mensagemTISS"]
    for name in path:
        element = next(each for each in element.type.content.iter_elements() if each.local_name == name)
    return {each.local_name: _element(each) for each in element.type.content.iter_elements()}


@cache
def _schema(version: str) -> Any:
    import xmlschema  # noqa: PLC0415 - heavy, for those alone who ask for the structure

    return xmlschema.XMLSchema(str(_path(version)))


def simple_types(version: str) -> dict[str, Any]:
    """The simple types of the schema by name, with their facets."""
    return {each.local_name: each for each in _schema(version).maps.types.values() if each.is_simple()}


def _element(found: Any) -> Element:
    is_needed = found.min_occurs > 0 and all(each.min_occurs for each in _groups(found))
    is_one_of = any(group.model == "choice" for group in _groups(found))
    is_required, is_choice = is_needed and not is_one_of, is_needed and is_one_of
    content: Any = getattr(found.type, "content", None)
    # A signature is kept as it is: its elements have another namespace.
    if found.local_name == SIGNATURE or not hasattr(content, "iter_elements"):
        return Element(found.local_name, is_required, is_choice, found.type.local_name or "")
    children = {each.local_name: _element(each) for each in content.iter_elements() if each.local_name}
    return Element(found.local_name, is_required, is_choice, children=children)


def _groups(found: Any) -> list[Any]:
    """The groups between the element and its type, which may be optional or a choice."""
    groups, parent = [], found.parent
    while parent is not None and hasattr(parent, "model"):
        groups.append(parent)
        parent = parent.parent
    return groups


@cache
def validator(version: str) -> etree.XMLSchema:
    """The compiled schema of this version."""
    return etree.XMLSchema(etree.parse(str(_path(version)), safe_parser()))


def safe_parser() -> etree.XMLParser:
    """A parser without network, entities and documents of hundreds of megabytes; comments stay out of the tree."""
    return etree.XMLParser(**SAFE)


def _path(version: str) -> Path:
    name = f"tissV{version.replace('.', '_')}.xsd"
    return Path(str(files("tiss") / "_data" / "schemas" / version / name))
