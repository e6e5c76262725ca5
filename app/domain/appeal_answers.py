"""What a payer answers to appeals: as a caller types it, or as its document (respostaRecursoGlosa) says it."""

from datetime import date

from app.domain.money import Cents
from app.domain.protocols import Protocol
from app.values.frozen import frozen


@frozen
class TypedAnswer:
    """The answer to the appeal against one denial."""

    denial_id: str
    accepted: Cents
    justification: str | None = None


@frozen
class DocumentAnswer:
    """One answer of a document: about an item's denial, or about all denials of a guide with this code.

    `accepted` is an amount for an item, and all or nothing for a guide. `item_code` and `performed_on` say which of the
    items is meant that have the same number.
    """

    provider_claim_number: str
    item_sequence: int | None
    denial_code: str
    accepted: Cents | bool
    justification: str | None = None
    item_code: str | None = None
    performed_on: date | None = None

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


@frozen
class RefusedAppeals:
    """The appeals of a claim, which the payer refuses at reception with a code of Tabela 38."""

    provider_claim_number: str
    code: str


@frozen
class AppealReception:
    """What a payer says of a batch of appeals: the payer and the number of the batch, if it names them, and either the
    protocol or the code with which it refuses the batch."""

    payer: str | None
    batch_number: str | None
    protocol: Protocol | None
    rejection_code: str | None = None
    refused: tuple[RefusedAppeals, ...] = ()


@frozen
class AnswerMessage:
    """A document with answers: the payer, the numbers of the batch of appeals (numeroLote, and as a guide), the
    protocol, the answers, and the document's day.

    `of_protocol` answers the batch as a whole.
    """

    payer: str | None
    batch_numbers: tuple[int, ...]
    answers: tuple[DocumentAnswer, ...] = ()
    of_protocol: bool | None = None
    justification: str | None = None
    issued_on: date | None = None
    protocol: str | None = None
