"""The access log as patients see it, and emergency access to health data."""

from datetime import datetime
from typing import Any

import strawberry

from app.db.access_log import PersonAccess
from app.domain.access_log import AccessDecision, AccessKind, DataClass, PurposeOfUse
from app.domain.actor import Door
from app.resolvers import access_log as resolvers
from app.schema.base.connections import Connection
from app.schema.base.described import described
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.permissions import BREAK_GLASS, Requires, health
from app.services import emergency
from app.services.emergency import MINUTES_MAX, REASON_LENGTH_MIN, EmergencyRequest

described(
    AccessKind,
    "What an entry of the access log records; new values may be added.",
    {
        "READ": "Data was shown.",
        "WRITE": "Something was changed.",
        "PROCESS": "A gateway process started or ended, or entries were archived.",
    },
)
described(
    AccessDecision,
    "Whether the access was allowed.",
    {"ALLOWED": "It was.", "REFUSED": "The caller lacked a permission; nothing was shown."},
)
described(
    PurposeOfUse,
    "What data was used for, by the codes of HL7's PurposeOfUse; new values may be added.",
    {
        "HPAYMT": "Payment for healthcare.",
        "ELIGVER": "Verification of eligibility.",
        "PATRQT": "The patient's own request.",
        "HSYSADMIN": "Administration of the system.",
        "BTG": "An emergency: the glass was broken.",
    },
)


described(
    Door,
    "Where an operation came in; new values may be added.",
    {
        "GRAPHQL": "The GraphQL API.",
        "REST": "The REST API.",
        "INBOX": "A payer's message.",
        "SWEEP": "The gateway itself, when a deadline passed.",
        "CLI": "The command line of an operator.",
    },
)


@strawberry.type(description="One access to the calling patient's data.")
class AccessLogEntry:
    id: strawberry.ID = strawberry.field(description="The entry.")
    at: datetime = strawberry.field(description="When.")
    door: Door = strawberry.field(description="Where the operation came in.")
    kind: AccessKind = strawberry.field(description="What was done.")
    purpose: PurposeOfUse = strawberry.field(description="What for.")
    operation: str = strawberry.field(description="The fields of the schema that were asked for, or the mutation.")
    decision: AccessDecision = strawberry.field(description="Whether it was allowed.")

    @strawberry.field(name="roles", description="The roles of whoever it was.")
    def role_names(entry: strawberry.Parent[PersonAccess]) -> list[str]:
        return [role for role in entry.roles.split(",") if role]

    @strawberry.field(name="dataClasses", description="Which kinds of sensitive data were shown.")
    def classes(entry: strawberry.Parent[PersonAccess]) -> list[DataClass]:
        return [DataClass[name] for name in entry.data_classes.split(",") if name]


@strawberry.type(description="An emergency access (break-glass) of one caller to the health data of one patient.")
class EmergencyAccess:
    id: strawberry.ID = strawberry.field(description="The access; the access log names it.")
    actor: str = strawberry.field(description="Subject of the token that opened it.")
    granted_at: datetime = strawberry.field(description="When it was opened.")
    expires_at: datetime = strawberry.field(description="When it ends by itself.")
    patient_id: strawberry.ID = strawberry.field(description="Whose health data it opens.")
    reason: str | None = strawberry.field(
        description="Why it could not wait.", extensions=health("emergencies:read", BREAK_GLASS)
    )


@strawberry.type
class AccessLogQuery:
    @strawberry.field(
        graphql_type=Connection[AccessLogEntry],
        description="Who saw or changed the calling patient's data, latest first; up to a second behind.",
        extensions=[Requires("access_log:read_own")],
    )
    async def my_access_log(self, info: Info, first: int = 20, after: str | None = None) -> Any:
        return await resolvers.own_log(info.context, first=first, after=after)

    @strawberry.field(
        graphql_type=Connection[EmergencyAccess],
        description="All emergency accesses, latest first, for whoever must look into them.",
        extensions=[Requires("emergencies:read")],
    )
    async def emergency_accesses(self, info: Info, first: int = 20, after: str | None = None) -> Any:
        return await resolvers.accesses(info.context, first=first, after=after)


@strawberry.input(description="Whose health data is needed at once, and why.")
class OpenEmergencyAccessInput:
    patient: strawberry.ID = strawberry.field(description="The patient, within the caller's scope.")
    reason: str = strawberry.field(
        description=f"Why it cannot wait, {REASON_LENGTH_MIN} to 500 characters; it is kept."
    )
    minutes: int = strawberry.field(default=15, description=f"How long, 1 to {MINUTES_MAX} minutes.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"request": EmergencyRequest(self.patient, self.reason, self.minutes)}


@strawberry.type(description="Result of the request.")
class OpenEmergencyAccessPayload(MutationPayload):
    access: EmergencyAccess | None = strawberry.field(default=None, description="The access; null when refused.")


MUTATIONS = (
    mutation(
        emergency.OPEN,
        OpenEmergencyAccessInput,
        OpenEmergencyAccessPayload,
        "See the health data of one patient for a short time, in an emergency; every look is recorded.",
    ),
)
