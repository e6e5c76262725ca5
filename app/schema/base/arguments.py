"""Arguments that several root fields have in common, with their descriptions."""

from typing import Annotated, Any, Final

import strawberry

from app.domain.identifiers import AnsCode, Cnes
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX, PAGE_SIZE

FILTER: Final = strawberry.argument(description="What the objects must match; null for all in the data scope.")
ORDER: Final = strawberry.argument(description="Order of the list; null for its default.")
EVENT_FILTER: Final = strawberry.argument(description="What the events must match; null for all in the data scope.")
PERIOD: Final = strawberry.argument(description="Period to report on; null for all time.")


def _first(most: int) -> Any:
    given = f"Number of objects on the page, 1 to {most}; {PAGE_SIZE} if neither this nor `last` is given."
    return strawberry.argument(description=given)


def _last(most: int) -> Any:
    return strawberry.argument(description=f"Number of objects on a page that is read backwards, 1 to {most}.")


First = Annotated[int | None, _first(PAGE_MAX)]
FirstLines = Annotated[int | None, _first(LINES_PAGE_MAX)]
After = Annotated[
    str | None,
    strawberry.argument(
        description="`endCursor` of the page before, with the same filter and order; null for the first page."
    ),
]
Last = Annotated[int | None, _last(PAGE_MAX)]
LastLines = Annotated[int | None, _last(LINES_PAGE_MAX)]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="With `last`: `startCursor` of the page that follows, with the same filter and order; null for the "
        "last page."
    ),
]
AfterEvent = Annotated[
    str | None,
    strawberry.argument(
        description="`cursor` of the last event that you received: the stream continues after it. Null starts now."
    ),
]
OfProvider = Annotated[
    Cnes | None, strawberry.argument(name="providerCnes", description="Provider, by CNES; null for all.")
]
OfPayer = Annotated[
    AnsCode | None, strawberry.argument(name="payerAnsCode", description="Payer, by registro ANS; null for all.")
]
