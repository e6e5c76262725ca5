"""Who acts, through which door, and whose data they reach: known to services, the access log and the history."""

from app.domain.access_log import PurposeOfUse
from app.domain.data_scope import EVERYTHING, DataScope
from app.domain.described import DescribedEnum
from app.values.frozen import frozen


class Door(DescribedEnum):
    """Where an operation came in."""

    GRAPHQL = "GRAPHQL", "The GraphQL API."
    REST = "REST", "The REST API."
    INBOX = "INBOX", "A message from a payer."
    IMPORT = "IMPORT", "A job that imports a document, in the name of who started it."
    POSTING = "POSTING", "A job that posts the lines of a statement, in the name of who started it."
    SWEEP = "SWEEP", "The gateway's own background job for passed deadlines, and for lines whose claims have come."
    CLI = "CLI", "An operator's command line."


@frozen
class Actor:
    """A caller, or the gateway itself at work.

    `subject` is the token's subject, or a fixed name such as `inbox`; `request_id` links log lines, history and access
    log of one operation.
    """

    subject: str
    door: Door
    data_scope: DataScope
    purpose: PurposeOfUse
    request_id: str
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()


def operator(subject: str, door: Door, *, request_id: str, data_scope: DataScope = EVERYTHING) -> Actor:
    """The gateway's own work (sweep, inbox, console): no role, all data unless told otherwise."""
    return Actor(subject, door, data_scope, PurposeOfUse.HPAYMT, request_id)
