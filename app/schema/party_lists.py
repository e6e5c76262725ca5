"""Queries on the parties that a form offers: payers, providers, practitioners and patients."""

from datetime import date
from typing import Annotated, Any, Final

import strawberry

from app.db.parties import PatientRecord, PayerRecord, ProviderRecord
from app.db.patient_lists import PatientFilter
from app.db.registered_practitioners import RegisteredFilter
from app.domain import ids
from app.domain.access_log import DataClass
from app.domain.identifiers import AnsCode, Cnes, Cpf
from app.resolvers import parties, patient_lists, registered_practitioners
from app.resolvers.paging import Slice
from app.schema.base import lists, weights
from app.schema.base.arguments import After, Before, First, Last, OfPayer
from app.schema.base.connections import Connection
from app.schema.base.info import Info
from app.schema.base.mutations import check_arguments
from app.schema.base.permissions import Authenticated, Requires, check_further, marked
from app.schema.parties import READERS, Patient, Payer, Practitioner, Provider, shown_patient

Search = Annotated[
    str | None,
    strawberry.argument(
        description="Up to 6 words of the name, of 2 characters or more, or digits with which the number starts; "
        "null for all."
    ),
]
Active = Annotated[
    bool | None,
    strawberry.argument(description="Whether they are active: false for those that are deactivated, null for all."),
]
CARD: Final = strawberry.argument(description="Card number (numeroCarteira), in full.")
OF_REGISTER: Final = strawberry.argument(
    description="True for active ones whom providers have registered, false for those on claims."
)
BY_CPF: Final = ("patients:read_cpf",)
OF_BIRTH: Final = strawberry.argument(description="Date of birth.")
OF_NAME: Final = strawberry.argument(
    description="Up to 6 words of the name, of 2 characters or more; null for any name."
)
OF_CPF: Final = strawberry.argument(description="Taxpayer number (CPF). Needs `patients:read_cpf`.")


class PartyQuery:
    @strawberry.field(
        graphql_type=Connection[Payer] | None,
        directives=[lists.PAGE],
        description="All payers, by name; the same for every caller.",
        extensions=[Authenticated()],
    )
    async def payers(
        self,
        info: Info,
        search: Search = None,
        is_active: Active = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await parties.payers(
            info.context, search=search, is_active=is_active, at=Slice(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=Payer | None,
        description="A payer by its registration; null if unknown.",
        extensions=[Authenticated()],
    )
    async def payer(
        self, info: Info, ans_code: Annotated[AnsCode, strawberry.argument(description="Registration with the ANS.")]
    ) -> PayerRecord | None:
        check_arguments(ans_code=ans_code)
        return await info.context.loaders.payer.load(ans_code)

    @strawberry.field(
        graphql_type=Connection[Provider] | None,
        directives=[lists.PAGE],
        description="Providers in the caller's data scope, by name: for a payer those of claims and contracts with it, "
        "for a patient those of own claims.",
        extensions=[Requires(*READERS)],
    )
    async def providers(
        self,
        info: Info,
        search: Search = None,
        is_active: Active = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        return await parties.providers(
            info.context, search=search, is_active=is_active, at=Slice(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=Provider | None,
        description="A provider by its CNES; null if it is not in the caller's data scope.",
        extensions=[Requires(*READERS)],
    )
    async def provider(
        self, info: Info, cnes: Annotated[Cnes, strawberry.argument(description="Number in the CNES.")]
    ) -> ProviderRecord | None:
        check_arguments(cnes=cnes)
        return await info.context.loaders.provider_by_id.load(ids.of_key(ids.PROVIDER, cnes))

    @strawberry.field(
        graphql_type=Connection[Practitioner] | None,
        directives=[lists.PAGE, *weights.SUMS],
        description="Practitioners in the caller's data scope, by name: those who performed services on claims, each "
        "combination of name, council, number, state and occupation once; or those registered. "
        "`registeredPractitioners` has the latter with their ids, to change them.",
        extensions=[Requires("practitioners:read")],
    )
    async def practitioners(
        self,
        info: Info,
        search: Search = None,
        is_registered: Annotated[bool, OF_REGISTER] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        if is_registered:
            where = RegisteredFilter(is_active=True)
            return await registered_practitioners.registered(
                info.context, where, search=search, at=Slice(first, after, last, before)
            )
        return await parties.performing(info.context, search=search, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Connection[Patient] | None,
        directives=[lists.PAGE, *marked(DataClass.PERSONAL)],
        description="Patients in the caller's data scope, by name: with this card number, CPF or day of birth, of "
        "which one has to be given. A number that is not found counts as an unknown card (RATE_LIMITED).",
        extensions=[Requires("patients:read")],
    )
    async def patients(
        self,
        info: Info,
        card_number: Annotated[str | None, CARD] = None,
        payer: OfPayer = None,
        cpf: Annotated[Cpf | None, OF_CPF] = None,
        birth_date: Annotated[date | None, OF_BIRTH] = None,
        search: Annotated[str | None, OF_NAME] = None,
        is_active: Active = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        if cpf is not None:
            check_further(info, BY_CPF)
        check_arguments(payer_ans_code=payer, cpf=cpf, birth_date=birth_date)
        where = PatientFilter(card_number, payer, cpf, birth_date, is_active=is_active)
        return await patient_lists.look_up(info.context, where, search=search, at=Slice(first, after, last, before))

    @strawberry.field(
        graphql_type=Patient | None,
        description="A patient by id; null if it does not exist in the caller's data scope. The id of a merged patient "
        "leads to the one that stayed.",
        extensions=shown_patient(),
    )
    async def patient(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the patient.")]
    ) -> PatientRecord | None:
        return await info.context.loaders.patient.load(id)
