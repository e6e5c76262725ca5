"""What root fields take of a caller's rate where it is more than one token: about one for each 10 ms of processor."""

from typing import Final

from app.transport.weights import Weight

TERM_SEARCH: Final = [Weight.of(2)]
PREFLIGHT: Final = [Weight.of(5)]
SUMS: Final = [Weight.of(10)]
BATCH: Final = [Weight.of(10)]
STATEMENT: Final = [Weight.of(10)]
DOCUMENT: Final = [Weight.of(20)]
