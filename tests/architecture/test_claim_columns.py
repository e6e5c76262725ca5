"""A claim's row and the form that it came from agree: what a form says is stored, and what is stored makes the form."""

from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.db.claims import ClaimRecord
from app.db.contracts import ContractRecord
from app.db.parties import CoverageRecord, PayerRecord
from app.db.tuss import TussRecord
from app.domain import claim_form
from app.domain.claim_form import Authorization, ClaimForm, ItemForm
from app.domain.claims import ClaimStatus
from app.domain.encounter import Encounter, Practitioner
from app.domain.money import Cents, Factor, Quantity
from app.schema.claim_inputs import ClaimChangesInput, ClaimInput
from app.services import claim_checks
from app.services.claim_checks import Checked

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)

GATEWAY_COLUMNS = {
    "id": "made by the gateway",
    "status": "follows from the transition table",
    "provider_cnes": "the form's provider, but set once: the number of a claim is unique for its provider and payer",
    "payer_ans": "the form's payer, but set once: see provider_cnes",
    "payer_claim_number": "given by the payer with its decision",
    "processed_cents": "follows from the payer's decision",
    "approved_cents": "follows from the payer's decision",
    "denied_cents": "follows from the payer's decision",
    "patient_cents": "follows from the payer's decision",
    "replaces_id": "set by replaceClaim",
    "warnings": "found by the checks when the claim is submitted",
    "freed_id": "set when a claim that the payer never had is cancelled",
    "version": "counts the changes",
    "created_by": "the caller",
    "created_at": "the clock",
    "submitted_at": "the clock",
    "decided_at": "the clock",
}
"""Columns of a claim that changing its form leaves as they are, each with its reason."""


INPUT_FIELDS = {
    "id": "names the claim",
    "claimed_amount": "the form's claimed_total",
    "submit": "an argument of the service",
    "version": "an argument of the service",
    "idempotency_key": "an argument of the unit of work",
}
"""Fields of an input that are no fields of the form, each with its reason; all others go into the form by name."""


def _filled(kind: type[Any], **chosen: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with a generated value in every field, those with a default and those added later included."""
    generated: dict[str, Any] = dict.fromkeys((field.name for field in fields(kind)), ...)
    return st.builds(kind, **{**generated, **chosen})


# So few that an item is often performed on the service date.
DATES = st.dates(date(2026, 1, 1), date(2026, 1, 3))
CODES = st.sampled_from(("10101012", "90000544"))
ITEMS = _filled(
    ItemForm,
    code_system=st.sampled_from(("20", "22")),
    code=CODES,
    quantity=st.integers(1, 10_0000).map(Quantity),
    unit_price=st.integers(1, 1_000_00).map(Cents),
    factor=st.integers(1, 999).map(Factor),
    description=st.none() | st.text(min_size=1),
    performed_on=st.none() | DATES,
    sequence=st.none() | st.integers(1, 4),
)
PRACTITIONERS = _filled(Practitioner)
FORMS = _filled(
    ClaimForm,
    service_date=DATES,
    items=st.lists(ITEMS, min_size=1, max_size=3, unique_by=lambda item: item.sequence or id(item)).map(tuple),
    practitioner=PRACTITIONERS,
    authorization=st.none() | _filled(Authorization),
    encounter=st.none() | _filled(Encounter, requester=st.none() | PRACTITIONERS),
)


PATIENT = "pat_00000000000000000000000001"


def _checked(form: ClaimForm) -> Checked:
    """What the checks would have looked up: one code has a TUSS term, the other has none."""
    coverage: dict[str, Any] = {
        **dict.fromkeys(field.name for field in fields(CoverageRecord)),
        "patient_id": PATIENT,
        "payer_ans": form.payer,
        "card_number": form.card_number,
    }
    payer = PayerRecord(form.payer, "Operadora", 180, 30, 30, is_answering=True, version=1, deactivated_at=None)
    term = TussRecord("22", "10101012", "Consulta em consultório", None, None)
    contract: ContractRecord | None = None
    return Checked(payer, CoverageRecord(**coverage), contract, {("22", "10101012"): term})


def _record(form: ClaimForm, checked: Checked) -> ClaimRecord:
    return ClaimRecord(
        id="clm_00000000000000000000000001",
        status=ClaimStatus.DRAFT,
        provider_cnes=form.provider,
        payer_ans=form.payer,
        payer_claim_number=None,
        processed_cents=None,
        approved_cents=None,
        denied_cents=None,
        patient_cents=None,
        replaces_id=None,
        warnings=None,
        freed_id="",
        version=1,
        created_by="biller",
        created_at=NOW,
        submitted_at=None,
        decided_at=None,
        **claim_checks.columns_of(form, PATIENT),
    )


def _expected(form: ClaimForm, item: ItemForm, sequence: int) -> ItemForm:
    """An item without a description gets its term or code; one on the service date follows that date; each has a
    number; and a stated total that is the computed one is not stated."""
    has_term = (item.code_system, item.code) == ("22", "10101012")
    return replace(
        item,
        description=item.description or ("Consulta em consultório" if has_term else item.code),
        performed_on=None if item.performed_on == form.service_date else item.performed_on,
        sequence=sequence,
        stated_total=None if item.stated_total == item.computed_total else item.stated_total,
    )


@pytest.mark.parametrize("kind", [ClaimInput, ClaimChangesInput])
def test_every_field_of_an_input_is_the_forms_or_the_inputs_own(kind: type[Any]) -> None:
    of_form = {field.name for field in fields(ClaimForm)}
    assert {field.name for field in fields(kind)} - of_form <= set(INPUT_FIELDS)


@settings(deadline=None, derandomize=True, max_examples=1)
@given(form=FORMS)
def test_every_column_of_a_claim_is_the_forms_or_the_gateways_own(form: ClaimForm) -> None:
    columns = {field.name for field in fields(ClaimRecord)}
    decided = set(claim_checks.columns_of(form, PATIENT))
    assert columns - decided == set(GATEWAY_COLUMNS)
    assert decided <= columns


@settings(deadline=None, derandomize=True)
@given(form=FORMS)
def test_a_stored_claim_makes_the_form_that_it_came_from(form: ClaimForm) -> None:
    checked = _checked(form)
    claim = _record(form, checked)
    items = claim_checks.item_records(claim.id, form, checked)
    numbers = claim_form.sequences(form.items)
    expected = [_expected(form, item, number) for item, number in zip(form.items, numbers, strict=True)]
    assert len(set(numbers)) == len(numbers)
    assert claim_checks.form_of(claim, items) == replace(form, claimed_total=None, items=tuple(expected))
