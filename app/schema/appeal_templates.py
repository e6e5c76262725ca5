"""Templates of justifications, and appeals against all denials of a filter."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.db.appeal_templates import AppealTemplateFilter, AppealTemplateRecord
from app.db.denials import DenialFilter
from app.domain.appeal_templates import FIELDS
from app.domain.identifiers import AnsCode, Cnes
from app.executor.reach import Owner
from app.resolvers import appeal_templates
from app.resolvers.paging import Slice
from app.schema.base import bulk, filters, inputs, lists, weights
from app.schema.base.arguments import FILTER, After, Before, First, Last
from app.schema.base.connections import Connection, Node
from app.schema.base.filters import given
from app.schema.base.info import Info
from app.schema.base.mutations import KEY, VERSION, MutationPayload, check_arguments, mutation
from app.schema.base.permissions import Requires, personal
from app.schema.base.ranges import DateRangeInput, bounds
from app.schema.base.relations import related
from app.schema.base.types import input_type, object_type
from app.schema.bulk import DenialResult
from app.schema.parties import Provider
from app.services import appeal_bulk
from app.services import appeal_templates as service
from app.services.appeal_bulk import MATCHING_MAX

TEXT = "Text of up to 500 characters with fields in braces: " + ", ".join(f"`{{{name}}}`" for name in FIELDS) + "."
CODE = "Reason for the denial, a code of Tabela 38 (tipoGlosa)"


@object_type(description="A template for the justification of appeals against denials with one code.")
class AppealTemplate(Node):
    record = AppealTemplateRecord
    owner = Owner.PARTIES

    code: str = strawberry.field(description=f"{CODE}.")
    text: str | None = strawberry.field(description=TEXT, extensions=personal("denials:appeal"))
    version: int = strawberry.field(
        description="Increases with every change; pass it back as `version` to detect concurrent changes."
    )
    created_at: datetime = strawberry.field(description="Time of creation.")
    created_by: str = strawberry.field(description="Who created it: the subject of a token.")
    updated_at: datetime = strawberry.field(description="Time of the last change.")

    provider = related(
        Provider | None, lambda loaders: loaders.provider, "provider_cnes", description="The provider that uses it."
    )


@input_type(description="Filter for templates of justifications. Every given condition must match.")
class AppealTemplateFilterInput:
    ids: list[strawberry.ID] | None = filters.any_of("Id")
    providers: list[Cnes] | None = filters.providers()
    codes: list[str] | None = filters.any_of(CODE, name="code")

    def where(self) -> AppealTemplateFilter:
        """The filter as the database layer expects it."""
        return AppealTemplateFilter(given(self.ids), given(self.providers), given(self.codes))


class AppealTemplateQuery:
    @strawberry.field(
        graphql_type=Connection[AppealTemplate] | None,
        description="Templates of justifications in the caller's data scope, oldest first.",
        extensions=[Requires("denials:appeal")],
        directives=[lists.PAGE],
    )
    async def appeal_templates(
        self,
        info: Info,
        filter: Annotated[AppealTemplateFilterInput | None, FILTER] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        check_arguments(filter=filter)
        where = (filter or AppealTemplateFilterInput()).where()
        return await appeal_templates.TEMPLATES.page(
            info.context, where, appeal_templates.OLDEST_FIRST, at=Slice(first, after, last, before)
        )


@input_type(description="A new template for the justification of appeals.")
class CreateAppealTemplateInput:
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    code: str = strawberry.field(description=f"{CODE}.")
    text: str = strawberry.field(description=TEXT)
    idempotency_key: str = strawberry.field(description=KEY)


@input_type(description="The template and its new text.")
class UpdateAppealTemplateInput:
    id: strawberry.ID = strawberry.field(name="appealTemplateId", description="Id of the template.")
    text: str = strawberry.field(description=TEXT)
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@input_type(description="The template to delete.")
class DeleteAppealTemplateInput:
    id: strawberry.ID = strawberry.field(name="appealTemplateId", description="Id of the template.")
    version: int | None = strawberry.field(default=None, description=VERSION)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@object_type(description="Result of a mutation on one template.")
class AppealTemplatePayload(MutationPayload):
    template: AppealTemplate | None = strawberry.field(
        default=None, description="The template after the mutation; null if refused."
    )


@object_type(description="Result of deleting a template.")
class DeleteAppealTemplatePayload(MutationPayload):
    deleted_appeal_template_id: strawberry.ID | None = strawberry.field(
        default=None, description="Id of the deleted template; null if refused."
    )


@input_type(one_of=True, description="Why the denials are wrong: one text for all, or a template.")
class AppealJustificationInput:
    text: str | None = strawberry.field(default=strawberry.UNSET, description="Text of up to 500 characters.")
    template_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of a template, which gets the values of each denial."
    )


@input_type(description="Which open denials to appeal against. Every given condition must match.")
class MatchingDenialsInput:
    payers: list[AnsCode] | None = filters.payers()
    providers: list[Cnes] | None = filters.providers()
    codes: list[str] | None = filters.any_of(CODE, name="code")
    appeal_deadline: DateRangeInput | None = strawberry.field(default=None, description="Last day to appeal.")


@input_type(description="Appeals against all denials that match (recurso de glosa).")
class AppealMatchingDenialsInput:
    filter: MatchingDenialsInput = strawberry.field(description="Which open denials to appeal against.")
    justification: AppealJustificationInput = strawberry.field(description="Why the denials are wrong.")
    dry_run: bool = strawberry.field(
        default=False, description="Whether nothing is changed: the results say what would be refused."
    )
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        chosen = self.filter
        where = DenialFilter(
            payers=given(chosen.payers),
            providers=given(chosen.providers),
            codes=given(chosen.codes),
            appeal_deadline=bounds(chosen.appeal_deadline),
        )
        return {
            "where": where,
            "text": inputs.member(self.justification.text),
            "template_id": inputs.member(self.justification.template_id),
            "dry_run": self.dry_run,
            "atomic": self.atomic,
        }


@object_type(description="Results of appeals against the denials of a filter.")
class AppealMatchingDenialsPayload(MutationPayload):
    results: list[DenialResult] = bulk.results()
    appealed_count: int = strawberry.field(
        default=0, description=f"How many were appealed, or would be in a dry run, at most {MATCHING_MAX}."
    )


MUTATIONS = (
    mutation(
        service.CREATE, CreateAppealTemplateInput, AppealTemplatePayload, "Creates a template for justifications."
    ),
    mutation(service.UPDATE, UpdateAppealTemplateInput, AppealTemplatePayload, "Changes the text of a template."),
    mutation(
        service.DELETE,
        DeleteAppealTemplateInput,
        DeleteAppealTemplatePayload,
        "Deletes a template; appeals that were made with it stay as they are.",
    ),
    mutation(
        appeal_bulk.APPEAL_MATCHING,
        AppealMatchingDenialsInput,
        AppealMatchingDenialsPayload,
        f"Appeals against up to {MATCHING_MAX} open denials that match, the earliest deadline first.",
        directives=weights.BATCH,
    ),
)
