"""Books that are added up by month, and what the sum of all rows is."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis.stateful import rule
from strawberry.utils.str_converters import to_camel_case

from app.db import breakdowns
from app.db.breakdowns import KEY_COLUMN, GroupedFilter, Grouping
from app.db.paging import Keyset
from app.db.reconciliation import LedgerFilter, reconcile
from app.domain.data_scope import EVERYTHING
from app.domain.money import format_money
from app.services.books import prove
from app.services.reconciliation import billing_groups
from tests.machine import books
from tests.machine.life import Life

RECONCILIATION = """query($payer: AnsCode) { reconciliation(payerAnsCode: $payer) {
  billedAmount paidAmount withheldAmount inDisputeAmount lostAmount awaitingAmount underpaidAmount unappliedAmount
  patientAmount unexplainedAmount } }"""


class MoneyRules(Life):
    """What the gateway does with the books by itself."""

    @rule()
    def prove_the_books(self) -> None:
        """Add up all months: the answers of the next steps are partly from these sums."""
        now = datetime.now(UTC) + timedelta(days=self.stage.days)
        assert self.stage.run(prove(self.stage.gateway.database, now, fresh=timedelta(0))) is not None

    def reconciles(self) -> None:
        """5 and 9: to the cent, as text with two decimals."""
        found = self.stage.call(self.tokens["finance"], RECONCILIATION, payer=self.world.payer)["reconciliation"]
        assert found["unexplainedAmount"] == "0.00"
        assert found["billedAmount"] == format_money(books.billed(self.rows))
        withheld, discount = books.kept_back(self.rows)
        settled = sum(invoice["settled_cents"] for invoice in self.rows.invoices.values())
        assert found["withheldAmount"] == format_money(withheld)
        assert found["paidAmount"] == format_money(settled - withheld - discount)
        left = sum(each["amount_cents"] - each["used_cents"] for each in self.rows.credits.values())
        assert found["patientAmount"] == format_money(books.of_patients(self.rows))
        assert found["unappliedAmount"] == format_money(left)
        assert found == self.stage.run(self._all_rows())

    def groups_are_those_of_all_rows(self) -> None:
        """5 for the groups of a payer: from the sums of months and, beside them, from all rows."""
        database, where = self.stage.gateway.database, GroupedFilter(Grouping(("PAYER",)), self._ledger)
        keyset = Keyset(KEY_COLUMN, KEY_COLUMN, descending=False, limit=10)
        now = datetime.now(UTC) + timedelta(days=self.stage.days)

        async def both() -> list[Any]:
            async with database.snapshot() as connection:
                stored = await billing_groups(connection, EVERYTHING, where, keyset, now)
                return [stored, await breakdowns.billing_groups(connection, EVERYTHING, where, keyset)]

        stored, walked = self.stage.run(both())
        assert stored == walked

    @property
    def _ledger(self) -> LedgerFilter:
        return LedgerFilter(payer=self.world.payer)

    async def _all_rows(self) -> dict[str, str]:
        async with self.stage.gateway.database.snapshot() as connection:
            found = await reconcile(connection, EVERYTHING, self._ledger)
        cents = {each.name: getattr(found, each.name) for each in fields(found)}
        cents["unexplained_cents"] = found.unexplained_cents
        return {
            f"{to_camel_case(name.removesuffix('_cents'))}Amount": format_money(each) for name, each in cents.items()
        }
