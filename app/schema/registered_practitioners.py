"""Practitioners whom providers have registered."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.registered_practitioners import PractitionerRecord, RegisteredFilter
from app.domain.identifiers import Cnes
from app.resolvers import registered_practitioners as practitioners
from app.resolvers.paging import Slice
from app.schema.base import lists
from app.schema.base.arguments import After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.filters import VALUES_MAX, given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, check_length, mutation
from app.schema.base.permissions import Requires, personal
from app.schema.base.relations import paged, related
from app.schema.base.types import input_type, object_type
from app.schema.parties import ACTIVE, DEACTIVATED, Provider
from app.schema.parties import VERSION as VERSION_OF_ROW
from app.schema.party_changes import OLD_CLAIMS
from app.schema.party_changes import given as changes_of
from app.schema.party_history import PartyHistoryEntry
from app.schema.party_lists import Active, Search
from app.services import practitioners as service
from app.services.practitioners import PractitionerForm

NAME = "Name (nomeProf), up to 70 characters."
CBO = "Occupation (CBO), a code of TISS table 24."


@object_type(description="A practitioner whom a provider has registered.")
class RegisteredPractitioner(Node):
    record = PractitionerRecord

    name: str | None = strawberry.field(description="Name (nomeProf).", extensions=personal("practitioners:read"))
    council: str = strawberry.field(description="Professional council (conselho), a code of TISS table 26.")
    number: str | None = strawberry.field(
        description="Registration number in the council.", extensions=personal("practitioners:read")
    )
    state: str = strawberry.field(description="State of the council (UF), a code of TISS table 59.")
    cbo: str = strawberry.field(description=CBO)
    version: int = strawberry.field(description=VERSION_OF_ROW)
    is_active: bool = strawberry.field(description=ACTIVE)
    deactivated_at: datetime | None = strawberry.field(description=DEACTIVATED)

    provider = related(
        Provider | None,
        lambda loaders: loaders.provider,
        "provider_cnes",
        description="The provider for which the practitioner works.",
    )

    @strawberry.field(
        graphql_type=Connection[PartyHistoryEntry] | None,
        directives=[lists.PAGE],
        description="Changes, oldest first.",
        extensions=[Requires(service.MANAGE)],
    )
    @paged(practitioners.HISTORY)
    async def history(
        practitioner: strawberry.Parent[PractitionerRecord],
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await practitioners.HISTORY.page(info.context, practitioner.id, at=Slice(first, after, last, before))


class RegisteredPractitionerQuery:
    @strawberry.field(
        graphql_type=Connection[RegisteredPractitioner] | None,
        directives=[lists.PAGE],
        description="Practitioners whom providers in the caller's data scope have registered, by name.",
        extensions=[Requires(service.MANAGE)],
    )
    async def registered_practitioners(
        self,
        info: Info,
        search: Search = None,
        providers: Annotated[
            list[Cnes] | None,
            strawberry.argument(
                name="providerCnes",
                description="Of these providers; null for all.",
                directives=lists.up_to(VALUES_MAX),
            ),
        ] = None,
        is_active: Active = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_length(VALUES_MAX, provider_cnes=providers)
        check_arguments(provider_cnes=providers)
        where = RegisteredFilter((), given(providers), is_active)
        return await practitioners.registered(info.context, where, search=search, at=Slice(first, after, last, before))


@input_type(description="A practitioner to register.")
class RegisterPractitionerInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="The provider, by CNES.")
    name: str = strawberry.field(description=NAME)
    council: str = strawberry.field(description="Professional council (conselho), a code of TISS table 26.")
    number: str = strawberry.field(description="Registration number in the council, up to 15 characters.")
    state: str = strawberry.field(description="State of the council (UF), a code of TISS table 59.")
    cbo: str = strawberry.field(description=CBO)
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        form = PractitionerForm(self.provider, self.name, self.council, self.number, self.state, self.cbo)
        return {"form": form}


@input_type(description="Changes to a practitioner: null leaves a field unchanged.")
class UpdatePractitionerInput:
    id: strawberry.ID = strawberry.field(name="practitionerId", description="Id of the practitioner.")
    name: str | None = strawberry.field(default=None, description=NAME)
    cbo: str | None = strawberry.field(default=None, description=CBO)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        return {"id": self.id, "changes": changes_of(name=self.name, cbo=self.cbo), "version": self.version}


@input_type(description="The practitioner to deactivate.")
class DeactivatePractitionerInput:
    id: strawberry.ID = strawberry.field(name="practitionerId", description="Id of the practitioner.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The practitioner to reactivate.")
class ReactivatePractitionerInput:
    id: strawberry.ID = strawberry.field(name="practitionerId", description="Id of the practitioner.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a change of a practitioner.")
class PractitionerPayload(MutationPayload):
    practitioner: RegisteredPractitioner | None = strawberry.field(
        default=None, description="The practitioner after the mutation; null if refused."
    )


MUTATIONS = (
    mutation(
        service.REGISTER, RegisterPractitionerInput, PractitionerPayload, "Registers a practitioner of a provider."
    ),
    mutation(
        service.UPDATE,
        UpdatePractitionerInput,
        PractitionerPayload,
        "Changes the name or the occupation of a practitioner; claims name them as they were.",
    ),
    mutation(
        service.DEACTIVATE,
        DeactivatePractitionerInput,
        PractitionerPayload,
        f"Deactivates a practitioner. {OLD_CLAIMS}",
    ),
    mutation(
        service.REACTIVATE,
        ReactivatePractitionerInput,
        PractitionerPayload,
        "Makes a deactivated practitioner active again.",
    ),
)
