"""Arguments that several root fields have in common, with their descriptions."""

from typing import Annotated, Final

import strawberry

from app.domain.identifiers import AnsCode, Cnes
from app.resolvers.paging import LINES_PAGE_MAX, PAGE_MAX

FILTER: Final = strawberry.argument(description="What the objects must match; null for all in the data scope.")
ORDER: Final = strawberry.argument(description="Order of the list; null for its default.")
EVENT_FILTER: Final = strawberry.argument(description="What the events must match; null for all in the data scope.")
PERIOD: Final = strawberry.argument(description="Period to report on; null for all time.")

First = Annotated[int, strawberry.argument(description=f"Number of objects on the page, 1 to {PAGE_MAX}.")]
FirstLines = Annotated[int, strawberry.argument(description=f"Number of objects on the page, 1 to {LINES_PAGE_MAX}.")]
After = Annotated[
    str | None,
    strawberry.argument(
        description="`endCursor` of the previous page, with the same filter and order; null for the first page."
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
