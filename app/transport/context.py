"""What the transport asks of the context of a request: every member it uses, and nothing about any feature.

A context without one of these members is a type error where the view is built. At run time it fails closed: the request
gets a masked error, never a permission that nobody granted.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol

from app.executor.asked import Asked
from app.transport.work import Admit, Work


class OperationContext(Protocol):
    """One request or socket, and each operation of it, as one caller."""

    @property
    def request_id(self) -> str:
        """The id that logs and masked errors show."""

    @property
    def caller(self) -> str:
        """Whose rate and streams are counted; anonymous callers are told apart by address."""

    @property
    def is_authenticated(self) -> bool:
        """Whether the caller has identified themselves, by a token or a certificate."""

    @property
    def may_introspect(self) -> bool:
        """Whether the caller may read the schema."""

    @property
    def expires_at(self) -> float | None:
        """When the caller's token expires (Unix seconds); None for never."""

    @property
    def sharing_key(self) -> Hashable | None:
        """Equal for callers to whom every object looks the same; None for a caller who shares with nobody."""

    @property
    def common_key(self) -> Hashable | None:
        """Equal for callers to whom the object of an event that both receive looks the same, with all that belongs to
        the same parties; None for a caller to whom it may look different."""

    def may_share(self, event: Any) -> bool:
        """Whether what belongs to the event's parties is in the caller's data scope, as far as the event names them."""

    def of_parties(self, event: Any) -> "OperationContext":
        """A fresh context for this event with the caller's permissions, that reaches only what belongs to its
        parties."""

    @property
    def visibility(self) -> Hashable | None:
        """Equal for callers who may see the same fields; None for a caller whose operations are not planned."""

    asked: Asked
    """Which attributes of records the operation may use; None for all of them."""

    def noted(self) -> Any:
        """What was noted for `disclosures` until now, for `restart`."""

    def restart(self, noted: Any = None) -> None:
        """Forget what the operation has asked for and read so far, and its notes but those `noted` before: another
        executor begins it from the start."""

    def name_operation(self, names: str) -> None:
        """What `disclosures` call a query: the names of its root fields."""

    def note_shown(self, operation: str, classes: Sequence[str], records: Sequence[Any]) -> None:
        """Note for `disclosures` that data of these classes was shown of the records; `operation` names root fields."""

    def note_refused(self, operation: str, refusals: Sequence[tuple[str, str]]) -> None:
        """Note for `disclosures` that these (class, permission) pairs were refused."""

    @property
    def work(self) -> Work:
        """What this operation, or this event of a subscription, has used of its budget."""

    async def authenticate(self, authorization: str | None) -> None:
        """Become the caller of this Authorization value; Unauthenticated if it is refused."""

    @property
    def admit(self) -> Admit:
        """Takes tokens from the caller's rate limit; an error with the code RATE_LIMITED if there are too few. It does
        not lead back to the context."""

    def for_operation(self) -> "OperationContext":
        """A fresh context for one operation, or one event of a subscription, of the same caller."""

    def forget(self) -> None:
        """Drop all loaded rows."""

    def disclosures(self) -> Any:
        """What the operation showed and refused so far, for `record_disclosures`; None for nothing."""

    async def store_disclosures(self) -> None:
        """Before the answer of an operation: store what it showed, if that must not wait for the batch."""

    def record_disclosures(self, disclosures: Any) -> None:
        """Enter into the access log that this caller saw them; None is ignored."""

    def record_heard(self, disclosures: Any) -> None:
        """As `record_disclosures`, of an answer that others may receive too."""
