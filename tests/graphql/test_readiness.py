"""A submitted claim is ready to be sent: what its document needs and nobody said is refused before, at its field."""

from typing import Any

import pytest

from tests.factories import BLOOD_COUNT, CONSULTATION, DOCTOR, ENCOUNTER, World, key
from tests.guides import DENTAL, FEES, MEDICINE, SUMMARY
from tests.preflights import findings_on, preflight, preflight_of, save_contract

NEEDED = "the payer's document needs it"


async def _submitted(world: World, **changes: Any) -> list[tuple[str, str]]:
    """Message and place of everything that refuses the claim."""
    payload = await world.create_claim(submit=True, **changes)
    assert (payload["claim"] is None) == bool(payload["errors"])
    return [(each["message"], _place(each)) for each in payload["errors"]]


def _place(error: Any) -> str:
    """The place within the claim."""
    return ".".join(error["field"]).removeprefix("claim.")


def _needed(*places: str) -> list[tuple[str, str]]:
    return [(NEEDED, place) for place in places]


async def test_a_draft_may_lack_what_its_submission_needs(world: World) -> None:
    places = [f"encounter.{name}" for name in ("priority", "type", "accident", "setting")]
    assert await _submitted(world, encounter=None) == _needed(*places)
    draft = (await world.create_claim(encounter=None))["claim"]["id"]
    expected = [("ERROR", "INVALID_INPUT", place, "5001", "100.00") for place in places]
    report = await preflight_of(world, draft)
    assert (report["passes"], [each["message"] for each in report["findings"]]) == (False, [NEEDED] * 4)
    assert await findings_on(world, encounter=None) == expected

    fields = "results { object { status } errors { code field } }"
    (refused,) = (await world.mutate("biller", "submitClaims", fields, claimIds=[draft]))["results"]
    assert [".".join(each["field"]) for each in refused["errors"]] == places
    assert (await world.claim(draft))["status"] == "DRAFT"
    changed = await world.mutate("biller", "updateDraftClaim", "claim { id }", id=draft, encounter=ENCOUNTER)
    assert changed["errors"] == []
    assert (await preflight_of(world, draft))["passes"] is True
    (done,) = (await world.mutate("biller", "submitClaims", fields, claimIds=[draft]))["results"]
    assert (done["object"], done["errors"]) == ({"status": "SUBMITTED"}, [])


async def test_what_the_document_has_one_place_for_is_said_once(world: World) -> None:
    member = {"role": "00", "cpf": "52998224725", "code": "P1", "practitioner": DOCTOR}
    place = "the payer's document has no place for it beside"
    items = [{**CONSULTATION, "details": {"team": [member]}}]
    expected = [(f"{place} code", "items.0.details.team.0.cpf")]
    assert await _submitted(world, **{**FEES, "items": items}) == expected
    items = [{**CONSULTATION, "details": {"isAuthorized": True, "tooth": "11", "mouthRegion": "AI"}}]
    expected = [(f"{place} tooth", "items.0.details.mouthRegion")]
    assert await _submitted(world, **{**DENTAL, "items": items}) == expected


async def test_a_diagnosis_is_written_without_its_dot(world: World) -> None:
    made = await world.create_claim(submit=True, **SUMMARY, diagnosisCodes=["K80.2", "A09"])
    assert made["errors"] == []
    exported = await world.mutate("biller", "exportBatch", "batch { xml }", claimIds=[made["claim"]["id"]])
    assert exported["errors"] == []
    xml = exported["batch"]["xml"]
    assert [each.partition("<")[0] for each in xml.split("<ans:diagnostico>")[1:]] == ["K802", "A09"]
    assert await _submitted(world, **SUMMARY, diagnosisCodes=["K8021"]) == [
        ("invalid CID code: write it like A09 or K35.8", "diagnosisCodes.0")
    ]


async def test_a_replacement_is_refused_as_a_claim_is(world: World) -> None:
    claim = await world.approved_claim()
    given = {"id": claim["id"], "providerClaimNumber": key()[:20], "encounter": {"priority": "1"}}
    values = {**given, "submit": True, "idempotencyKey": key()}
    refused = await world.mutate("biller", "replaceClaim", "claim { id }", **values)
    places = [f"encounter.{name}" for name in ("type", "accident", "setting")]
    assert [(_place(each), each["tissCode"]) for each in refused["errors"]] == [(place, "5001") for place in places]
    draft = await world.mutate("biller", "replaceClaim", "claim { status }", **given, idempotencyKey=key())
    assert draft["claim"] == {"status": "DRAFT"}


@pytest.mark.parametrize(("kind", "who"), [("CONSULTATION", "practitioner"), ("SP_SADT", "encounter.requester")])
@pytest.mark.parametrize("missing", ["council", "number", "state", "cbo"])
async def test_the_document_needs_whoever_did_it(world: World, kind: str, who: str, missing: str) -> None:
    practitioner = {name: value for name, value in DOCTOR.items() if name != missing}
    assert await _submitted(world, type=kind, practitioner=practitioner) == _needed(f"{who}.{missing}")


@pytest.mark.parametrize("guide", [{}, {"type": "CONSULTATION"}, FEES, SUMMARY, DENTAL])
async def test_what_is_submitted_can_be_sent(world: World, guide: dict[str, Any]) -> None:
    claim = await world.submitted_claim(**guide)
    sent = await world.mutate("biller", "exportBatch", "batch { number }", claimIds=[claim["id"]])
    assert (sent["errors"], sent["batch"]) == ([], {"number": "1"})


@pytest.mark.parametrize(
    ("guide", "places"),
    [
        ({**FEES, "items": [CONSULTATION]}, ["items.0.details.team"]),
        (
            {**FEES, "items": [{**CONSULTATION, "details": {"team": [{"role": "00", "practitioner": DOCTOR}]}}]},
            ["items.0.details.team.0.code"],
        ),
        ({**SUMMARY, "authorization": {"number": "S1"}}, ["authorization.issuedOn"]),
        ({**DENTAL, "items": [CONSULTATION]}, ["items.0.details.isAuthorized"]),
        ({"items": [MEDICINE]}, ["items.0.details.unit"]),
    ],
)
async def test_the_other_guides_say_what_they_need(world: World, guide: dict[str, Any], places: list[str]) -> None:
    found = [place for _, place in await _submitted(world, **guide)]
    assert found[: len(places)] == places


async def test_values_that_do_not_fit_into_the_document(world: World) -> None:
    halves = {"items": [{**BLOOD_COUNT, "quantity": "1.5"}]}
    assert await _submitted(world, **halves) == [("must be a whole number", "items.0.quantity")]
    text = {"items": [{**CONSULTATION, "description": "Curativo \u2265 3 cm"}]}
    assert await _submitted(world, **text) == [("use only characters of ISO-8859-1", "items.0.description")]
    two = {"type": "CONSULTATION", "items": [CONSULTATION, BLOOD_COUNT]}
    assert await _submitted(world, **two) == [("a consultation has exactly one item: make a claim of each", "items")]


async def test_the_version_of_the_contract_counts(world: World) -> None:
    fees = {**FEES, "encounter": {name: value for name, value in FEES["encounter"].items() if name != "priority"}}
    assert await _submitted(world, **fees) == _needed("encounter.priority")
    await save_contract(world, tissVersion="V4_02_00")
    assert await _submitted(world, **fees) == []
    message = "TISS 4.02.00 has no element for it: remove it, or use another version"
    assert await _submitted(world, **FEES) == [(message, "encounter.priority")]
    assert (await preflight(world, **FEES))["passes"] is False
