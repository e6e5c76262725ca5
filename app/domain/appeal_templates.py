"""Templates of justifications: texts with fields, which get the values of a denial."""

import re
from collections.abc import Mapping
from typing import Final

from app.domain.denials import JUSTIFICATION_MAX
from app.domain.errors import ErrorCode, Failure, refuse
from app.domain.text import text_failure

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
FIELDS: Final = {
    "claimNumber": "The provider's number of the claim.",
    "payerClaimNumber": "The payer's number of the claim.",
    "protocol": "The payer's protocol of the claim's batch.",
    "authorization": "The number of the authorization (senha).",
    "serviceDate": "The day on which the item was performed, such as 02/11/2026.",
    "item": "The number of the item.",
    "procedure": "The code of the item.",
    "description": "What was done or used.",
    "code": "The code of the denial.",
    "amount": "The denied amount, such as 1234.50.",
}
"""Field of a template -> its value."""


def template_failure(text: str, field: str) -> Failure | None:
    """Why the text cannot be a template; None if it can."""
    failure = text_failure(text, field, JUSTIFICATION_MAX)
    if failure is not None:
        return failure
    unknown = [name for name in _FIELD.findall(text) if name not in FIELDS]
    if not unknown:
        return None
    message = f"unknown field {{{unknown[0]}}}: use {', '.join(FIELDS)}"
    return Failure(ErrorCode.INVALID_INPUT, message, field)


def filled(text: str, values: Mapping[str, str | None]) -> str:
    """The text with the values of a denial; INVALID_INPUT if a value is missing, or if it becomes too long."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        given = values.get(name)
        if given is None:
            raise refuse(ErrorCode.INVALID_INPUT, f"the denial has no {name}: use another template", "templateId")
        return given

    result = _FIELD.sub(value, text)
    if len(result) > JUSTIFICATION_MAX:
        message = f"with the values of the denial the text has more than {JUSTIFICATION_MAX} characters: shorten it"
        raise refuse(ErrorCode.INVALID_INPUT, message, "templateId")
    return result
