"""The mutation that records the payer's answers to appeals."""

from typing import Any

import strawberry

from app.domain.appeal_answers import TypedAnswer
from app.domain.identifiers import AnsCode, Cnes
from app.schema.base import bulk, inputs, lists, weights
from app.schema.base.mutations import KEY, MutationPayload, mutation
from app.schema.base.types import input_type, object_type
from app.schema.bulk import DenialResult
from app.schema.denials import AppealAnswerInput
from app.services import appeal_answers
from app.services.appeal_answers import TYPED_MAX

RESULTS = "One result for each answer, in their order; an answer that is recorded already has no errors."


@input_type(one_of=True, description="The payer's answers: typed, or as a TISS document.")
class AppealAnswersContentInput:
    answers: list[AppealAnswerInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description=f"Answers, 1 to {TYPED_MAX}, one for each denial.",
        directives=lists.up_to(TYPED_MAX, checked_by_service=True),
    )
    xml: str | None = strawberry.field(
        default=strawberry.UNSET, description="The payer's TISS document (respostaRecursoGlosa)."
    )
    document_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of such a document that was uploaded by POST /documents."
    )


@input_type(description="The payer's answers to appeals of one provider.")
class RecordAppealAnswersInput:
    payer: AnsCode = strawberry.field(name="payerAnsCode", description="Payer, by registro ANS.")
    provider: Cnes = strawberry.field(name="providerCnes", description="Provider, by CNES.")
    content: AppealAnswersContentInput = strawberry.field(description="What the payer says.")
    atomic: bool = bulk.atomic()
    idempotency_key: str = strawberry.field(description=KEY)

    def arguments(self) -> dict[str, Any]:
        """The arguments of the service."""
        given = inputs.member(self.content.answers)
        typed = None if given is None else [TypedAnswer(each.id, each.accepted, each.justification) for each in given]
        return {
            "provider": self.provider,
            "payer": self.payer,
            "typed": typed,
            "document": inputs.member(self.content.xml),
            "document_id": inputs.member(self.content.document_id),
            "atomic": self.atomic,
        }


@object_type(description="Results of recording answers to appeals.")
class RecordAppealAnswersPayload(MutationPayload):
    results: list[DenialResult] = strawberry.field(
        default_factory=list, description=RESULTS, directives=[lists.APPEAL_ANSWERS]
    )
    applied_count: int = strawberry.field(default=0, description="How many of the answers were new, at most 1000.")


MUTATIONS = (
    mutation(
        appeal_answers.RECORD,
        RecordAppealAnswersInput,
        RecordAppealAnswersPayload,
        "Records the payer's answers to appeals in its place. The same answers again change nothing.",
        directives=weights.DOCUMENT,
    ),
)
