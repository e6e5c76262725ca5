"""Elements of TISS messages by name: the namespace and its prefix are the sender's, and do not matter."""

from collections.abc import Iterator
from typing import Any

from lxml import etree

from app.tiss.fields import Path
from app.tiss.structure import NAMESPACE, Element


class NotInVersion(ValueError):
    """The version of TISS has no such element."""


def name_of(node: Any) -> str:
    """The element's name without its namespace."""
    tag: str = node.tag
    return tag.rpartition("}")[2]


def child(node: Any, name: str) -> Any:
    """The first child of this name, or None."""
    return next((each for each in node if name_of(each) == name), None)


def descendant(node: Any, name: str) -> Any:
    """The first element of this name at any depth, the node itself too, or None."""
    return next((each for each in node.iter(etree.Element) if name_of(each) == name), None)


def find(node: Any, path: Path) -> Any:
    """The first element at this path, or None."""
    for name in path:
        node = child(node, name)
        if node is None:
            return None
    return node


def find_all(node: Any, path: Path) -> list[Any]:
    """All elements of the last name of the path, below the first of each other name."""
    parent = find(node, path[:-1])
    return [] if parent is None else [each for each in parent if name_of(each) == path[-1]]


def text(node: Any, path: Path) -> str | None:
    """The text of the element at this path; None if there is none or it is empty."""
    found = find(node, path)
    return None if found is None else (found.text or "").strip() or None


def leaves(node: Any) -> Iterator[tuple[str, str]]:
    """Path and text of every element without children, in the order of the document."""
    for each in node.iter(etree.Element):
        if len(each) == 0:
            yield "/".join(_ancestors(each, node)), (each.text or "").strip()


def _ancestors(leaf: Any, top: Any) -> list[str]:
    names: list[str] = []
    while leaf is not top:
        names.append(name_of(leaf))
        leaf = leaf.getparent()
    return names[::-1]


def put(node: Any, path: Path, shape: Element, value: str) -> None:
    """Write the text of the element at this path; elements that are missing are added where the schema has them."""
    for name in path:
        found = child(node, name)
        if name not in shape.children:
            raise NotInVersion(name)
        node, shape = add(node, name, shape) if found is None else found, shape.children[name]
    node.text = value


def add(node: Any, name: str, shape: Element) -> Any:
    """A new child of this name, after its siblings of the same name and in the order of the schema."""
    if name not in shape.children:
        raise NotInVersion(name)
    order = {each: number for number, each in enumerate(shape.children)}
    later = (place for place, each in enumerate(node) if order.get(name_of(each), -1) > order[name])
    made = etree.Element(etree.QName(etree.QName(node).namespace or NAMESPACE, name))
    node.insert(next(later, len(node)), made)
    return made


def remove(node: Any, path: Path) -> None:
    """Remove the element at this path, and those above it that have nothing else."""
    found = find(node, path)
    while found is not None and found is not node:
        parent = found.getparent()
        parent.remove(found)
        found = None if len(parent) else parent


def drop_empty(node: Any) -> None:
    """Remove the elements inside that have neither texts nor elements."""
    for each in list(node):
        drop_empty(each)
        if not len(each) and not (each.text or "").strip():
            node.remove(each)


def prune(node: Any, shape: Element) -> list[str]:
    """Remove the elements that the schema does not know; their names."""
    found: list[str] = []
    for each in list(node):
        known = shape.children.get(name_of(each))
        if known is None:
            node.remove(each)
            found.append(name_of(each))
        elif known.children:
            found += prune(each, known)
    return found


def shape_at(shape: Element, path: Path) -> Element:
    """What the schema says of the element at this path."""
    for name in path:
        if name not in shape.children:
            raise NotInVersion(name)
        shape = shape.children[name]
    return shape
