"""The ten invariants, looked up in the rows themselves: plain SQL and the domain's tables, no query of app."""

# ruff: noqa: S608 - the statements are put together from the words below, never from a value

import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from app.domain import claims, denials, invoices
from app.domain.claims import ClaimAction, ClaimStatus
from app.domain.denials import DenialAction, DenialStatus
from app.domain.invoices import InvoiceAction, InvoiceStatus
from app.domain.money import Cents
from app.domain.remittances import RemittanceLineStatus, remittance_status
from tests.machine import adjustment_books, bank_books, batch_books, queue_books
from tests.machine.stage import Stage

Row = dict[str, Any]
STATED = "40301630"
"""The code of items with a total that their provider stated."""
SENT = ("SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION", "APPROVED", "PARTIALLY_APPROVED", "DENIED")
UNDECIDED = SENT[:3]
"""The states of a claim that may have held lines."""


class Table(dict[str, Row]):
    """Rows by id, and by any other column."""

    def of(self, name: str, value: Any) -> list[Row]:
        """The rows with this value, in id order; each column is sorted out once."""
        index: dict[Any, list[Row]] | None = self.__dict__.get(name)
        if index is None:
            index = self.__dict__[name] = {}
            for row in self.values():
                index.setdefault(row[name], []).append(row)
        return index.get(value, [])


@dataclass
class Rows:
    """Everything of one payer, by id."""

    claims: Table = field(default_factory=Table)
    items: Table = field(default_factory=Table)
    denials: Table = field(default_factory=Table)
    invoices: Table = field(default_factory=Table)
    lines: Table = field(default_factory=Table)
    settlements: Table = field(default_factory=Table)
    allocations: Table = field(default_factory=Table)
    deductions: Table = field(default_factory=Table)
    claim_steps: Table = field(default_factory=Table)
    invoice_steps: Table = field(default_factory=Table)
    remittances: Table = field(default_factory=Table)
    remittance_lines: Table = field(default_factory=Table)
    adjustments: Table = field(default_factory=Table)
    adjustment_steps: Table = field(default_factory=Table)
    bank_entries: Table = field(default_factory=Table)
    bank_matches: Table = field(default_factory=Table)
    credits: Table = field(default_factory=Table)
    credit_moves: Table = field(default_factory=Table)
    batches: Table = field(default_factory=Table)
    batch_claims: Table = field(default_factory=Table)
    batch_steps: Table = field(default_factory=Table)
    events: list[Row] = field(default_factory=list)


def look(stage: Stage, payer: str) -> Rows:
    """The rows as they are now."""

    def by_id(query: str) -> Table:
        return Table({row["id"]: row for row in stage.select(query, payer)})

    of_claim = "JOIN claims c ON c.id = t.claim_id WHERE c.payer_ans = %s ORDER BY t.id"
    of_invoice = "JOIN invoices i ON i.id = t.invoice_id WHERE i.payer_ans = %s ORDER BY t.id"
    of_batch = "JOIN batches b ON b.id = t.batch_id WHERE b.payer_ans = %s ORDER BY 1"
    return Rows(
        claims=by_id("SELECT * FROM claims WHERE payer_ans = %s ORDER BY id"),
        items=by_id(f"SELECT t.* FROM claim_items t {of_claim}"),
        denials=by_id(f"SELECT t.* FROM denials t {of_claim}"),
        invoices=by_id("SELECT * FROM invoices WHERE payer_ans = %s ORDER BY id"),
        lines=by_id(f"SELECT t.* FROM invoice_lines t {of_invoice}"),
        settlements=by_id("SELECT * FROM settlements WHERE payer_ans = %s ORDER BY id"),
        allocations=by_id(
            "SELECT t.* FROM allocations t JOIN settlements s ON s.id = t.settlement_id WHERE s.payer_ans = %s"
        ),
        deductions=by_id("SELECT * FROM settlement_deductions WHERE payer_ans = %s ORDER BY id"),
        claim_steps=by_id(f"SELECT t.* FROM claim_history t {of_claim}"),
        invoice_steps=by_id(f"SELECT t.* FROM invoice_history t {of_invoice}"),
        remittances=by_id("SELECT * FROM remittances WHERE payer_ans = %s ORDER BY id"),
        remittance_lines=by_id(
            "SELECT t.* FROM remittance_lines t JOIN remittances r ON r.id = t.remittance_id "
            "WHERE r.payer_ans = %s ORDER BY t.id"
        ),
        adjustments=by_id(
            "SELECT t.* FROM remittance_adjustments t JOIN remittances r ON r.id = t.remittance_id "
            "WHERE r.payer_ans = %s ORDER BY t.id"
        ),
        adjustment_steps=by_id(
            "SELECT t.* FROM adjustment_history t JOIN remittance_adjustments a ON a.id = t.adjustment_id "
            "JOIN remittances r ON r.id = a.remittance_id WHERE r.payer_ans = %s ORDER BY t.id"
        ),
        bank_entries=by_id(
            "SELECT DISTINCT e.* FROM bank_entries e JOIN bank_matches m ON m.match_id = e.match_id "
            "JOIN remittances r ON r.id = m.remittance_id WHERE r.payer_ans = %s ORDER BY e.id"
        ),
        bank_matches=by_id(
            "SELECT m.* FROM bank_matches m JOIN remittances r ON r.id = m.remittance_id "
            "WHERE r.payer_ans = %s ORDER BY m.id"
        ),
        credits=by_id("SELECT * FROM unapplied_credits WHERE payer_ans = %s ORDER BY id"),
        credit_moves=by_id(
            "SELECT t.* FROM unapplied_credit_moves t JOIN unapplied_credits c ON c.id = t.credit_id "
            "WHERE c.payer_ans = %s ORDER BY t.id"
        ),
        batches=by_id(
            "SELECT t.*, d.sha256 document FROM batches t LEFT JOIN batch_documents d ON d.batch_id = t.id "
            "WHERE t.payer_ans = %s ORDER BY t.id"
        ),
        batch_claims=by_id(f"SELECT CONCAT(t.batch_id, t.claim_id) id, t.* FROM batch_claims t {of_batch}"),
        batch_steps=by_id(f"SELECT t.* FROM batch_history t {of_batch}"),
        events=stage.select("SELECT name, aggregate_id, data FROM outbox WHERE payer_ans = %s ORDER BY id", payer),
    )


def check(rows: Rows) -> None:
    """All invariants that the rows alone can show."""
    _sums_of_claims(rows)
    _sums_of_decisions(rows)
    _sums_of_invoices(rows)
    _ledger(rows)
    _deductions(rows)
    _histories(rows)
    _statements(rows)
    of_lines = (rows.remittances, rows.remittance_lines, rows.settlements)
    of_statements = (*of_lines, rows.credits, rows.credit_moves, rows.adjustments)
    queue_books.check(*(list(table.values()) for table in of_statements))
    of_adjustments = (rows.adjustment_steps, rows.credits, rows.credit_moves)
    adjustment_books.check(rows.adjustments.values(), *(list(table.values()) for table in of_adjustments))
    _events(rows)
    bank_books.check(rows.remittances, rows.bank_entries.values(), rows.bank_matches.values())
    batch_books.check(rows.claims, rows.batches, list(rows.batch_claims.values()), list(rows.batch_steps.values()))


def _sums_of_claims(rows: Rows) -> None:
    """1: item total and claimed amount."""
    for claim in rows.claims.values():
        items = rows.items.of("claim_id", claim["id"])
        assert [item["sequence"] for item in items] == list(range(1, len(items) + 1))
        for item in items:
            exact = Decimal(item["unit_price_cents"]) * item["quantity"] * item["factor"] / Decimal(10_000 * 100)
            # What a provider states may be a cent off; the items of the machine that state nothing are exact.
            assert abs(item["total_cents"] - exact) <= 1
            if item["code"] != STATED:
                assert item["total_cents"] == int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        assert claim["claimed_cents"] == _sum(items, "total_cents")


def _sums_of_decisions(rows: Rows) -> None:
    """2: processed, approved and denied, of items and claims, and what became of each denial."""
    for claim in rows.claims.values():
        is_decided = claim["status"] in claims.DECIDED
        items = rows.items.of("claim_id", claim["id"])
        for item in items:
            denials = rows.denials.of("item_id", item["id"])
            if is_decided:
                parts = item["approved_cents"] + item["denied_cents"] + item["patient_cents"]
                assert item["processed_cents"] == parts == item["total_cents"]
                assert item["denied_cents"] == _sum(denials, "amount_cents")
            else:
                assert (item["processed_cents"], denials) == (None, [])
        if is_decided:
            for name in ("processed_cents", "approved_cents", "denied_cents", "patient_cents"):
                assert claim[name] == _sum(items, name)
            outcome = _outcome(claim)
            assert claim["status"] == outcome
    for denial in rows.denials.values():
        appealed, answered = denial["appealed_cents"] or 0, denial["answered_cents"] or 0
        is_recovered = any(
            each["denial_action"] in ("RECOVER", "TAKE_BACK") for each in rows.claim_steps.of("denial_id", denial["id"])
        )
        assert 0 <= answered <= (denial["amount_cents"] if is_recovered else appealed) <= denial["amount_cents"]


def _outcome(claim: Row) -> str:
    if claim["denied_cents"] == 0:
        return "APPROVED"
    return "DENIED" if claim["approved_cents"] == 0 else "PARTIALLY_APPROVED"


def _sums_of_invoices(rows: Rows) -> None:
    """3: totals; a claim and a won appeal on at most one invoice that lives; numbers without gaps."""
    numbers = sorted(invoice["number"] for invoice in rows.invoices.values())
    assert numbers == list(range(1, len(numbers) + 1))
    living = {invoice["id"] for invoice in rows.invoices.values() if invoice["status"] != "CANCELLED"}
    for name in ("claim_id", "denial_id"):
        kind = "CLAIM" if name == "claim_id" else "RECOVERY"
        billed = Counter(
            line[name] for line in rows.lines.values() if line["invoice_id"] in living and line["kind"] == kind
        )
        assert all(times == 1 for times in billed.values())
    for invoice in rows.invoices.values():
        lines = rows.lines.of("invoice_id", invoice["id"])
        debits = [line for line in lines if line["kind"] == "DEBIT"]
        others = [line for line in lines if line["kind"] != "DEBIT"]
        assert invoice["total_cents"] == _sum(others, "amount_cents") - _sum(debits, "amount_cents") > 0
        assert _sum(others, "debited_cents") == _sum(debits, "amount_cents")
        for line in lines:
            # The line of a cancelled invoice says what it billed: the payer may have denied some of it since.
            assert line["amount_cents"] == _source(rows, line) or invoice["id"] not in living


def _source(rows: Rows, line: Row) -> int:
    if line["kind"] == "CLAIM":
        return int(rows.claims[line["claim_id"]]["approved_cents"])
    if line["kind"] == "RECOVERY":
        return int(rows.denials[line["denial_id"]]["answered_cents"])
    return int(line["amount_cents"])


def _ledger(rows: Rows) -> None:
    """4: settled is confirmed minus reversed, within the total; the status follows; every line knows its share."""
    for invoice in rows.invoices.values():
        ledger = rows.settlements.of("invoice_id", invoice["id"])
        net = sum(row["amount_cents"] * (-1 if row["reverses_id"] else 1) for row in ledger)
        assert invoice["settled_cents"] == net
        assert 0 <= net <= invoice["total_cents"]
        if invoice["status"] not in ("DRAFT", "CANCELLED"):
            assert invoice["status"] == invoices.ledger_status(Cents(invoice["total_cents"]), Cents(net))
        else:
            assert net == 0
    for settlement in rows.settlements.values():
        back = _sum(rows.settlements.of("reverses_id", settlement["id"]), "amount_cents")
        assert 0 <= back <= settlement["amount_cents"]
        assert settlement["amount_cents"] == _sum(
            rows.allocations.of("settlement_id", settlement["id"]), "amount_cents"
        )
    for line in rows.lines.values():
        moved = rows.allocations.of("line_id", line["id"])
        signs = [-1 if rows.settlements[row["settlement_id"]]["reverses_id"] else 1 for row in moved]
        assert line["settled_cents"] == sum(s * row["amount_cents"] for s, row in zip(signs, moved, strict=True))
        assert 0 <= line["settled_cents"] <= line["amount_cents"] - line["debited_cents"]


def _deductions(rows: Rows) -> None:
    """What is kept back of a payment is the sum of its kinds and of its lines, and never goes back beyond itself."""
    for settlement in rows.settlements.values():
        sign = -1 if settlement["reverses_id"] else 1
        kept = rows.deductions.of("settlement_id", settlement["id"])
        moved = rows.allocations.of("settlement_id", settlement["id"])
        assert all(sign * row["amount_cents"] > 0 for row in kept)
        for name in ("withheld_cents", "discount_cents"):
            of_kind = [row for row in kept if (row["kind"] == "DISCOUNT") == (name == "discount_cents")]
            assert settlement[name] == sign * _sum(of_kind, "amount_cents") == _sum(moved, name)
            back = _sum(rows.settlements.of("reverses_id", settlement["id"]), name)
            assert 0 <= back <= settlement[name]
        assert all(row["withheld_cents"] + row["discount_cents"] <= row["amount_cents"] for row in moved)


def kept_back(rows: Rows) -> tuple[int, int]:
    """The withheld taxes and the discounts of all payments, less reversals."""
    signs = {row["id"]: -1 if row["reverses_id"] else 1 for row in rows.settlements.values()}
    withheld, discount = (
        sum(signs[row["id"]] * row[name] for row in rows.settlements.values())
        for name in ("withheld_cents", "discount_cents")
    )
    return withheld, discount


def _histories(rows: Rows) -> None:
    """6: each history, replayed through the tables, gives the row."""
    for claim in rows.claims.values():
        steps = rows.claim_steps.of("claim_id", claim["id"])
        status = ClaimStatus.DRAFT
        for step in (step for step in steps if step["action"] not in (None, "CREATE")):
            status = claims.next_status(status, ClaimAction(step["action"]))
            assert step["status"] == status
        names = ("status", "version", "claimed_cents", "processed_cents", "approved_cents", "denied_cents")
        assert [steps[-1][name] for name in names] == [claim[name] for name in names]
        assert status == claim["status"]
        submitted = None
        for step in steps:
            ends = {"SUBMIT": step["at"], "WITHDRAW": None, "RETURN": None}
            submitted = ends.get(step["action"], submitted)
        assert claim["submitted_at"] == submitted
    for denial in rows.denials.values():
        state = DenialStatus.OPEN
        for step in rows.claim_steps.of("denial_id", denial["id"])[1:]:
            state = denials.next_status(state, DenialAction(step["denial_action"]))
        assert state == denial["status"]
    for invoice in rows.invoices.values():
        steps = rows.invoice_steps.of("invoice_id", invoice["id"])
        _replay_invoice(steps, invoice)


def _replay_invoice(steps: list[Row], invoice: Row) -> None:
    status, total, settled = InvoiceStatus.DRAFT, steps[0]["total_cents"], 0
    for step in steps[1:]:
        action = InvoiceAction(step["action"])
        total += step["amount_cents"] if action is InvoiceAction.ADJUST else 0
        settled += {"SETTLE": 1, "REVERSE": -1}.get(action, 0) * (step["amount_cents"] or 0)
        status = invoices.next_status(status, action, total=Cents(total), settled=Cents(settled))
        assert (step["status"], step["total_cents"], step["settled_cents"]) == (status, total, settled)
    names = ("status", "total_cents", "settled_cents", "version")
    assert [invoice[name] for name in names] == [status, total, settled, steps[-1]["version"]]


def _statements(rows: Rows) -> None:
    """Statements follow from their lines, a number has one that is not cancelled, and each line says why it is so."""
    active = Counter(row["statement_number"] for row in rows.remittances.values() if row["cancelled_id"] == "")
    assert all(times == 1 for times in active.values())
    for remittance in rows.remittances.values():
        lines = [
            RemittanceLineStatus(row["status"]) for row in rows.remittance_lines.of("remittance_id", remittance["id"])
        ]
        if remittance["status"] == "CANCELLED":
            assert (remittance["cancelled_id"], set(lines)) == (remittance["id"], {RemittanceLineStatus.CANCELLED})
        elif remittance["status"] == "REVIEW":
            assert (remittance["released_at"], RemittanceLineStatus.POSTED in lines) == (None, False)
        else:
            assert (remittance["status"], remittance["cancelled_id"]) == (remittance_status(lines), "")
    for line in rows.remittance_lines.values():
        status = line["status"]
        assert (
            (line["claim_id"] is not None) or status not in ("MATCHED", "POSTED") or queue_books.is_without_claim(line)
        )
        assert (line["problem"] is not None) == (status in ("UNMATCHED", "DISMISSED"))
        assert (line["dismissal_reason"] is not None) == (line["dismissed_at"] is not None)
        assert (line["dismissed_at"] is not None) or status != "DISMISSED"
        assert (line["posted_at"] is not None) == (status == "POSTED")
        assert status != "HELD" or rows.claims[line["claim_id"]]["status"] in UNDECIDED


def _events(rows: Rows) -> None:
    """8: one event per transition of an invoice, and one per ledger row; a claim without a row was deleted."""
    names = Counter((event["aggregate_id"], event["name"]) for event in rows.events)
    created = {claim for claim, name in names if name == "ClaimCreated"}
    deleted = {claim for claim, name in names if name == "ClaimDeleted"}
    assert created - deleted == set(rows.claims)
    assert deleted <= created
    for invoice in rows.invoices.values():
        steps = rows.invoice_steps.of("invoice_id", invoice["id"])
        pairs = [(before["status"], after["status"]) for before, after in pairwise(steps)]
        into = Counter(after for before, after in pairs if before != after)
        reopened = sum(before == "SETTLED" != after for before, after in pairs)
        reopened += sum((before, after) == ("PARTIALLY_SETTLED", "ISSUED") for before, after in pairs)
        partly = sum((before, after) == ("ISSUED", "PARTIALLY_SETTLED") for before, after in pairs)
        assert names[invoice["id"], "InvoiceSettled"] == into["SETTLED"]
        assert names[invoice["id"], "InvoicePartiallySettled"] == partly
        assert names[invoice["id"], "InvoiceReopened"] == reopened
    ledger = [
        json.loads(event["data"])["settlementId"] for event in rows.events if event["name"].startswith("Settlement")
    ]
    assert sorted(ledger) == sorted(rows.settlements)


def check_steps_between(before: Rows, after: Rows) -> None:
    """6: whatever moved took a step of the tables (several, when a statement decided it), and terminal states stay."""
    for name, table in (("claims", claims.TRANSITIONS), ("denials", denials.TRANSITIONS)):
        terminal = {status for status in type(next(iter(table))[0]) if all(pair[0] is not status for pair in table)}
        for identifier, row in getattr(before, name).items():
            if row["status"] in terminal:
                assert getattr(after, name)[identifier]["status"] == row["status"]
    gone = set(before.claims) - set(after.claims)
    assert {before.claims[identifier]["status"] for identifier in gone} <= {"DRAFT"}
    for identifier, row in before.settlements.items():
        assert after.settlements[identifier] == row
    steps = {**after.claim_steps, **after.invoice_steps}
    for identifier, row in {**before.claim_steps, **before.invoice_steps}.items():
        assert steps.get(identifier) == (None if row.get("claim_id") in gone else row)


def billed(rows: Rows) -> int:
    """5, the left side: claims that the payer has and that no living claim replaces, and credits on living invoices."""
    living = {invoice["id"] for invoice in rows.invoices.values() if invoice["status"] != "CANCELLED"}
    credits = [line for line in rows.lines.values() if line["kind"] == "CREDIT" and line["invoice_id"] in living]
    return _sum(_counted(rows), "claimed_cents") + _sum(credits, "amount_cents")


def of_patients(rows: Rows) -> int:
    """What patients owe of the same claims."""
    return sum(row["patient_cents"] or 0 for row in _counted(rows))


def _counted(rows: Rows) -> list[Row]:
    replaced = {claim["replaces_id"] for claim in rows.claims.values() if claim["status"] != "CANCELLED"}
    return [claim for claim in rows.claims.values() if claim["status"] in SENT and claim["id"] not in replaced]


def _sum(rows: list[Row], name: str) -> int:
    return sum(int(row[name]) for row in rows)
