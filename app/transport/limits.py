"""The limits on documents, and the error for a document that exceeds one of them."""

from app.transport import errors
from app.transport.errors import RequestError
from app.values.frozen import frozen


@frozen
class Limits:
    """The most that a document may ask for.

    `repeats` limits the sum of squares of how often each response name occurs, because validation compares every two
    fields of one name: 100 times `id` is 10,000, and so is 50 times each of `a`, `b`, `c` and `d`.

    `cost` limits what an answer may hold if every list were as long as it can be, before anything runs; `fields` limits
    what it does hold, while it runs.
    """

    depth: int = 15
    aliases: int = 100
    directives: int = 50
    root_fields: int = 20
    fragments: int = 50
    spreads: int = 100
    repeats: int = 10_000
    cost: int = 5_000_000
    fields: int = 100_000


class TooComplex(RequestError):
    """A document that exceeds a limit; the extensions give the limit, what was found, and the maximum."""

    def __init__(self, limit: str, found: int, most: int, message: str | None = None) -> None:
        usual = f"reduce the document's {limit} from {found} to at most {most}, or send several requests"
        super().__init__(errors.TOO_COMPLEX, message or usual)
        self._extensions = {"code": errors.TOO_COMPLEX, "limit": limit, "found": found, "max": most}

    @property
    def extensions(self) -> dict[str, object]:
        return dict(self._extensions)


def check(limit: str, found: int, most: int) -> None:
    """TooComplex if more was found than the limit allows."""
    if found > most:
        raise TooComplex(limit, found, most)
