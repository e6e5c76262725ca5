"""The provider's bank account: files that come again and overlap, and matches by hand."""

from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests import bank_files
from tests.factories import key
from tests.machine import books
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS, Life

ENTRIES = """query($provider: Cnes!) { bankEntries(filter: { providerCnes: [$provider] }, first: 100) {
  nodes { id status amount direction } } }"""
ENTRY = "entries { id status version }"


class BankRules(Life):
    """What the finance department does with the account."""

    @rule(number=PICKS, count=st.integers(1, 3), is_xml=st.booleans(), is_again=st.booleans())
    def take_a_bank_file(self, number: int, count: int, *, is_xml: bool, is_again: bool) -> None:
        """Payments that statements announce, and other money; perhaps the same file once more, written otherwise."""
        found = [_net(row) for row in self.rows.remittances.values()]
        amounts = [cents for cents in found[number % max(len(found), 1) :] if cents > 0][:count]
        amounts += [next(NUMBERS)]
        day = date.fromisoformat(self.today())
        entries = [(day, format_money(cents), "TED") for cents in amounts]
        forms = [bank_files.ofx_xml, bank_files.ofx] if is_xml else [bank_files.ofx, bank_files.ofx_xml]
        first = self._take(forms[0](*entries))
        if is_again and first["file"]:
            assert self._take(forms[1](*entries))["alreadyImported"] is True

    def _take(self, text: str) -> dict[str, Any]:
        values = {"providerCnes": self.world.provider, "content": {"text": text}, "idempotencyKey": key()}
        fields = "file { id entryCount newEntryCount matchedEntryCount } alreadyImported"
        return self.mutate("finance", "importBankFile", fields, values)

    def entries(self, *statuses: str) -> list[dict[str, Any]]:
        """The entries of the account in these states."""
        found = self.stage.call(self.tokens["finance"], ENTRIES, provider=self.world.provider)["bankEntries"]
        return [each for each in found["nodes"] if each["status"] in statuses]

    @precondition(lambda self: self.rows.remittances)
    @rule(number=PICKS, name=st.sampled_from(["match", "match", "unmatch", "dismiss"]))
    def work_on_an_entry(self, number: int, name: str) -> None:
        entries = self.entries("MATCHED") if name == "unmatch" else self.entries("WAITING")
        if not entries:
            return
        entry = entries[number % len(entries)]
        once = {"idempotencyKey": key()}
        if name == "match":
            paid = [row for row in self.rows.remittances.values() if row["paid_on"]]
            pairs = [(each, row) for each in entries for row in paid]
            fitting = [(each, row) for each, row in pairs if format_money(_net(row)) == each["amount"]]
            for each, row in (fitting or pairs)[-1:]:
                values = {"entryIds": [each["id"]], "remittanceIds": [row["id"]], **once}
                self.mutate("finance", "matchBankEntries", ENTRY, values)
        elif name == "unmatch":
            self.mutate("finance", "unmatchBankEntry", ENTRY, {"bankEntryId": entry["id"], **once})
        else:
            values = {"bankEntryId": entry["id"], "reason": "rendimento", **once}
            self.mutate("finance", "dismissBankEntry", ENTRY, values)

    def each_step_on_the_account(self) -> None:
        """Every mutation of the account once, each of which does what it tries."""
        amount = format_money(90_000_00 + next(NUMBERS))
        values: dict[str, Any] = {"payer": self.world.payer, "provider": self.world.provider, "paidOn": self.today()}
        lines = [{"payerClaimNumber": "NENHUMA", "paidAmount": amount}]
        values |= {"statementNumber": f"S{next(NUMBERS):09d}", "lines": lines, "idempotencyKey": key()}
        self.mutate("finance", "importRemittance", "remittance { id }", values)
        day = date.fromisoformat(self.today())
        assert (
            self._take(bank_files.ofx((day, amount, "TED"), (day, "0.01", "JUROS")))["file"]["matchedEntryCount"] == 1
        )
        self.work_on_an_entry(0, "dismiss")
        self.work_on_an_entry(0, "unmatch")
        self.rows = books.look(self.stage, self.world.payer)
        self.work_on_an_entry(0, "match")


def _net(remittance: Row) -> int:
    """What the statement announces to transfer."""
    return int(remittance["paid_cents"] if remittance["net_cents"] is None else remittance["net_cents"])
