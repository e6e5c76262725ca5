"""The values of a guide between its document and the claim's form: a flat dictionary by the names of the fields."""

from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from app.domain.claim_form import Authorization, ClaimForm, ItemForm, unique_numbers
from app.domain.encounter import Admission, Encounter, Facility, Practitioner
from app.domain.money import FACTOR_ONE, QUANTITY_ONE, Cents
from app.domain.services import NO_DETAILS, ServiceDetails, TeamMember
from app.values.frozen import frozen

Values = dict[str, Any]
"""Name of a field in app/tiss/guides.py -> its value; what the guide does not say is missing."""

# The parts of a claim that are made of several values, the innermost first.
_PARTS: Final[dict[str, type[Any]]] = {
    "encounter.requester": Practitioner,
    "encounter.requesting_provider": Facility,
    "encounter.location": Facility,
    "encounter.admission": Admission,
    "encounter": Encounter,
    "practitioner": Practitioner,
    "authorization": Authorization,
}
_NOT_IN_A_FORM: Final = ("payer_claim_number",)


@frozen
class GuideValues:
    """What a guide says: its own values, its diagnoses, and the values of each item (`team` is a list of values)."""

    values: Values
    items: list[Values]
    diagnoses: tuple[str, ...] = ()

    @property
    def by_position(self) -> dict[int, Values]:
        """The items by their numbers within the claim, which differ; those of the document need not."""
        return {item["position"]: item for item in self.items}


def of_form(form: ClaimForm, sequences: list[int], payer_claim_number: str | None) -> GuideValues:
    """The values of a claim; an item is performed on the service date unless it says otherwise."""
    own = {"payer": form.payer, "provider_claim_number": form.provider_claim_number, "card_number": form.card_number}
    values = own | {"clinical_indication": form.clinical_indication, "payer_claim_number": payer_claim_number}
    for name in ("encounter", "practitioner", "authorization"):
        values |= _flat(getattr(form, name), name)
    items = [
        _of_item(item, number) | {"performed_on": item.performed_on or form.service_date}
        for item, number in zip(form.items, sequences, strict=True)
    ]
    return GuideValues(_said(values) | {"encounter.newborn": _is_newborn(form)}, items, form.diagnosis_codes)


def _is_newborn(form: ClaimForm) -> bool:
    return form.encounter is not None and form.encounter.newborn


def _of_item(item: ItemForm, number: int) -> Values:
    details = item.details or NO_DETAILS
    found = _flat(details, "details")
    found.pop("details.team")
    values = {name: getattr(item, name) for name in ("code_system", "code", "description", "quantity", "factor")}
    own = number if item.document_sequence is None else item.document_sequence
    values |= {"unit_price": item.unit_price, "total": item.total, "sequence": own, "position": number}
    team = [_said(_flat(member, "")) for member in details.team]
    return _said(values | found) | ({"team": team} if team else {})


def _flat(part: Any, prefix: str) -> Values:
    if part is None:
        return {}
    found: Values = {}
    for field in fields(part):
        name = f"{prefix}.{field.name}" if prefix else field.name
        value = getattr(part, field.name)
        found |= _flat(value, name) if is_dataclass(value) else {name: value}
    return found


def _said(values: Values) -> Values:
    return {name: value for name, value in values.items() if value is not None}


def to_form(read: GuideValues, *, provider: str, **own: Any) -> ClaimForm:
    """The claim of these values; `own` is what the document says in other ways, such as the total."""
    values = dict(read.values)
    for name in _NOT_IN_A_FORM:
        values.pop(name, None)
    for prefix, kind in _PARTS.items():
        values = _gathered(values, prefix, kind)
    numbers = unique_numbers([each["sequence"] for each in read.items])
    items = tuple(_item(each, number) for each, number in zip(read.items, numbers, strict=True))
    return ClaimForm(
        provider=provider,
        items=items,
        service_date=min(item.performed_on for item in items if item.performed_on),
        diagnosis_codes=read.diagnoses,
        **{"encounter": Encounter(), **values},
        **own,
    )


def _gathered(values: Values, prefix: str, kind: type[Any]) -> Values:
    """The values with those below `prefix` as one value of this class."""
    start = f"{prefix}."
    inside = {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}
    rest = {name: value for name, value in values.items() if not name.startswith(start)}
    # An authorization has a number: days without one are left to the document.
    if not inside or (kind is Authorization and "number" not in inside):
        return rest
    return rest | {prefix: kind(**inside)}


def _item(values: Values, number: int) -> ItemForm:
    found = _gathered(values, "details", ServiceDetails)
    team = tuple(TeamMember(**_gathered(each, "practitioner", Practitioner)) for each in found.pop("team", ()))
    details = replace(found.pop("details", NO_DETAILS), team=team)
    total = found.pop("total")
    found.setdefault("description", None)
    own = found.pop("sequence")
    found |= {"sequence": number, "document_sequence": None if own == number else own}
    return ItemForm(**found, details=None if details == NO_DETAILS else details, stated_total=total)


def priced(values: Values) -> Values:
    """The item with a unit price, where the guide has only the total of so many units.

    A total that cannot be divided into cents is the price of one unit; the document keeps the number of units.
    """
    if "unit_price" in values:
        return values
    unit, rest = divmod(values["total"] * QUANTITY_ONE, values["quantity"]) if values["quantity"] else (0, 1)
    if rest or values["factor"] != FACTOR_ONE:
        return values | {"unit_price": values["total"], "quantity": QUANTITY_ONE}
    return values | {"unit_price": Cents(unit)}
