"""What a payer answers to appeals: as a caller types it, or as its document (respostaRecursoGlosa) says it."""

from dataclasses import dataclass
from datetime import date

from app.domain.money import Cents


@dataclass(frozen=True, slots=True)
class TypedAnswer:
    """The answer to the appeal against one denial."""

    denial_id: str
    accepted: Cents
    justification: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """One answer of a document: about an item's denial, or about all denials of a guide with this code.

    `accepted` is an amount for an item, and all or nothing for a guide.
    """

    provider_claim_number: str
    item_sequence: int | None
    denial_code: str
    accepted: Cents | bool
    justification: str | None = None

    @property
    def name(self) -> str:
        """What the answer is about, as results name it."""
        item = "" if self.item_sequence is None else f"/{self.item_sequence}"
        return f"{self.provider_claim_number}{item}/{self.denial_code}"

    def accepted_of(self, appealed: Cents) -> Cents:
        """The amount that it accepts of an appeal for so much."""
        if isinstance(self.accepted, bool):
            return appealed if self.accepted else Cents(0)
        return self.accepted


@dataclass(frozen=True, slots=True)
class AnswerMessage:
    """A document with answers: the payer, the number of the batch of appeals, the answers, and the document's day.

    `of_protocol` answers the batch as a whole.
    """

    payer: str | None
    batch_number: int
    answers: tuple[DocumentAnswer, ...] = ()
    of_protocol: bool | None = None
    justification: str | None = None
    issued_on: date | None = None
