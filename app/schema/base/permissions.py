"""Permissions: one object writes the rule of a field into the SDL and enforces it."""

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable
from typing import Any, Final, NewType

import strawberry
from strawberry.extensions.field_extension import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField

from app.access_log.notes import OperationNotes, person_of
from app.auth.principal import Principal
from app.domain import ids
from app.domain.access_log import DataClass
from app.domain.identifiers import mask
from app.executor.planner import root_fields
from app.executor.rules import NotPlanned, Verdict
from app.resolvers.context import Context
from app.schema.base.described import described

BREAK_GLASS: Final = "health:break_glass"
_NEEDS: Final = "needs"
ScopeName = NewType("ScopeName", str)
SCOPE = strawberry.scalar(
    name="Scope",
    description="A permission, written `resource:verb`. A role is a set of permissions.",
    serialize=str,
    parse_value=str,
)


described(DataClass, "Class of sensitive data in a field.")


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requiresScopes",
    description="Permissions that the caller needs: all of at least one inner list.",
)
class RequiresScopes:
    scopes: list[list[ScopeName]]


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="sensitive",
    description="The field contains sensitive data of this class.",
    repeatable=True,
)
class Sensitive:
    data: DataClass


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION], name="authenticated", description="The caller needs a valid token."
)
class AuthenticatedDirective:
    """Has no arguments: any valid token is enough."""


class AccessRefused(Exception):
    """The caller may not use this field: UNAUTHENTICATED without a token, FORBIDDEN without the permission."""

    def __init__(self, principal: Principal, any_of: tuple[str, ...]) -> None:
        needed = " or ".join(any_of)
        if principal.is_anonymous:
            self.code, self.message = "UNAUTHENTICATED", "send an Authorization header with a bearer token"
        else:
            self.code, self.message = "FORBIDDEN", f"this needs the permission {needed}"
        self.extensions: dict[str, object] = {"code": self.code, "permission": needed}
        super().__init__(self.message)


def check(principal: Principal, *any_of: str) -> None:
    """Raise AccessRefused unless the caller has one of the permissions."""
    if principal.permissions.isdisjoint(any_of):
        raise AccessRefused(principal, any_of)


class Requires(FieldExtension):
    """The field needs one of these permissions; the SDL and the description say so.

    `data` are the classes of sensitive data in the field: each read of them is recorded. Without the permission `clear`
    the text of the field is masked.
    """

    def __init__(self, *any_of: str, data: DataClass | tuple[DataClass, ...] = (), clear: str | None = None) -> None:
        self.any_of = any_of
        self.data = (data,) if isinstance(data, DataClass) else data
        self.clear = clear

    def apply(self, field: StrawberryField) -> None:
        """Write the rule into the schema, once for the types that have the field from an interface."""
        if any(isinstance(each, RequiresScopes) for each in field.directives):
            return
        field.directives = [*field.directives, RequiresScopes(scopes=[[ScopeName(scope)] for scope in self.any_of])]
        field.directives = [*field.directives, *(Sensitive(data=data) for data in self.data)]
        needed = " or ".join(f"`{scope}`" for scope in self.any_of)
        masked = f" Masked without `{self.clear}`." if self.clear else ""
        field.description = f"{field.description or ''} Needs {needed}.{masked}".strip()

    def allow(self, principal: Principal) -> None:
        """Refuse callers who have none of the permissions."""
        check(principal, *self.any_of)

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **arguments: Any) -> Any:
        """Enforce the rule on a field with a synchronous resolver."""
        if self._admit(source, info):
            value = next_(source, info, **arguments)
            return value if self.clear is None else self.visible_text(info.context.principal, value)
        return self._in_emergency(next_, source, info, arguments)

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Any, **arguments: Any
    ) -> Any:
        """Enforce the rule on a field with an asynchronous resolver."""
        if not self._admit(source, info):
            return await self._in_emergency(next_, source, info, arguments)
        value = next_(source, info, **arguments)
        # A subscription returns its stream at once: there is nothing to await.
        return value if hasattr(value, "__aiter__") else await value

    def verdict(self, context: Context) -> Verdict:
        """The decision for all callers with the same permissions; NotPlanned if an emergency access might help."""
        try:
            self.allow(context.principal)
        except AccessRefused as refused:
            if self._may_be_opened(context):
                raise NotPlanned("a field that an emergency access might open") from None
            needed = str(refused.extensions["permission"])
            return Verdict(self._refusal, refusals=tuple((str(data), needed) for data in self.data or ("",)))
        is_clear = self.clear is None or self.clear in context.principal.permissions
        return Verdict(classes=tuple(data.value for data in self.data), text=None if is_clear else mask)

    def _refusal(self, context: Context) -> AccessRefused:
        return AccessRefused(context.principal, self.any_of)

    def visible_text(self, principal: Principal, text: str | None) -> str | None:
        """The text as this caller may see it."""
        return text if self.clear is None or self.clear in principal.permissions else mask(text)

    def _admit(self, source: Any, info: Any) -> bool:
        """Whether the caller has a permission; False if only an emergency access can help, else AccessRefused.

        Notes the outcome for the access log.
        """
        ctx = info.context
        try:
            self.allow(ctx.principal)
        except AccessRefused as refused:
            if self._may_be_opened(ctx):
                return False
            self._note_refusal(info, refused)
            raise
        note_shown(info, self.data, source)
        return True

    def _may_be_opened(self, ctx: Context) -> bool:
        return self.data == (DataClass.HEALTH,) and BREAK_GLASS in ctx.principal.permissions

    def _note_refusal(self, info: Any, refused: AccessRefused) -> None:
        for data in self.data or ("",):
            _notes(info).refuse(str(data), str(refused.extensions["permission"]))

    async def _in_emergency(self, next_: Callable[..., Any], source: Any, info: Any, arguments: dict[str, Any]) -> Any:
        """Resolve health data of a patient for whom the caller has an open emergency access, else AccessRefused."""
        ctx = info.context
        patient = await _patient_of(ctx, source)
        access = None if patient is None else await ctx.emergency_of(patient)
        if access is None:
            refused = AccessRefused(ctx.principal, self.any_of)
            self._note_refusal(info, refused)
            raise refused
        notes = _notes(info)
        notes.reveal(DataClass.HEALTH.value, source)
        notes.emergencies[person_of(source) or ""] = access
        value = next_(source, info, **arguments)
        return await value if isawaitable(value) else value


def note_shown(info: Any, classes: Iterable[DataClass], record: Any) -> None:
    """Note for the access log that data of these classes was shown of a record."""
    for data in classes:
        _notes(info).reveal(data.value, record)


def _notes(info: Any) -> OperationNotes:
    notes: OperationNotes = info.context.notes
    if not notes.operation:
        notes.operation = root_fields(info.operation)
    return notes


async def _patient_of(ctx: Context, source: Any) -> str | None:
    """The patient whom a record is about; None if there is none, or if it is outside the caller's data scope."""
    person = person_of(source)
    if person is None or person.startswith(ids.PATIENT):
        return person
    claim = await ctx.loaders.claim.load(person)
    return None if claim is None else claim.patient_id


class Authenticated(Requires):
    """The field needs a valid token and no permission of its own."""

    def __init__(self) -> None:
        super().__init__()

    def apply(self, field: StrawberryField) -> None:
        """Write the rule into the schema, once for all schemas that have the field."""
        if any(isinstance(each, AuthenticatedDirective) for each in field.directives):
            return
        field.directives = [*field.directives, AuthenticatedDirective()]

    def allow(self, principal: Principal) -> None:
        """Refuse callers without a token."""
        if principal.is_anonymous:
            raise AccessRefused(principal, ())


def guarded(*any_of: str, description: str, name: str | None = None) -> Any:
    """An optional filter field that needs one of these permissions, because filtering by a value reveals it."""
    needed = " or ".join(f"`{scope}`" for scope in any_of)
    return strawberry.field(
        default=None, name=name, description=f"{description} Needs {needed}.", metadata={_NEEDS: any_of}
    )


def guards_of(filter_type: type) -> dict[str, tuple[str, ...]]:
    """Field name -> the permissions of which it needs one, for every guarded field of a filter."""
    fields = filter_type.__strawberry_definition__.fields  # type: ignore[attr-defined]
    return {field.python_name: field.metadata[_NEEDS] for field in fields if _NEEDS in field.metadata}


def check_input(info: Any, filter: Any, *further: str) -> None:
    """Refuse a filter with a field that the caller may not use; each of the `further` permissions is needed too."""
    needed = [any_of for name, any_of in guards_of(type(filter)).items() if getattr(filter, name) is not None]
    for any_of in [*needed, *((scope,) for scope in further)]:
        check_further(info, any_of)


def check_further(info: Any, any_of: tuple[str, ...]) -> None:
    """Refuse an argument for which the caller has none of these permissions."""
    try:
        check(info.context.principal, *any_of)
    except AccessRefused as refused:
        _notes(info).refuse("", str(refused.extensions["permission"]))
        raise


def marked(*classes: DataClass) -> list[object]:
    """The directives of a field with sensitive data that needs no rule: all fields that lead to it have one."""
    return [Sensitive(data=data) for data in classes]


def personal(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field that identifies a person."""
    return [Requires(*any_of, data=DataClass.PERSONAL)]


def maskable(clear: str = "patients:read") -> list[FieldExtension]:
    """The extensions of a text that identifies a person, masked for callers without the permission `clear`."""
    return [Requires("patients:read", "patients:read_masked", data=DataClass.PERSONAL, clear=clear)]


def health(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field that describes a person's health."""
    return [Requires(*any_of, data=DataClass.HEALTH)]


def financial(*any_of: str) -> list[FieldExtension]:
    """The extensions of a field with amounts or bank details."""
    return [Requires(*any_of, data=DataClass.FINANCIAL)]


def amount(name: str, description: str) -> Any:
    """An amount, called `name` in the API; its type must be nullable, since the caller may lack the permission."""
    return strawberry.field(name=name, description=description, extensions=financial("amounts:read"))
