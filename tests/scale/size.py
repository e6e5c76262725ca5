"""How large the database is."""

from dataclasses import dataclass
from typing import Final

from tests.length import IS_FULL


@dataclass(frozen=True)
class Size:
    """How many rows there are of each kind, for so many claims."""

    claims: int

    @property
    def patients(self) -> int:
        return self.claims // 10

    @property
    def denials(self) -> int:
        return self.claims // 4

    @property
    def invoices(self) -> int:
        return self.claims // 4

    @property
    def settlements(self) -> int:
        return self.claims // 2

    @property
    def batches(self) -> int:
        return self.claims // 10

    @property
    def remittances(self) -> int:
        return self.claims // 20

    @property
    def invoice_lines(self) -> int:
        """Of one invoice that has many."""
        return self.claims // 50

    @property
    def import_results(self) -> int:
        return self.claims // 20


SIZE: Final = Size(1_000_000 if IS_FULL else 50_000)
