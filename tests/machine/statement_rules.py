"""Statements of the payer: imported, matched by hand, posted, dismissed and cancelled."""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS, SHARES, Life, decision
from tests.machine.queue_books import CORRECTION
from tests.payer_documents import Guide, Item, analysis, message
from tests.spreadsheets import text_file

KEPT = st.lists(st.tuples(st.sampled_from(["01", "02", "07", "08"]), st.integers(0, 60)), max_size=3)
"""Debits of a statement: taxes, a discount and an earlier payment, in thousandths of all that is claimed."""
SHEET = ("Guia", "Item", "Valor pago", "Valor glosa", "Motivo glosa")
FIELDS = ("PROVIDER_CLAIM_NUMBER", "ITEM_SEQUENCE", "PAID_AMOUNT", "DENIED_AMOUNT", "DENIAL_CODE")
STRANGE = {"payerClaimNumber": "NENHUMA", "paidAmount": "1.00"}


class StatementRules(Life):
    """What the finance department does with statements."""

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, shares=st.lists(SHARES, min_size=3, max_size=3), is_paying=st.booleans())
    def remit(self, number: int, shares: list[int], *, is_paying: bool) -> None:
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW", "APPROVED", "PARTIALLY_APPROVED")
        assert claim is not None
        lines = self.lines_of(claim, shares)
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=is_paying)
        assert taken is not None
        self.post(taken["id"])

    @rule(share=SHARES, is_paying=st.booleans())
    def leave_a_part_to_the_patient(self, share: int, *, is_paying: bool) -> None:
        number = f"F{next(NUMBERS):09d}"
        values = self.world.claim_input(providerClaimNumber=number, serviceDate=self.today(), submit=True)
        self.mutate("biller", "createClaim", "claim { id }", values)
        paid, owed = format_money(100_00 - share * 100), format_money(share * 100)
        line = {"providerClaimNumber": number, "itemSequence": 1, "paidAmount": paid, "patientAmount": owed}
        taken = self.import_lines(f"S{next(NUMBERS):09d}", [line], is_paying=is_paying)
        self.post(taken["id"])

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, share=st.integers(1, 110), again=SHARES, kept=KEPT)
    def take_back(self, number: int, share: int, again: int, kept: list[tuple[str, int]]) -> None:
        """A statement net of tax takes back what was paid of a claim, and perhaps pays some of it again."""
        claim = self.pick(self.rows.claims, number, "APPROVED", "PARTIALLY_APPROVED")
        assert claim is not None
        paid = sum(line["settled_cents"] for line in self.rows.lines.of("claim_id", claim["id"]))
        back = max(paid * share // 100, 1)
        lines = [{**_whole(claim, 0), "takenBackAmount": format_money(back)}]
        if again:
            lines.append(_whole(claim, back * again // 100))
        gross = sum(row["claimed_cents"] for row in self.rows.claims.values())
        adjustments = [
            {"direction": "DEBIT", "type": code, "amount": format_money(max(gross * part // 1_000, 1))}
            for code, part in kept
        ]
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=True, adjustments=adjustments)
        self.post(taken["id"])

    def lines_of(self, claim: Row, shares: list[int]) -> list[dict[str, Any]]:
        """Lines of a statement about each item of the claim."""
        items = [item for item in self.rows.items.values() if item["claim_id"] == claim["id"]]
        return [line_of(claim, item, share) for item, share in zip(items, shares, strict=False)]

    def import_lines(self, number: str, lines: list[dict[str, Any]], *, is_paying: bool, **more: Any) -> Any:
        """The imported remittance; None if it was refused."""
        values = {
            "payer": self.world.payer,
            "provider": self.world.provider,
            "statementNumber": number,
            "paidOn": self.today() if is_paying else None,
            "lines": lines,
            "idempotencyKey": key(),
            **more,
        }
        return self.mutate("finance", "importRemittance", "remittance { id }", values)["remittance"]

    def post(self, remittance: str) -> None:
        """Post what of it is matched."""
        values = {"id": remittance, "idempotencyKey": key()}
        self.mutate("finance", "postRemittance", "postedLines putBackLines alreadyPosted", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, shares=st.lists(SHARES, min_size=3, max_size=3), is_posted=st.booleans())
    def pay_an_analysis(self, number: int, shares: list[int], *, is_posted: bool) -> None:
        """Analysis first, payment later, with the same lines under the same number."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW", "APPROVED", "PARTIALLY_APPROVED")
        assert claim is not None
        name, lines = f"S{next(NUMBERS):09d}", self.lines_of(claim, shares)
        taken = self.import_lines(name, lines, is_paying=False)
        if is_posted:
            self.post(taken["id"])
        joined = self.import_lines(name, lines, is_paying=True)
        assert joined == taken
        self.post(taken["id"])
        self.correct(taken["id"], date.fromisoformat(self.today()), 1)

    @precondition(lambda self: self.rows.remittances)
    @rule(number=PICKS, days=st.integers(1, 20))
    def correct_a_day_of_payment(self, number: int, days: int) -> None:
        remittance = self.pick(self.rows.remittances, number, "POSTED", "PARTIALLY_POSTED")
        if remittance is None or remittance["paid_on"] is None:
            return
        self.correct(remittance["id"], remittance["paid_on"], days)

    def correct(self, remittance: str, paid_on: date, days: int) -> None:
        """Say that the payment came so many days earlier."""
        earlier = (paid_on - timedelta(days=days)).isoformat()
        values = {"remittanceId": remittance, "paidOn": earlier, "reason": CORRECTION, "idempotencyKey": key()}
        self.mutate("finance", "correctPaymentDate", "remittance { paidOn }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, shares=st.lists(SHARES, min_size=3, max_size=3), is_again=st.booleans())
    def take_a_statement(self, number: int, shares: list[int], *, is_again: bool) -> None:
        """Imported and left for later, with a line that no claim fits; maybe under the number of a cancelled one."""
        claim = self.pick(self.rows.claims, number, "DRAFT", "SUBMITTED", "UNDER_REVIEW", "APPROVED")
        assert claim is not None
        known = self.pick(self.rows.remittances, number, "CANCELLED") if is_again else None
        name = known["statement_number"] if known else f"S{next(NUMBERS):09d}"
        self.import_lines(name, [*self.lines_of(claim, shares), STRANGE], is_paying=True)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, is_wrong=st.booleans(), is_released=st.booleans())
    def send_a_document(self, number: int, *, is_wrong: bool, is_released: bool) -> None:
        """A payer's document, which pays all of the claim; one with a wrong hash is posted only after a release."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW", "APPROVED", "PARTIALLY_APPROVED")
        assert claim is not None
        items = (item for item in self.rows.items.values() if item["claim_id"] == claim["id"])
        guide = Guide(claim["provider_claim_number"], claim["card_number"], tuple(map(_item, items)))
        said = analysis(self.world, f"X{next(NUMBERS):09d}", guide)
        taken = self.import_document(said, is_wrong=is_wrong)
        if taken["remittance"] is None:
            # The whole claim is for nothing, which says nothing.
            return
        self.post(taken["remittance"]["id"])
        if is_released:
            values = {"remittanceId": taken["remittance"]["id"], "reason": "conferido", "idempotencyKey": key()}
            self.mutate("finance", "releaseRemittance", "remittance { status }", values)
        self.post(taken["remittance"]["id"])
        # Under another number, and with another envelope, it is the same.
        again = self.import_document(said.replace("<numeroDemonstrativo>X", "<numeroDemonstrativo>Y"), is_wrong=False)
        assert (again["alreadyImported"], again["remittance"]) == (True, taken["remittance"])

    def import_document(self, said: str, *, is_wrong: bool) -> Any:
        """The payload of the import of this statement, in a message of its own."""
        values = {
            "payer": self.world.payer,
            "provider": self.world.provider,
            "paidOn": self.today(),
            "xml": message(self.world.payer, said, digest="0" * 32 if is_wrong else None),
            "idempotencyKey": key(),
        }
        return self.mutate("finance", "importRemittance", "alreadyImported remittance { id }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, shares=st.lists(SHARES, min_size=3, max_size=3), is_wrong=st.booleans())
    def send_a_spreadsheet(self, number: int, shares: list[int], *, is_wrong: bool) -> None:
        """A payer's spreadsheet about a claim, twice, maybe with a total that is not the sum of its rows."""
        claim = self.pick(self.rows.claims, number, "SUBMITTED", "UNDER_REVIEW", "APPROVED", "PARTIALLY_APPROVED")
        assert claim is not None
        rows = [_row(line) for line in self.lines_of(claim, shares)]
        name = f"P{next(NUMBERS):09d}"
        total = sum(int(row[2].replace(",", "")) for row in rows) + is_wrong
        content = text_file(SHEET, *rows, ("Total", "", _comma(total)), (name,))
        done = self.import_sheet(content)
        if done["remittance"] is None:
            return
        self.post(done["remittance"]["id"])
        again = self.import_sheet(content + b"\r\n;;")
        assert (again["alreadyImported"], again["remittance"]) == (True, done["remittance"])

    def import_sheet(self, content: bytes) -> Any:
        """The payload of the import of this spreadsheet."""
        columns = [{"header": header, "field": field} for header, field in zip(SHEET, FIELDS, strict=True)]
        sheet = {
            "payerAnsCode": self.world.payer,
            "providerCnes": self.world.provider,
            "documentId": self.stage.upload(self.tokens["finance"], content),
            "columns": columns,
        }
        values = {"spreadsheet": sheet, "payment": {"paidOn": self.today()}, "idempotencyKey": key()}
        return self.mutate("finance", "importSpreadsheet", "alreadyImported remittance { id }", values)

    @precondition(lambda self: self.rows.remittances)
    @rule(number=PICKS)
    def post_a_statement(self, number: int) -> None:
        remittance = self.pick(self.rows.remittances, number, "IMPORTED", "PARTIALLY_POSTED")
        assert remittance is not None
        self.post(remittance["id"])

    @rule(number=PICKS, is_new=st.booleans())
    def cancel_a_statement(self, number: int, *, is_new: bool) -> None:
        known = None if is_new else self.pick(self.rows.remittances, number, "IMPORTED")
        remittance = known or self.import_lines(f"S{next(NUMBERS):09d}", [STRANGE], is_paying=True)
        values = {"remittanceId": remittance["id"], "reason": "arquivo errado", "idempotencyKey": key()}
        self.mutate("finance", "cancelRemittance", "remittance { status }", values)

    @precondition(lambda self: self.rows.remittance_lines)
    @rule(number=PICKS, other=PICKS, name=st.sampled_from(["match", "unmatch", "dismiss"]))
    def work_on_a_line(self, number: int, other: int, name: str) -> None:
        before = {"match": ("UNMATCHED", "DISMISSED"), "unmatch": ("MATCHED",), "dismiss": ("UNMATCHED",)}
        line = self.pick(self.rows.remittance_lines, number, *before[name])
        claim = self.pick(self.rows.claims, other)
        if line is None or claim is None:
            return
        values = {
            "match": {"id": line["id"], "claimId": claim["id"]},
            "unmatch": {"remittanceLineId": line["id"]},
            "dismiss": {"remittanceLineId": line["id"], "reason": "fora do sistema"},
        }
        keyed = {**values[name], "idempotencyKey": key()}
        self.mutate("finance", f"{name}RemittanceLine", "line { status problem }", keyed)


def _item(item: Row) -> Item:
    """The item in a document, paid in full."""
    total = format_money(item["total_cents"])
    day = str(item["performed_on"])
    return Item(total, total, sequence=str(item["sequence"]), code=item["code"], day=day)


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    """A line of a statement as a row of a spreadsheet."""
    denials = line["denials"]
    codes, amounts = ["; ".join(each[name] for each in denials) for name in ("code", "amount")]
    paid, denied = line["paidAmount"].replace(".", ","), amounts.replace(".", ",")
    return (line["providerClaimNumber"], str(line["itemSequence"]), paid, denied, codes)


def _comma(cents: int) -> str:
    return format_money(cents).replace(".", ",")


def line_of(claim: Row, item: Row, share: int) -> dict[str, Any]:
    """A statement's line: the decision anew, or what was approved when the decision is there."""
    decided = decision(item, share)
    if item["approved_cents"] is not None:
        decided = {"approvedAmount": format_money(item["approved_cents"] * share // 100), "denials": []}
    return {
        "providerClaimNumber": claim["provider_claim_number"],
        "itemSequence": item["sequence"],
        "paidAmount": decided["approvedAmount"],
        "denials": decided["denials"],
    }


def _whole(claim: Row, cents: int) -> dict[str, Any]:
    """A statement's line about a whole claim."""
    return {"providerClaimNumber": claim["provider_claim_number"], "paidAmount": format_money(cents)}
