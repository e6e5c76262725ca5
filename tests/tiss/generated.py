"""Random TISS batch documents that are valid by the official schema: every optional part comes and goes."""

import base64
import random
import string
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Final

import xmlschema
from lxml import etree

from app.domain.money import format_money, item_total, parse_factor, parse_money, parse_quantity
from app.tiss import message, tree
from app.tiss.guides import GUIDES, Guide
from app.tiss.structure import NAMESPACE

PROVIDER: Final = "2077485"
PAYER: Final = "326305"
FIRST_DAY: Final = date(2026, 9, 1)
LETTERS: Final = string.ascii_letters + string.digits + " ãçéíõúÁÊÇ-/.&<'\""
REPEATED_MAX: Final = 3
ITEM_PRICES: Final = ("quantidadeExecutada", "reducaoAcrescimo", "valorUnitario", "valorTotal")


class Documents:
    """Makes documents of one version from one seed."""

    def __init__(self, seed: int, version: str = "4.03.00") -> None:
        self.random = random.Random(seed)
        self.version = version

    def batch(self, element: str, count: int = 1, card: str = "12345") -> bytes:
        """A batch of so many guides of this element, with the right hash."""
        root = etree.Element(f"{{{NAMESPACE}}}mensagemTISS", nsmap={"ans": NAMESPACE})
        header = _child(root, "cabecalho")
        _texts(
            _child(header, "identificacaoTransacao"),
            tipoTransacao="ENVIO_LOTE_GUIAS",
            sequencialTransacao="1",
            dataRegistroTransacao="2026-10-01",
            horaRegistroTransacao="10:00:00",
        )
        _texts(_child(_child(header, "origem"), "identificacaoPrestador"), codigoPrestadorNaOperadora="CRED-1")
        _texts(_child(header, "destino"), registroANS=PAYER)
        _texts(header, Padrao=self.version)
        batch = _child(_child(root, "prestadorParaOperadora"), "loteGuias")
        _texts(batch, numeroLote=str(self.random.randint(1, 999_999)))
        guides = _child(batch, "guiasTISS")
        for number in range(count):
            guides.append(self.guide(element, f"G{number}-{self.random.randint(1, 10**9)}", card))
        _texts(_child(root, "epilogo"), hash="0" * 32)
        tree.find(root, ("epilogo", "hash")).text = message.hash_of(root)
        written: bytes = etree.tostring(root, encoding="ISO-8859-1", xml_declaration=True)
        return written

    def guide(self, element: str, number: str, card: str) -> Any:
        """One guide that the rules of claims accept too: sums that add up, numbers that differ, a known provider."""
        guide = GUIDES[element]
        node = etree.Element(f"{{{NAMESPACE}}}{element}", nsmap={"ans": NAMESPACE})
        self._fill(node, _guide(element, self.version))
        self._make_consistent(node, guide)
        for path, value in (("registroANS", PAYER), ("numeroGuiaPrestador", number), ("numeroCarteira", card)):
            next(each for each in node.iter() if tree.name_of(each) == path).text = value
        tree.find(node, guide.contractor.cnes).text = PROVIDER
        return node

    def _fill(self, node: Any, shape: Any) -> None:
        content = getattr(shape.type, "content", None)
        if not hasattr(content, "iter_elements"):
            node.text = self._value(shape)
            return
        self._group(node, content)

    def _group(self, node: Any, group: Any) -> None:
        for _ in range(self._times(group)):
            particles = [self.random.choice(list(group))] if group.model == "choice" else list(group)
            for particle in particles:
                if isinstance(particle, xmlschema.validators.XsdGroup):
                    self._group(node, particle)
                elif particle.local_name and not particle.local_name.startswith("assinatura"):
                    for _ in range(self._times(particle)):
                        self._fill(_child(node, particle.local_name), particle)

    def _times(self, particle: Any) -> int:
        least, most = particle.occurs
        return self.random.randint(least, REPEATED_MAX if most is None else min(most, max(least, REPEATED_MAX)))

    def _value(self, shape: Any) -> str:
        kind = shape.type
        if kind.enumeration:
            return str(self.random.choice(kind.enumeration))
        made = _MAKERS.get(kind.root_type.local_name, Documents._text)
        return made(self, shape)

    def _text(self, shape: Any) -> str:
        known = _TEXTS.get(shape.type.local_name)
        if known is not None:
            return str(known(self.random))
        length = self.random.randint(max(shape.type.min_length or 1, 1), min(shape.type.max_length or 20, 40))
        return "".join(self.random.choice(LETTERS) for _ in range(length)).strip() or "x"

    def _decimal(self, shape: Any) -> str:
        digits = min(_facet(shape, "totalDigits") or 5, 5)
        fraction = _facet(shape, "fractionDigits") or 0
        whole = self.random.randint(1, 10 ** max(digits - fraction, 1) - 1)
        return f"{whole}.{self.random.randint(0, 10**fraction - 1):0{fraction}d}" if fraction else str(whole)

    def _integer(self, shape: Any) -> str:
        return str(self.random.randint(1, 10 ** min(_facet(shape, "totalDigits") or 3, 3) - 1))

    def _day(self, _shape: Any) -> str:
        return (FIRST_DAY + timedelta(days=self.random.randint(0, 29))).isoformat()

    def _time(self, _shape: Any) -> str:
        return f"{self.random.randint(0, 23):02d}:{self.random.randint(0, 59):02d}:{self.random.randint(0, 59):02d}"

    def _boolean(self, _shape: Any) -> str:
        return self.random.choice(("true", "false"))

    def _bytes(self, _shape: Any) -> str:
        return base64.b64encode(self.random.randbytes(12)).decode()

    def _make_consistent(self, node: Any, guide: Guide) -> None:
        while not any(tree.find_all(node, kind.path) for kind in guide.items):
            kind = self.random.choice(guide.items)
            self._refill(node, kind.path[0], guide.element)
        numbers = self._numbers()
        total = 0
        for kind in guide.items:
            for item in tree.find_all(node, kind.path):
                if (sequence := tree.child(item, "sequencialItem")) is not None:
                    sequence.text = str(numbers.pop())
                total += _with_total(item)
                self._with_billable_code(item)
        if guide.total is not None:
            tree.find(node, guide.total.path).text = format_money(total)

    def _numbers(self) -> list[int]:
        """Numbers of items: the schema allows any order and gaps, and repeated ones, zero and less too."""
        if self.random.random() < 0.5:
            return self.random.sample(range(1, 9999), 100)
        return [self.random.choice((-12, 0, 1, 2, 3, 4, 9999)) for _ in range(100)]

    def _refill(self, node: Any, name: str, element: str) -> None:
        """Add the optional part with the items, where the schema has it."""
        shape = _guide(element, self.version)
        order = [each.local_name for each in shape.type.content.iter_elements()]
        found = next(each for each in shape.type.content.iter_elements() if each.local_name == name)
        if tree.child(node, name) is None:
            made = etree.Element(f"{{{NAMESPACE}}}{name}")
            later = (place for place, each in enumerate(node) if order.index(tree.name_of(each)) > order.index(name))
            node.insert(next(later, len(node)), made)
            self._fill(made, found)

    def _with_billable_code(self, item: Any) -> None:
        """A code of a table that claims may use: in a document it need not be known."""
        for each in item.iter():
            if tree.name_of(each) == "codigoTabela":
                each.text = self.random.choice(("00", "18", "19", "20", "22", "90", "98"))
            elif tree.name_of(each) == "codigoProcedimento":
                each.text = str(self.random.randint(10_000_000, 99_999_999))


def _with_total(item: Any) -> int:
    """Give the item the total of its price, quantity and factor; its cents."""
    found = {tree.name_of(each): each for each in item.iter()}
    if "valorProc" in found:
        return parse_money(found["valorProc"].text)
    if "valorProcedimento" in found:
        return parse_money(found["valorProcedimento"].text)
    quantity, factor, unit, total = (found[name] for name in ITEM_PRICES)
    cents = item_total(parse_money(unit.text), parse_quantity(quantity.text), parse_factor(factor.text))
    total.text = format_money(cents)
    return cents


@cache
def _guide(element: str, version: str) -> Any:
    name = f"tissV{version.replace('.', '_')}.xsd"
    found: Any = xmlschema.XMLSchema(str(files("tiss") / "_data" / "schemas" / version / name)).elements["mensagemTISS"]
    for each in ("prestadorParaOperadora", "loteGuias", "guiasTISS", element):
        found = next(child for child in found.type.content.iter_elements() if child.local_name == each)
    return found


def _facet(shape: Any, name: str) -> int | None:
    found = shape.type.facets.get(f"{{http://www.w3.org/2001/XMLSchema}}{name}")
    return None if found is None else int(found.value)


def _child(parent: Any, name: str) -> Any:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")


def _texts(parent: Any, **texts: str) -> None:
    for name, text in texts.items():
        _child(parent, name).text = text


def _digits(length: int) -> Any:
    return lambda chosen: "".join(chosen.choice(string.digits) for _ in range(length))


_TEXTS: Final = {
    "st_registroANS": _digits(6),
    "dm_declaracaoNascidoObito": _digits(11),
    "st_CPF": lambda _chosen: "52998224725",
    "st_CNPJ": lambda _chosen: "11222333000181",
    "st_texto7": _digits(7),
    # Numbers and codes are ASCII.
    **{f"st_texto{length}": _digits(min(length, 8)) for length in (1, 2, 3, 4, 5, 10, 14, 15, 20)},
}
_MAKERS: Final = {
    "decimal": Documents._decimal,
    "integer": Documents._integer,
    "date": Documents._day,
    "time": Documents._time,
    "boolean": Documents._boolean,
    "base64Binary": Documents._bytes,
}
