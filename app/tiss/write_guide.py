"""Writes one claim as a guide: the guide that it came as, or an empty one, in which only what differs is written.

So a document keeps what no column has, the order of its items, and the way in which its numbers are written.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from lxml import etree

from app.domain.claim_form import ClaimForm, sequences
from app.domain.claims import ClaimType
from app.domain.identifiers import is_cnpj
from app.domain.money import format_money
from app.tiss import read_guide, tree
from app.tiss.fields import Contractor, Field, Items, Path, Sum, Team
from app.tiss.guide_values import GuideValues, Values, of_form, to_form
from app.tiss.guides import OF_TYPE, Guide
from app.tiss.structure import NAMESPACE, NO_CNES, Element, safe_parser
from app.values.frozen import frozen

EXPENSE_KINDS: Final = {"19": "03", "20": "02"}
"""TUSS table -> kind of expense (table 25), where the table decides it: materials, medicines."""
REQUESTER: Final = "encounter.requester"
REQUESTING_PROVIDER: Final = "encounter.requesting_provider"
NAME_MAX: Final = 70
WITH_AUTHORIZATION: Final = frozenset({ClaimType.SP_SADT, ClaimType.ADMISSION_SUMMARY})
_AUTHORIZATION: Final = ("dadosAutorizacao",)
EXPENSE_TABLES: Final = frozenset({"18", "19", "20"})


@frozen
class ProviderIdentity:
    """Who bills: CNES, name, CNPJ or CPF, and the payer's code for the provider, if the contract has one."""

    cnes: str
    name: str
    tax_id: str
    payer_code: str | None = None

    @property
    def code(self) -> str:
        """The code at the payer, or the tax number, by which payers without codes know the provider."""
        return self.payer_code or self.tax_id


@frozen
class OutgoingGuide:
    """A claim with the other data that its document needs; `source` is the guide that it came as, as XML."""

    claim: ClaimForm
    payer_claim_number: str | None
    provider: ProviderIdentity
    source: bytes | None = None

    def values(self, node: Any = None) -> GuideValues:
        """What the guide has to say; `node` is the element in which it is written, if there is one."""
        number = self.payer_claim_number
        # Where the payer's number is a part of the authorization, it needs the day of one.
        has_authorization = self.claim.authorization is not None or _has_authorization(node)
        if self.claim.type in WITH_AUTHORIZATION and not has_authorization:
            number = None
        found = of_form(self.claim, sequences(self.claim.items), number)
        if self.source is None and self.claim.type is ClaimType.SP_SADT:
            return replace(found, values=self._with_requester(found.values))
        return found

    def _with_requester(self, values: Values) -> Values:
        """Services are requested by the practitioner and the provider that bills, unless the claim names others."""
        if not any(name.startswith(f"{REQUESTER}.") for name in values):
            who = {name: value for name, value in values.items() if name.startswith("practitioner.")}
            values |= {f"{REQUESTER}.{name.partition('.')[2]}": value for name, value in who.items()}
        if not any(name.startswith(f"{REQUESTING_PROVIDER}.") for name in values):
            own = {"code": self.provider.code, "name": self.provider.name[:NAME_MAX]}
            values |= {f"{REQUESTING_PROVIDER}.{name}": value for name, value in own.items()}
        return values


def element(outgoing: OutgoingGuide, shapes: dict[str, Element]) -> Any:
    """The guide's element. NotInVersion if the version of TISS has no place for a value."""
    guide = OF_TYPE[outgoing.claim.type]
    shape = shapes[guide.element]
    node = _start(outgoing, guide)
    tree.prune(node, shape)
    before = _before(node, guide)
    now = outgoing.values(node)
    _write(node, guide.fields, shape, before.values, now.values)
    if "authorization.number" in before.values and outgoing.claim.authorization is None:
        # What else is in it, such as a code of validation, the schema allows beside an authorization only.
        tree.remove(node, _AUTHORIZATION)
    _write_contractor(node, guide.contractor, shape, outgoing.provider)
    _write_diagnoses(node, guide, shape, before.diagnoses, now.diagnoses)
    _write_items(node, guide, shape, before, now)
    return node


def left_out(outgoing: OutgoingGuide, shapes: dict[str, Element]) -> list[str]:
    """The elements of the guide that the claim came as for which the version of TISS has no place."""
    guide = OF_TYPE[outgoing.claim.type]
    return tree.prune(_start(outgoing, guide), shapes[guide.element])


def _has_authorization(node: Any) -> bool:
    """Whether the guide has the days of an authorization without a number, of which the claim has nothing."""
    found = None if node is None else tree.find(node, _AUTHORIZATION)
    return found is not None and tree.text(found, ("senha",)) is None


def _start(outgoing: OutgoingGuide, guide: Guide) -> Any:
    if outgoing.source is not None:
        found = etree.fromstring(outgoing.source, safe_parser())
        # A draft may have become a claim of another type: then nothing of the old guide is right.
        if tree.name_of(found) == guide.element:
            return found
    return etree.Element(f"{{{NAMESPACE}}}{guide.element}", nsmap={"ans": NAMESPACE})


def _before(node: Any, guide: Guide) -> GuideValues:
    """What a claim says that comes of this guide: what a form has no place for is no difference."""
    if not len(node):
        return GuideValues({}, [])
    read = read_guide.values_of(node, guide)
    form = to_form(read, provider="", type=guide.type)
    return of_form(form, sequences(form.items), read.values.get("payer_claim_number"))


def _write(node: Any, fields: Iterable[Field], shape: Element, before: Values, now: Values) -> None:
    for field in fields:
        value = now.get(field.name)
        if value == before.get(field.name):
            continue
        if value is None:
            tree.remove(node, field.path)
        else:
            tree.put(node, field.path, shape, field.codec.write(value))


def _write_contractor(node: Any, contractor: Contractor, shape: Element, provider: ProviderIdentity) -> None:
    if tree.text(node, contractor.cnes) not in (provider.cnes, NO_CNES):
        tree.put(node, contractor.cnes, shape, provider.cnes)
    elsewhere = [each for each in (contractor.code, contractor.cnpj, contractor.cpf) if each is not None]
    if any(tree.text(node, each) for each in elsewhere):
        return
    path, value = _identity(contractor, provider)
    tree.put(node, path, shape, value)


def _identity(contractor: Contractor, provider: ProviderIdentity) -> tuple[Path, str]:
    if provider.payer_code is None and contractor.cnpj is not None and contractor.cpf is not None:
        return (contractor.cnpj if is_cnpj(provider.tax_id) else contractor.cpf), provider.tax_id
    return contractor.code, provider.code


def _write_diagnoses(node: Any, guide: Guide, shape: Element, before: tuple[str, ...], now: tuple[str, ...]) -> None:
    if not guide.diagnoses or before == now:
        return
    for old in tree.find_all(node, guide.diagnoses):
        old.getparent().remove(old)
    parent = _made(node, guide.diagnoses[:-1], shape)
    inside = tree.shape_at(shape, guide.diagnoses[:-1])
    for code in now:
        # The standard writes K35.8 as K358.
        tree.add(parent, guide.diagnoses[-1], inside).text = code.replace(".", "")


def _write_items(node: Any, guide: Guide, shape: Element, before: GuideValues, now: GuideValues) -> None:
    earlier = before.by_position
    elements = ((kind, found) for kind in guide.items for found in read_guide.elements_of(node, kind))
    # The one item of a new consultation is in an element that its other fields have made.
    known = dict(zip(earlier or (1,), elements, strict=False))
    kept: set[int] = set()
    for item in now.items:
        position = item["position"]
        kind, found = known.get(position, (kind_of(item, guide), None))
        if "details.expense_kind" in item and not kind.is_expense:
            kind, found = kind_of(item, guide), None
        if found is not None and (kind.is_only or _is_same(item, earlier.get(position, {}))):
            kept.add(position)
        else:
            found = _new_item(node, kind, shape)
        # A new consultation has its element by its other fields, before the item is written.
        old = earlier.get(position, kind.constants) if position in kept else kind.constants
        _write_item(found, kind, tree.shape_at(shape, kind.path), old, item)
    for position, (_, found) in known.items():
        if position not in kept:
            found.getparent().remove(found)
    _write_sums(node, guide, shape, before.items, now.items)


def kind_of(item: Values, guide: Guide) -> Items:
    """Procedures and expenses have elements of their own; a guide without one of them puts all into the other."""
    is_expense = "details.expense_kind" in item or item["code_system"] in EXPENSE_TABLES
    return next((each for each in guide.items if each.is_expense == is_expense), guide.items[0])


def _is_same(now: Values, before: Values) -> bool:
    """Whether it is the same service: another one under the number has nothing of what the guide says of the first."""
    return all(now.get(name) == before.get(name) for name in ("code_system", "code"))


def with_kind(item: Values) -> Values:
    """The item with the kind of expense that its table decides."""
    if "details.expense_kind" in item or item["code_system"] not in EXPENSE_KINDS:
        return item
    return item | {"details.expense_kind": EXPENSE_KINDS[item["code_system"]]}


def _new_item(node: Any, kind: Items, shape: Element) -> Any:
    parent = _made(node, kind.path[:-1], shape)
    return tree.add(parent, kind.path[-1], tree.shape_at(shape, kind.path[:-1]))


def _made(node: Any, path: Path, shape: Element) -> Any:
    """The element at this path, added if it is missing."""
    for name in path:
        found = tree.child(node, name)
        node, shape = tree.add(node, name, shape) if found is None else found, shape.children[name]
    return node


def _write_item(node: Any, kind: Items, shape: Element, before: Values, now: Values) -> None:
    if kind.is_expense:
        now = with_kind(now)
    # The description is the term of the code where the guide has none.
    if "description" not in before and before.keys() > kind.constants.keys():
        now = now | {"description": None}
    _write(node, kind.fields, shape, before, now)
    if kind.team is not None and before.get("team") != now.get("team"):
        _write_team(node, kind.team, shape, now.get("team", []))


def _write_team(node: Any, team: Team, shape: Element, members: list[Values]) -> None:
    for old in tree.find_all(node, team.path):
        old.getparent().remove(old)
    for member in members:
        made = tree.add(node, team.path[-1], shape)
        _write(made, team.fields, tree.shape_at(shape, team.path), {}, member)


def _write_sums(node: Any, guide: Guide, shape: Element, before: list[Values], now: list[Values]) -> None:
    for each in guide.sums:
        total = sum_of(now, each)
        if total != sum_of(before, each):
            _write_sum(node, each, shape, total or None)
    if guide.total is not None and sum_of(before, guide.total) != (total := sum_of(now, guide.total)):
        _write_sum(node, guide.total, shape, total)


def _write_sum(node: Any, each: Sum, shape: Element, cents: int | None) -> None:
    if cents is None:
        tree.remove(node, each.path)
    else:
        tree.put(node, each.path, shape, format_money(cents))


def sum_of(items: list[Values], each: Sum) -> int:
    """What these items add up to in this sum, in cents."""
    return sum(item["total"] for item in items if each.kinds is None or _expense_kind(item) in each.kinds)


def _expense_kind(item: Values) -> str | None:
    known: str | None = item.get("details.expense_kind")
    return known or EXPENSE_KINDS.get(item["code_system"])
