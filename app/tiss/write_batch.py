"""Writes a TISS batch document (lote de guias) with its hash; the `tiss` package builds and validates it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import tiss

from app.domain.calendar import BRASILIA
from app.domain.errors import ErrorCode, Failure, raise_any, refuse
from app.tiss import expenses, write_guide
from app.tiss.findings import errors_in, without_values
from app.tiss.write_guide import OutgoingGuide

_HASH: Final = re.compile("<ans:hash>([^<]*)</ans:hash>")


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A document as text, which is stored and sent in ISO-8859-1, and the hash in its epilogue."""

    xml: str
    hash: str


def document(guides: Sequence[OutgoingGuide], number: str, now: datetime) -> WrittenBatch:
    """The guides as one document; a failure at `claimIds.N` for each claim that cannot be written.

    Takes about a second of CPU for 3,000 items: call it in a child process.
    """
    raise_any(failure for index, guide in enumerate(guides) for failure in write_guide.failures(guide, index))
    xml = _built(guides, number, now)
    raise_any(_findings(xml, guides))
    text = xml.decode("iso-8859-1")
    return WrittenBatch(text, _HASH.findall(text)[-1])


def _built(guides: Sequence[OutgoingGuide], number: str, now: datetime) -> bytes:
    moment = now.astimezone(BRASILIA)
    lote: Any = {
        "versao": "4.03.00",
        "transacao": {
            "sequencial_transacao": number,
            "data_registro_transacao": moment.date().isoformat(),
            "hora_registro_transacao": moment.strftime("%H:%M:%S"),
        },
        "prestador": write_guide.identity(guides[0].provider, "cnpj", "codigo_prestador_na_operadora"),
        "operadora": {"registro_ans": guides[0].claim.payer},
        "numero_lote": number,
        "guias": [write_guide.as_dict(guide) for guide in guides],
    }
    try:
        return expenses.with_expenses(tiss.build_lote(lote), [guide.items for guide in guides])
    except tiss.LoteError as error:
        message = f"cannot write these claims as a TISS document: {without_values(str(error))}"
        raise refuse(ErrorCode.INVALID_INPUT, message, "claimIds", "5001") from None


def _findings(xml: bytes, guides: Sequence[OutgoingGuide]) -> list[Failure]:
    """The validator's errors, each at its claim."""
    paths = {guide.claim.provider_claim_number: f"claimIds.{index}" for index, guide in enumerate(guides)}
    return [
        Failure(
            ErrorCode.INVALID_INPUT, without_values(each.message), paths.get(each.guia or "", "claimIds"), each.glosa
        )
        for each in errors_in(xml)
    ]
