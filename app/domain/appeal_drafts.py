"""The draft of a justification: what the gateway knows that speaks for the payment, as sentences for the payer."""

from collections.abc import Sequence
from datetime import date

from app.domain.denials import JUSTIFICATION_MAX
from app.domain.described import DescribedEnum
from app.values.frozen import frozen


class AppealEvidenceKind(DescribedEnum):
    AUTHORIZATION = "AUTHORIZATION", "The payer's authorization (senha)."
    CONTRACT_PRICE = "CONTRACT_PRICE", "The agreed price on the day of the item."
    TERM = "TERM", "The TUSS term of the code, valid on the day of the item."
    ELIGIBILITY = "ELIGIBILITY", "The payer's answer that the patient was covered on the day of the item."
    PROTOCOL = "PROTOCOL", "The payer's protocol of the reception of the claim."
    WON_APPEALS = "WON_APPEALS", "Earlier appeals against denials with the same code that this payer granted."


@frozen
class Evidence:
    """One proof as a sentence in Portuguese, and its day."""

    kind: AppealEvidenceKind
    text: str
    day: date | None = None


@frozen
class AppealDraft:
    """The text to sign, its evidence, and the latest won appeals with the same code, by the ids of their denials."""

    justification: str
    evidence: tuple[Evidence, ...]
    won_ids: tuple[str, ...]


def justification(opening: str, evidence: Sequence[Evidence]) -> str:
    """The opening and as many sentences as fit into the field of the standard, each of them whole."""
    text = opening[:JUSTIFICATION_MAX]
    for each in evidence:
        longer = f"{text} {each.text}"
        if len(longer) <= JUSTIFICATION_MAX:
            text = longer
    return text


def written(day: date) -> str:
    """The day as Brazilians write it."""
    return f"{day:%d/%m/%Y}"
