"""Permission: one object writes the rule into the SDL and enforces it."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NewType

import strawberry
from strawberry.extensions.field_extension import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from app.auth import Principal

ScopeName = NewType("ScopeName", str)
SCOPE = strawberry.scalar(
    name="Scope",
    description="A permission, written `resource:verb`. Roles are sets of them.",
    serialize=str,
    parse_value=str,
)


@strawberry.enum(description="What kind of sensitive data a field carries.")
class DataClass(Enum):
    PERSONAL = strawberry.enum_value("PERSONAL", description="Identifies a person.")
    HEALTH = strawberry.enum_value("HEALTH", description="Tells about a person's health.")
    FINANCIAL = strawberry.enum_value("FINANCIAL", description="Amounts and bank details.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requiresScopes",
    description="Scopes the caller needs: any of the outer list, all of an inner one.",
)
class RequiresScopes:
    scopes: list[list[ScopeName]]


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION], name="sensitive", description="The kind of sensitive data behind a field."
)
class Sensitive:
    data: DataClass


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION], name="authenticated", description="The caller needs a valid token."
)
class AuthenticatedDirective:
    """No arguments: any valid token will do."""


class AccessRefused(Exception):
    """The caller may not use this field: UNAUTHENTICATED without a token, FORBIDDEN with the scope that is missing."""

    def __init__(self, principal: Principal, needed: tuple[str, ...]) -> None:
        wanted = " or ".join(needed)
        if principal.is_anonymous:
            self.code, self.message = "UNAUTHENTICATED", "send an Authorization header with a bearer token"
        else:
            self.code, self.message = "FORBIDDEN", f"this needs the permission {wanted}"
        self.extensions: dict[str, object] = {"code": self.code, "permission": wanted}
        super().__init__(self.message)


def check(principal: Principal, *any_of: str) -> None:
    """Raise AccessRefused unless the caller holds one of the scopes."""
    if principal.scopes.isdisjoint(any_of):
        raise AccessRefused(principal, any_of)


class Requires(FieldExtension):
    """The field needs one of these scopes; states it in the SDL and in the description."""

    def __init__(self, *any_of: str, data: DataClass | None = None) -> None:
        self.any_of = any_of
        self.data = data

    def apply(self, field: StrawberryField) -> None:
        """Write the rule into the schema."""
        field.directives = [*field.directives, RequiresScopes(scopes=[[ScopeName(scope)] for scope in self.any_of])]
        if self.data is not None:
            field.directives = [*field.directives, Sensitive(data=self.data)]
        wanted = " or ".join(f"`{scope}`" for scope in self.any_of)
        field.description = f"{field.description or ''} Needs {wanted}.".strip()

    def allow(self, principal: Principal) -> None:
        """Refuse callers who hold none of the scopes."""
        check(principal, *self.any_of)

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Enforce the rule on a plain field."""
        self.allow(info.context.principal)
        return next_(source, info, **arguments)

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Any, **arguments: Any
    ) -> Any:
        """Enforce the rule on a field that waits."""
        self.allow(info.context.principal)
        found = next_(source, info, **arguments)
        # A subscription gives its stream at once, there is nothing to wait for.
        return found if hasattr(found, "__aiter__") else await found


class Authenticated(Requires):
    """The field needs a valid token and no permission of its own."""

    def __init__(self) -> None:
        super().__init__()

    def apply(self, field: StrawberryField) -> None:
        """Write the rule into the schema, in the form that the routers of the ecosystem know."""
        field.directives = [*field.directives, AuthenticatedDirective()]

    def allow(self, principal: Principal) -> None:
        """Refuse callers without a token."""
        if principal.is_anonymous:
            raise AccessRefused(principal, ())


def personal(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field that identifies a person."""
    return [Requires(*any_of, data=DataClass.PERSONAL)]


def health(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field that tells about somebody's health."""
    return [Requires(*any_of, data=DataClass.HEALTH)]


def financial(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field with amounts or bank details."""
    return [Requires(*any_of, data=DataClass.FINANCIAL)]


def amount(name: str, description: str) -> Any:
    """A money field: named `name` for clients, financial data, and nullable because it may be refused."""
    return strawberry.field(name=name, description=description, extensions=financial("amounts:read"))
