"""What an endpoint is: a method, a path, and for each form of its body one stored GraphQL operation."""

from collections.abc import Callable
from dataclasses import field
from typing import Any, Final, Literal

from app.rest.kinds import Group, Member
from app.transport.trusted import digest_of
from app.values.frozen import frozen

Values = dict[str, Any]
Key = Literal["required", "optional", "none"]
HEADER: Final = "Idempotency-Key"


@frozen
class Operation:
    """A stored operation, as if it were a trusted document.

    A mutation takes `$input`, a query its variables one by one. `key` says whether the mutation has an idempotency key;
    `result` is where the answer is inside of the root field, "" for the field itself. A field with the alias `value`
    stands for the object around it.
    """

    text: str
    result: str = ""
    key: Key = "none"
    is_mutation: bool = False
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of(self.text))


@frozen
class Form:
    """One form of a request: what its members are, and the operation that it becomes.

    `complete` changes the values that were read, for what the operation needs and callers did not send; it gets the
    idempotency key too. `id_path` is where the id of the path goes.
    """

    operation: Operation
    members: tuple[Member, ...] = ()
    id_path: str = ""
    complete: Callable[[Values, str], Values] | None = None
    summary: str = ""

    @property
    def group(self) -> Group:
        """Its members as one object."""
        return Group(self.members)


@frozen
class Endpoint:
    """One line of the table.

    `choose` finds the form of a body that has several; a list answers with pages of `nodes`. `status` is that of
    success, and `answers` the schema of such an answer by its name.
    """

    method: Literal["GET", "POST", "PATCH"]
    path: str
    summary: str
    forms: tuple[Form, ...]
    answers: str
    status: int = 200
    is_list: bool = False
    location: str = ""
    choose: Callable[[Values], Form] | None = None

    def form_of(self, values: Values) -> Form:
        """The form of this body; Invalid if it is none."""
        return self.forms[0] if self.choose is None else self.choose(values)
