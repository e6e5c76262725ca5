"""Books that are added up by month, and what the sum of all rows is."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from hypothesis.stateful import rule
from strawberry.utils.str_converters import to_camel_case

from app.db.reconciliation import LedgerFilter, reconcile
from app.domain.data_scope import EVERYTHING
from app.domain.money import format_money
from app.services.books import prove
from tests.machine.life import Life


class MoneyRules(Life):
    """What the gateway does with the books by itself."""

    @rule()
    def prove_the_books(self) -> None:
        """Add up all months: the answers of the next steps are partly from these sums."""
        now = datetime.now(UTC) + timedelta(days=self.stage.days)
        assert self.stage.run(prove(self.stage.gateway.database, now, fresh=timedelta(0))) is not None

    def all_rows(self) -> dict[str, str]:
        """The sum of all rows, as the API would answer it."""
        return self.stage.run(self._all_rows())

    async def _all_rows(self) -> dict[str, str]:
        async with self.stage.gateway.database.snapshot() as connection:
            books = await reconcile(connection, EVERYTHING, LedgerFilter(payer=self.world.payer))
        cents = {each.name: getattr(books, each.name) for each in fields(books)}
        cents["unexplained_cents"] = books.unexplained_cents
        return {
            f"{to_camel_case(name.removesuffix('_cents'))}Amount": format_money(each) for name, each in cents.items()
        }
