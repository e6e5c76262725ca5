"""Books that are added up by month, and what the sum of all rows is."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from hypothesis.stateful import rule
from strawberry.utils.str_converters import to_camel_case

from app.db.reconciliation import LedgerFilter, reconcile
from app.domain.data_scope import EVERYTHING
from app.domain.money import format_money
from app.services.books import prove
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

    async def _all_rows(self) -> dict[str, str]:
        async with self.stage.gateway.database.snapshot() as connection:
            found = await reconcile(connection, EVERYTHING, LedgerFilter(payer=self.world.payer))
        cents = {each.name: getattr(found, each.name) for each in fields(found)}
        cents["unexplained_cents"] = found.unexplained_cents
        return {
            f"{to_camel_case(name.removesuffix('_cents'))}Amount": format_money(each) for name, each in cents.items()
        }
