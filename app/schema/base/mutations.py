"""Mutations: a root field for each action, with expected failures as data (UserError)."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Annotated, Any, Final

import strawberry
from strawberry.types.base import has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.types.maybe import Some
from strawberry.utils.str_converters import to_camel_case

from app.domain.errors import BillingError, ErrorCode, Failure, raise_any, refuse
from app.resolvers.context import Context
from app.schema.base import inputs, lists
from app.schema.base.forms import Malformed, joined, readable, refusing
from app.schema.base.info import Info
from app.schema.base.inputs import Deferred, Whole
from app.schema.base.permissions import Requires
from app.schema.base.scalars import Invalid
from app.schema.base.types import object_type
from app.schema.base.user_errors import UserError, input_name, located, user_errors
from app.services.outcomes import Outcome
from app.unit_of_work.action import Action
from app.unit_of_work.idempotency import Written

KEY = "Makes a retry safe: the same key with the same input returns the first result."
VERSION = "The version you read: STALE_VERSION if the object has changed since. Null skips the check."
REPLAYED = "Whether this is the stored result of an earlier call with the same idempotency key."

_PLAIN: Final = frozenset({type(None), str, int, bool, date})


def failures_in(value: Any, path: str = "") -> Iterator[Failure]:
    """A failure with its path for every value in the input tree that its scalar could not parse, and for every list
    that is longer than its `@constraint`."""
    if isinstance(value, Invalid):
        yield Failure(value.code, value.message, path or None, value.tiss_code)
    elif isinstance(value, Some):
        yield from failures_in(value.value, path)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from failures_in(part, f"{path}.{index}" if path else str(index))
    elif has_object_definition(value):
        if isinstance(value, Whole) and (failure := value.failure()):
            yield failure.under(path) if path else failure
        for field in value.__strawberry_definition__.fields:
            part = getattr(value, field.python_name)
            # Most values are plain: naming each of thousands would take longer than everything else here.
            if type(part) not in _PLAIN:
                name = input_name(field)
                yield from _failures_in_part(field, part, f"{path}.{name}" if path else name)


def _failures_in_part(field: StrawberryField, part: Any, path: str) -> Iterator[Failure]:
    too_long = lists.too_long(field, part)
    if too_long:
        yield Failure(ErrorCode.INVALID_INPUT, too_long, path)
    else:
        yield from failures_in(part, path)


def check_arguments(**arguments: Any) -> None:
    """Refuse query arguments that their scalars could not parse."""
    raise_any(failure for name, value in arguments.items() for failure in failures_in(value, to_camel_case(name)))


def check_length(most: int, **arguments: Sequence[Any] | None) -> None:
    """Refuse query arguments that are lists of more values than their `@constraint` allows."""
    too_long = [name for name, values in arguments.items() if values is not None and len(values) > most]
    raise_any(Failure(ErrorCode.INVALID_INPUT, lists.at_most(most), to_camel_case(name)) for name in too_long)


@object_type(description="Fields that every mutation returns in addition to its result.")
class MutationPayload:
    errors: list[UserError] = strawberry.field(
        default_factory=list,
        description=f"Reasons why nothing was changed, at most {lists.ERRORS_MAX}; empty on success.",
        directives=[lists.USER_ERRORS],
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)


Via = Callable[[Context, Mapping[str, Any], str | None], Awaitable[Written[Any]]]


def mutation(
    action: Action[Any],
    input: type,
    payload: type[MutationPayload],
    description: str,
    *,
    via: Via | None = None,
    directives: Sequence[object] = (),
) -> StrawberryField:
    """The root field of an action, with the action's name and permission. It is nullable: a refused or failed mutation
    is null and has an error, and the others of its request are still answered.

    The service's arguments are the fields of the input or, if it has that method, the result of its `arguments()`. The
    payload's own field is the result; if it has several, they are the attributes of the result. `via` replaces the
    direct call of the action, for example to look in the cache first.
    """
    inputs.defer(input)
    answered = _payload_of(action.name, payload)

    async def resolve(info: Any, input: Any) -> Any:
        return await _answer(info.context, action, answered, input, via)

    resolve.__name__ = _snake_case(action.name)
    resolve.__annotations__ = {"info": Info, "input": _argument(input), "return": answered | None}
    if action.needs is None:
        raise AssertionError(f"set `needs` of the action {action.name} to a permission")
    field: StrawberryField = strawberry.mutation(
        resolver=resolve,
        name=action.name,
        description=description,
        directives=directives,
        extensions=[Requires(action.needs)],
    )
    return field


def _payload_of(name: str, base: type[MutationPayload]) -> type[MutationPayload]:
    """The mutation's own payload type, `CreateClaimPayload` for `createClaim`, with the fields of the base: so that one
    mutation can get a field without the others."""
    named = f"{name[0].upper()}{name[1:]}Payload"
    if base.__name__ == named:
        return base
    made = type(named, (base,), {"__module__": base.__module__})
    description = base.__strawberry_definition__.description  # type: ignore[attr-defined]  # every payload has one
    return object_type(description=description)(made)


def _argument(input: type) -> Any:
    """The input as the argument of its mutation, which is described by what the input says of itself."""
    definition = input.__strawberry_definition__  # type: ignore[attr-defined] # every input has one
    return Annotated[input, strawberry.argument(description=definition.description)]


async def _answer(
    ctx: Context, action: Action[Any], payload: type[MutationPayload], input: Deferred, via: Via | None
) -> MutationPayload:
    """Run the action: failures become `errors`, the result becomes the payload's own fields."""
    malformed: Sequence[Failure] = ()
    try:
        arguments = await _arguments(action, ctx, input)
        key = input.value.get("idempotencyKey")
        if isinstance(arguments, Malformed):
            # Nothing is done: a key has no part in it.
            malformed, key = arguments.failures, None
            arguments, ctx.checking = arguments.arguments, partial(refusing, malformed=malformed)
        written = await (via(ctx, arguments, key) if via is not None else ctx.change(action, arguments, key=key))
    except BillingError as error:
        found = [located(input.type, failure) for failure in error.failures]
        return payload(errors=user_errors(joined(malformed, found)))
    finally:
        ctx.checking = None
    return payload(errors=[], replayed=written.replayed, **_result_fields(payload, _named(input.type, written.value)))


def _named(input: type, result: Any) -> Any:
    """The result; refusals of single objects in it have their paths as the input names them."""
    if not isinstance(result, list):
        return result
    return [
        replace(each, failures=tuple(located(input, failure) for failure in each.failures))
        if isinstance(each, Outcome)
        else each
        for each in result
    ]


async def _arguments(action: Action[Any], ctx: Context, input: Deferred) -> Mapping[str, Any] | Malformed:
    """The arguments of the action's service, also if some values cannot be read."""
    try:
        _require_key(ctx, input)
        return await inputs.read(input, _checked)
    except BillingError as error:
        ctx.changes.refused(action, error)
        raise


def _checked(input: Any) -> Mapping[str, Any] | Malformed:
    """The input as arguments; with stand-ins for values that a scalar could not parse."""
    failures = tuple(failures_in(input))
    if not failures:
        return _arguments_of(input)
    try:
        return Malformed(_arguments_of(readable(input)), failures)
    except BillingError as error:
        raise BillingError(*joined(failures, error.failures)) from None


def _arguments_of(input: Any) -> Mapping[str, Any]:
    if hasattr(input, "arguments"):
        arguments: Mapping[str, Any] = input.arguments()
        return arguments
    return {name: value for name, value in vars(input).items() if name != "idempotency_key"}


def _require_key(ctx: Context, input: Deferred) -> None:
    """Refuse a change without a key over a socket or a shared stream: its client sends it again by itself after a lost
    connection."""
    may_have_key = "idempotency_key" in input.type.__annotations__
    if ctx.is_over_socket and may_have_key and input.value.get("idempotencyKey") is None:
        message = "send an idempotencyKey with a mutation over a WebSocket or a shared stream"
        raise refuse(ErrorCode.IDEMPOTENCY_KEY_REQUIRED, message, "idempotencyKey")


def _result_fields(payload: type[MutationPayload], result: Any) -> dict[str, Any]:
    own = {name for base in payload.__mro__ if issubclass(base, MutationPayload) for name in base.__annotations__}
    names = [name for name in own if name not in MutationPayload.__annotations__]
    if len(names) == 1:
        return {names[0]: result}
    return {name: getattr(result, name) for name in names}


def _snake_case(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()
