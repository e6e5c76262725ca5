"""The protocol (protocolo de recebimento): the payer's answer to a batch that it was sent."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from app.domain import tabela38
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import ascii_or_none
from app.domain.text import ascii_failure
from app.values.frozen import frozen

NUMBER_LENGTH_MAX: Final = 12
CODE_LENGTH_MAX: Final = 4
"""Of a reason: those of Tabela 38 have four digits."""
PATH: Final = "protocol"


@frozen
class RefusedClaim:
    """A claim that the payer refuses at reception, by its id or by the provider's number, with a code of Tabela 38."""

    code: str
    claim_id: str | None = None
    provider_claim_number: str | None = None


@frozen
class Protocol:
    """The payer has received the batch, without the refused claims."""

    number: str
    received_on: date
    refused: tuple[RefusedClaim, ...] = ()


@frozen
class ProtocolMessage:
    """What a TISS document says of a batch: the payer, the provider's CNPJ (if given), the number of the batch (if
    given), and either the protocol or the code with which the payer rejects the batch."""

    payer: str | None
    tax_id: str | None
    batch_number: str | None
    protocol: Protocol | None
    rejection_code: str | None = None


def failures(protocol: Protocol, today: date, path: str = f"{PATH}.") -> Iterator[Failure | None]:
    """Why the protocol is refused, whatever the batch; its values are under `path`, which ends with a dot."""
    yield ascii_failure(protocol.number, f"{path}number", NUMBER_LENGTH_MAX)
    if protocol.received_on > today:
        yield Failure(ErrorCode.INVALID_DATE, "the day of the reception is in the future", f"{path}receivedOn", "3223")
    for index, each in enumerate(protocol.refused):
        if each.claim_id is not None:
            yield tabela38.code_failure(each.code, f"{path}refused.{index}.code")
        elif ascii_or_none(each.code, CODE_LENGTH_MAX) is None:
            # What a payer writes cannot be corrected: any code that can be stored is.
            message = f"guide {each.provider_claim_number} is refused with a code that is none: ask the payer for it"
            yield Failure(ErrorCode.UNKNOWN_CODE, message, "xml")
    if len({(each.claim_id, each.provider_claim_number) for each in protocol.refused}) < len(protocol.refused):
        yield Failure(ErrorCode.INVALID_INPUT, "name each refused claim only once", f"{path}refused")


def contested_failure(number: str, field: str) -> Failure | None:
    """Why this is not the number of a protocol whose denials are appealed: documents of appeals have digits there."""
    if number.isascii() and number.isdigit() and len(number) <= NUMBER_LENGTH_MAX:
        return None
    return Failure(ErrorCode.INVALID_INPUT, f"use 1 to {NUMBER_LENGTH_MAX} digits", field)


def reason_of(code: str) -> str:
    """The code with its official text, as the history shows it."""
    return f"{code} {tabela38.description(code) or ''}".strip()[:500]
