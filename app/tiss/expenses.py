"""Expenses (outras despesas) of SP/SADT guides: daily rates, materials and medicines, which `tiss` does not write."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, cast

from lxml import etree

from app.domain.money import format_factor, format_money, format_quantity
from app.tiss.write_guide import EXPENSE_TABLES, NumberedItem

NAMESPACE: Final = "http://www.ans.gov.br/padroes/tiss/schemas"
KINDS: Final = {"18": "05", "19": "03", "20": "02"}
"""TUSS table -> kind of expense (table 25): daily rates and fees, materials, medicines."""
UNIT: Final = "036"
FOLLOWERS: Final = frozenset({"observacao", "valorTotal"})
"""The elements that the schema allows after the expenses: these go before the first of them."""


def with_expenses(xml: bytes, items_of_guides: Sequence[Sequence[NumberedItem]]) -> bytes:
    """The document with the expenses of its guides (in document order) inserted, and a new hash."""
    expenses = [[item for item in items if item.item.code_system in EXPENSE_TABLES] for items in items_of_guides]
    if not any(expenses):
        return xml
    root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
    guides = list(root.iter(f"{{{NAMESPACE}}}guiaSP-SADT"))
    for guide, items in zip(guides, expenses, strict=True):
        if items:
            _insert(guide, items)
    root[-1][0].text = _hash(root[:-1])
    return cast("bytes", etree.tostring(root, encoding="ISO-8859-1", xml_declaration=True))


def _hash(parts: Sequence[Any]) -> str:
    """The hash of the epilogue, over the texts of all other parts. `tiss` looks for the epilogue above each element,
    which takes four times as long; its validator compares the result."""
    texts = (node.text or "" for part in parts for node in part.iter(etree.Element) if len(node) == 0)
    # The standard says which hash; it guards against mistakes, not against people.
    return hashlib.md5("".join(texts).encode("iso-8859-1"), usedforsecurity=False).hexdigest()


def _insert(guide: Any, items: Sequence[NumberedItem]) -> None:
    position = next(index for index, node in enumerate(guide) if etree.QName(node).localname in FOLLOWERS)
    container = etree.Element(f"{{{NAMESPACE}}}outrasDespesas")
    guide.insert(position, container)
    for item in items:
        expense = _child(container, "despesa")
        _child(expense, "sequencialItem", str(item.sequence))
        _child(expense, "codigoDespesa", KINDS[item.item.code_system])
        service = _child(expense, "servicosExecutados")
        for name, text in _service(item).items():
            _child(service, name, text)


def _child(parent: Any, name: str, text: str | None = None) -> Any:
    node = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    node.text = text
    return node


def _service(item: NumberedItem) -> dict[str, str]:
    return {
        "dataExecucao": item.performed_on.isoformat(),
        "codigoTabela": item.item.code_system,
        "codigoProcedimento": item.item.code,
        "quantidadeExecutada": format_quantity(item.item.quantity),
        "unidadeMedida": UNIT,
        "reducaoAcrescimo": format_factor(item.item.factor),
        "valorUnitario": format_money(item.item.unit_price),
        "valorTotal": format_money(item.item.total),
        "descricaoProcedimento": item.description,
    }
