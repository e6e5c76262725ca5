"""The access log as patients see it, and emergency access to health data."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.access_log import PersonAccess
from app.db.emergency import EmergencyRecord
from app.db.parties import PatientRecord
from app.domain.access_log import AccessDecision, AccessKind, DataClass, PurposeOfUse
from app.domain.actor import Door
from app.domain.reasons import WORDS_MIN
from app.resolvers import access_log
from app.resolvers.access_log import AccessLogOrderField, EmergencyAccessOrderField
from app.resolvers.context import Context
from app.resolvers.paging import Slice
from app.schema.base import lists
from app.schema.base.arguments import ORDER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.ordering import OrderDirection, Ordering, direction, ordered, sort_by
from app.schema.base.permissions import BREAK_GLASS, Requires, health, personal
from app.schema.base.types import input_type, object_type
from app.schema.parties import Patient
from app.services import emergency
from app.services.emergency import MINUTES_MAX, REASON_LENGTH_MAX, REASON_LENGTH_MIN, EmergencyRequest
from app.unit_of_work.idempotency import Written

described(AccessKind, "Kind of an access log entry; new values may be added.")
described(AccessDecision, "Decision on an access.")
described(PurposeOfUse, "Purpose of use, a code of HL7 PurposeOfUse; new values may be added.")


described(Door, "Entry point of an operation; new values may be added.", name="AccessDoor")


@object_type(description="An access to the calling patient's data.")
class AccessLogEntry(Node):
    record = PersonAccess

    at: datetime = strawberry.field(description="Time of the access.")
    door: Door = strawberry.field(description="Entry point of the operation.")
    kind: AccessKind = strawberry.field(description="Kind of access.")
    purpose: PurposeOfUse = strawberry.field(description="Purpose of use.")
    operation: str = strawberry.field(description="Requested root fields of the schema, separated by commas.")
    decision: AccessDecision = strawberry.field(description="Decision on the access.")

    @strawberry.field(name="roles", description="Roles of the caller.", directives=[lists.ROLE_NAMES])
    def role_names(entry: strawberry.Parent[PersonAccess]) -> list[str]:
        return [role for role in entry.roles.split(",") if role]

    @strawberry.field(
        name="dataClasses", description="Classes of the sensitive data that were read.", directives=[lists.DATA_CLASSES]
    )
    def classes(entry: strawberry.Parent[PersonAccess]) -> list[DataClass]:
        return [DataClass[name] for name in entry.data_classes.split(",") if name]


@object_type(description="Emergency access (break-glass) of one caller to the health data of one patient.")
class EmergencyAccess(Node):
    record = EmergencyRecord

    actor: str = strawberry.field(description="Subject of the caller's token.")
    granted_at: datetime = strawberry.field(description="Time at which the access started.")
    expires_at: datetime = strawberry.field(description="Time at which the access ends or was closed.")
    closed_by: str | None = strawberry.field(
        description="Who closed it, the subject of a token; null unless closed before its time."
    )
    reason: str | None = strawberry.field(
        description="Reason for the emergency access.", extensions=health("emergencies:read", BREAK_GLASS)
    )

    @strawberry.field(
        graphql_type=Patient | None,
        description="The patient whose health data may be read.",
        extensions=personal("emergencies:read", BREAK_GLASS),
    )
    async def patient(access: strawberry.Parent[EmergencyRecord], info: Info) -> PatientRecord | None:
        return await info.context.loaders.patient.load(access.patient_id)


described(AccessLogOrderField, "What access log entries can be sorted by.")


@input_type(description="Order of a list of access log entries.")
class AccessLogOrder(Ordering):
    field: AccessLogOrderField = sort_by()
    direction: OrderDirection = direction()


described(EmergencyAccessOrderField, "What emergency accesses can be sorted by.")


@input_type(description="Order of a list of emergency accesses.")
class EmergencyAccessOrder(Ordering):
    field: EmergencyAccessOrderField = sort_by()
    direction: OrderDirection = direction()


class AccessLogQuery:
    @strawberry.field(
        graphql_type=Connection[AccessLogEntry] | None,
        description="Accesses to the calling patient's data, by default latest first; new ones appear within a second.",
        extensions=[Requires("access_log:read_own")],
        directives=[lists.PAGE],
    )
    async def my_access_log(
        self,
        info: Info,
        order_by: Annotated[AccessLogOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        order = ordered(access_log.ENTRY_ORDERS, order_by, access_log.LATEST_ENTRIES)
        return await access_log.own_log(info.context, order=order, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[EmergencyAccess] | None,
        description="Emergency accesses to patients in the caller's data scope, by default latest first, for review.",
        extensions=[Requires("emergencies:read")],
        directives=[lists.PAGE],
    )
    async def emergency_accesses(
        self,
        info: Info,
        order_by: Annotated[EmergencyAccessOrder | None, ORDER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        order = ordered(access_log.ACCESS_ORDERS, order_by, access_log.LATEST_ACCESSES)
        return await access_log.emergency_accesses(info.context, order=order, at=Slice(first, after, last, before))


@input_type(description="Request for emergency access to the health data of a patient.")
class OpenEmergencyAccessInput:
    patient: strawberry.ID = strawberry.field(name="patientId", description="Patient, within the caller's data scope.")
    reason: str = strawberry.field(
        description=f"Why it cannot wait, in at least {WORDS_MIN} different words of {REASON_LENGTH_MIN} to "
        f"{REASON_LENGTH_MAX} characters; it is stored."
    )
    minutes: int = strawberry.field(default=15, description=f"Duration in minutes, 1 to {MINUTES_MAX}.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"request": EmergencyRequest(self.patient, self.reason, self.minutes)}


@object_type(description="Result of a request for emergency access.")
class OpenEmergencyAccessPayload(MutationPayload):
    access: EmergencyAccess | None = strawberry.field(
        default=None, description="The emergency access; null if refused."
    )


@input_type(description="The emergency access to close.")
class CloseEmergencyAccessInput:
    id: strawberry.ID = strawberry.field(name="emergencyAccessId", description="Id of an open emergency access.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of closing an emergency access.")
class CloseEmergencyAccessPayload(MutationPayload):
    access: EmergencyAccess | None = strawberry.field(
        default=None, description="The emergency access after the mutation; null if refused."
    )


async def _open(ctx: Context, arguments: Mapping[str, Any], key: str | None) -> Written[EmergencyRecord]:
    return await ctx.change(emergency.OPEN, {**arguments, "allowed": ctx.limits.emergencies}, key=key)


MUTATIONS = (
    mutation(
        emergency.OPEN,
        OpenEmergencyAccessInput,
        OpenEmergencyAccessPayload,
        "Grants the caller access to one patient's health data for a short time, in an emergency; each read is logged. "
        "One access of a caller is open at a time, and a few in 24 hours.",
        via=_open,
    ),
    mutation(
        emergency.CLOSE,
        CloseEmergencyAccessInput,
        CloseEmergencyAccessPayload,
        "Ends an open emergency access now: the caller's own, or with the permission `emergencies:read` any.",
    ),
)
