"""Expected failures as data: an interface with what every error has, and types for errors with facts to act on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import strawberry
from strawberry.types.base import StrawberryList, StrawberryOptional, has_object_definition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from app.domain import tabela38
from app.domain.errors import ErrorCode, Failure, OverSettlement, StaleVersion, StatusConflict, path_of
from app.domain.money import Cents
from app.language.messages import in_language
from app.schema.base import lists
from app.schema.base.described import described
from app.schema.base.permissions import amount
from app.schema.base.types import interface_type, object_type

MESSAGE = "Message for people, in English or Portuguese by `Accept-Language`; the text may change."
TISS_DESCRIPTION = "Official text of `tissCode`, in Portuguese; null without a code, or if its text is not published."
PATH = "Path in the input, such as `claim`, `items`, `0`, `quantity`; null if it concerns no single value."

described(ErrorCode, "Reason for refusing the input; new values may be added.")


@interface_type(description="One reason why a mutation changed nothing.")
class UserError:
    record: ClassVar[type[Failure]] = Failure

    code: ErrorCode = strawberry.field(description="Stable code, for programs.")
    tiss_code: str | None = strawberry.field(
        description="Matching code of Tabela 38 (TISS table 38); null if there is none."
    )

    @strawberry.field(description=MESSAGE)
    def message(failure: strawberry.Parent[Failure]) -> str:
        return in_language(failure.message)

    @strawberry.field(description=TISS_DESCRIPTION)
    def tiss_description(failure: strawberry.Parent[Failure]) -> str | None:
        return tabela38.official_text(failure.tiss_code)

    @strawberry.field(description=PATH, directives=[lists.PATH])
    def field(failure: strawberry.Parent[Failure]) -> list[str] | None:
        return path_of(failure.field)

    @classmethod
    def is_type_of(cls, value: Any, _info: Any) -> bool:
        return type(value) is cls.record


@object_type(description="An error about which the code and the message say everything.")
class InputError(UserError):
    pass


@object_type(description="The object has changed since the given version.")
class StaleVersionError(UserError):
    record = StaleVersion

    current_version: int = strawberry.field(description="The version to read and to send.")


@object_type(description="The amount exceeds what is due, or what can still be reversed.")
class OverSettlementError(UserError):
    record = OverSettlement

    available_cents: Cents | None = amount("availableAmount", "What can be paid or reversed at most.")


@object_type(description="The object's status does not allow the action.")
class StatusConflictError(UserError):
    record = StatusConflict

    status: str = strawberry.field(description="Present status of the object, a value of its type's enum.")


ERROR_TYPES: Final = (InputError, StaleVersionError, OverSettlementError, StatusConflictError)


def user_errors(failures: Sequence[Failure]) -> Any:
    """The failures as clients see them; the first hundred of them."""
    return list(failures[: lists.ERRORS_MAX])


def located(input: type[Any], failure: Failure) -> Failure:
    """The failure with its path as the input names it."""
    return replace(failure, field=path_in(input, failure.field))


def path_in(input: type[Any], field: str | None) -> str | None:
    """The dotted path as the input names it.

    A service names its own arguments (`id`, `items.0.code`); the input may call them otherwise (`claimId`), and may
    have the form that the service takes in one of its fields (`claim`).
    """
    return None if field is None else ".".join(_named(input, field.split(".")))


def _named(input: Any, parts: list[str]) -> list[str]:
    fields = _fields(input)
    if parts[0] in fields:
        field = fields[parts[0]]
        return [input_name(field), *_rest(field, parts[1:])]
    for field in fields.values():
        if parts[0] in _fields(_inner(field)) and not isinstance(_unwrapped(field.type), StrawberryList):
            return [input_name(field), *_named(_inner(field), parts)]
    return parts


def _rest(field: StrawberryField, parts: list[str]) -> list[str]:
    if parts and parts[0].isdigit():
        return [parts[0], *_rest(field, parts[1:])]
    # A path ends at a plain value, such as an id in a list of ids.
    return _named(_inner(field), parts) if parts and _fields(_inner(field)) else []


def _fields(kind: Any) -> dict[str, StrawberryField]:
    """Fields by the name that a service would use."""
    if not has_object_definition(kind):
        return {}
    return {to_camel_case(field.python_name): field for field in kind.__strawberry_definition__.fields}


def input_name(field: StrawberryField) -> str:
    """What clients call a field of an input."""
    return field.graphql_name or to_camel_case(field.python_name)


def _unwrapped(kind: Any) -> Any:
    return _unwrapped(kind.of_type) if isinstance(kind, StrawberryOptional) else kind


def _inner(field: StrawberryField) -> Any:
    """The type of the field's values, or of the values in its list."""
    kind = _unwrapped(field.type)
    return _unwrapped(kind.of_type) if isinstance(kind, StrawberryList) else kind
