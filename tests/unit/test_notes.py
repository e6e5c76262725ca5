"""What an operation has shown, as the access log counts it."""

from dataclasses import dataclass

from app.access_log.notes import OperationNotes


@dataclass
class _Claim:
    id: str
    patient_id: str


@dataclass
class _Item:
    id: str
    claim_id: str


def test_a_claim_and_its_patient_are_one_person() -> None:
    notes = OperationNotes()
    notes.reveal_all(["PERSONAL"], [_Claim("clm_1", "pat_1"), _Claim("clm_2", "pat_1"), _Claim("clm_3", "pat_3")])
    notes.reveal_all(["HEALTH"], [_Item("itm_1", "clm_1"), _Item("itm_3", "clm_3"), _Item("itm_4", "clm_4")])
    assert notes.persons == 3


def test_what_was_shown_of_nobody_is_no_person() -> None:
    notes = OperationNotes()
    notes.revealed[None] = frozenset({"FINANCIAL"})
    assert notes.persons == 0
