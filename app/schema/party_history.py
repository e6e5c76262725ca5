"""The history of parties: one entry for each change, with the party's state after it."""

from typing import Final

import strawberry
from strawberry.utils.str_converters import to_camel_case

from app.db.party_history import PartyStep
from app.executor.reach import Owner
from app.schema.base import lists
from app.schema.base.enums import PartyAction
from app.schema.base.later import later
from app.schema.base.permissions import personal
from app.schema.base.relations import related
from app.schema.base.types import object_type
from app.schema.history import HistoryEntry

STEP_READERS: Final = ("parties:manage", "patients:read", "practitioners:read")


@object_type(description="A change of a payer, provider, patient, coverage or practitioner.")
class PartyHistoryEntry(HistoryEntry):
    record = PartyStep
    owner = Owner.SCOPED

    action: PartyAction = strawberry.field(description="What was done.")
    version: int = strawberry.field(description="Version of the party after the change.")
    is_active: bool = strawberry.field(description="Whether the party was active after the change.")
    other_patient = related(
        later("Patient", "parties") | None,
        lambda loaders: loaders.patient,
        "other_id",
        description="The other patient of a merge; null for other changes.",
        extensions=personal("patients:read"),
    )

    @strawberry.field(
        description="Names of the fields that changed; their earlier values are not stored.",
        directives=[lists.CHANGED_FIELDS],
    )
    def changed_fields(step: strawberry.Parent[PartyStep]) -> list[str]:
        return [to_camel_case(each) for each in step.fields]
