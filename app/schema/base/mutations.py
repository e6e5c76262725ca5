"""Expected failures as data: UserError, and the one place that turns refusals into payloads."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

import strawberry
from strawberry.types.base import has_object_definition
from strawberry.types.maybe import Some
from strawberry.utils.str_converters import to_camel_case

from app.domain.errors import BillingError, ErrorCode, Failure, raise_any
from app.resolvers.context import Context
from app.schema.base.described import described
from app.schema.base.scalars import Invalid
from app.unit_of_work.idempotency import Written

Payload = TypeVar("Payload")
KEY = "Repeat a call safely: the same key with the same input answers the first result."
VERSION = "The version you saw; STALE_VERSION if the object has changed since."
REPLAYED = "Whether this is the stored answer of an earlier call."

described(
    ErrorCode,
    "Why a mutation refused its input; new values may be added.",
    {
        "INVALID_INPUT": "A value has the wrong form, length or characters.",
        "INVALID_AMOUNT": "An amount is malformed, zero, negative, too large or does not add up.",
        "INVALID_QUANTITY": "A quantity or factor is not above zero.",
        "INVALID_DATE": "A date is malformed, in the future, or outside the payer's window.",
        "INVALID_IDENTIFIER": "A CNES, registro ANS, CPF or CNPJ is wrong.",
        "INVALID_CARD": "The card (carteira) is unknown, malformed or expired.",
        "UNKNOWN_CODE": "A code is in no table, or was not valid on the day.",
        "TOTAL_MISMATCH": "The items do not add up to the claimed total.",
        "AUTHORIZATION_EXPIRED": "The authorization (senha) ran out before the service date.",
        "DUPLICATE_CLAIM": "The provider already used this claim number with the payer.",
        "BATCH_TOO_LARGE": "More than 100 claims in a batch, or claims of several types.",
        "APPEAL_EXISTS": "The denial has been appealed before; there is one appeal.",
        "APPEAL_TOO_LATE": "The last day to appeal has passed.",
        "OVER_SETTLEMENT": "More than what is due, or more than what still stands.",
        "CONFLICT": "The object's present state does not allow the action.",
        "STALE_VERSION": "The object has changed since the version that was given.",
        "IDEMPOTENCY_KEY_REUSED": "The idempotency key was used with another input.",
        "CURSOR_EXPIRED": "The events behind the cursor of a stream are no longer kept.",
        "NOT_FOUND": "No such object within the caller's scope.",
    },
)


@strawberry.type(description="One reason why a mutation did nothing.")
class UserError:
    code: ErrorCode = strawberry.field(description="What kind of failure; stable, meant for programs.")
    message: str = strawberry.field(description="A sentence for people.")
    field: str | None = strawberry.field(description="Path in the input, such as `items.0.quantity`.")
    tiss_code: str | None = strawberry.field(
        description="The payer's code for it in Tabela 38 of TISS, if there is one."
    )


def user_errors(failures: Sequence[Failure]) -> list[UserError]:
    """The failures as clients see them."""
    return [UserError(code=f.code, message=f.message, field=f.field, tiss_code=f.tiss_code) for f in failures]


def failures_in(value: Any, path: str = "") -> Iterator[Failure]:
    """Every value of an input tree that its scalar's grammar refused, with its path."""
    if isinstance(value, Invalid):
        yield Failure(value.code, value.message, path or None, value.tiss_code)
    elif isinstance(value, Some):
        yield from failures_in(value.value, path)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from failures_in(part, f"{path}.{index}" if path else str(index))
    elif has_object_definition(value):
        for field in value.__strawberry_definition__.fields:
            name = field.graphql_name or to_camel_case(field.python_name)
            yield from failures_in(getattr(value, field.python_name), f"{path}.{name}" if path else name)


def checked_arguments(**arguments: Any) -> None:
    """Refuse arguments of a query that their scalars could not read."""
    raise_any(failure for name, value in arguments.items() for failure in failures_in(value, to_camel_case(name)))


async def answer(
    ctx: Context,
    mutation: str,
    payload: Callable[..., Payload],
    input: Any,
    act: Callable[[], Awaitable[Written[Any]]],
    fields: Callable[[Written[Any]], dict[str, Any]],
) -> Payload:
    """Run a mutation: refusals become `errors`, the result becomes the payload's `fields`.

    `act` is called only for an input that every scalar could read.
    """
    try:
        raise_any(failures_in(input))
        written = await act()
    except BillingError as error:
        ctx.metrics.mutations.labels(mutation, error.code).inc()
        return payload(errors=user_errors(error.failures))
    ctx.metrics.mutations.labels(mutation, "replayed" if written.replayed else "done").inc()
    return payload(errors=[], **fields(written))
