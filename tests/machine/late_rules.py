"""Payers that change their decisions: denials of what is decided and paid, and payments of parts of denials."""

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS
from tests.machine.statement_rules import StatementRules

CODES = st.sampled_from(["1705", "1801"])


class LateRules(StatementRules):
    """What payers say a second time."""

    @precondition(lambda self: self.rows.items)
    @rule(number=PICKS, share=st.integers(1, 110), off=st.integers(-1, 1), code=CODES, is_pair=st.booleans())
    def deny_later(self, number: int, share: int, off: int, code: str, *, is_pair: bool) -> None:
        """A statement takes back what it denies of an item, by one line or two, perhaps a cent more or less."""
        approved = {name: row for name, row in self.rows.items.items() if row["approved_cents"]}
        paid = {name: row for name, row in approved.items() if self._is_paid(row)}
        item = self.pick(paid or approved, number)
        if item is None:
            return
        claim = self.rows.claims[item["claim_id"]]
        denied = max(item["approved_cents"] * share // 100, 1)
        back = item["approved_cents"] if is_pair else denied + off
        named = {"providerClaimNumber": claim["provider_claim_number"], "itemSequence": item["sequence"]}
        denials = [{"code": code, "amount": format_money(denied)}]
        again = format_money(max(item["approved_cents"] - denied + off, 0))
        first = {**named, "paidAmount": "0.00", "takenBackAmount": format_money(max(back, 0))}
        second = {**named, "paidAmount": again, "denials": denials}
        lines = [first, second] if is_pair else [{**first, "denials": denials}]
        self._send(lines)

    def _is_paid(self, item: Row) -> bool:
        """Whether what was approved of the item may have been paid in full."""
        lines = self.rows.lines.of("billed_claim_id", item["claim_id"])
        return sum(int(line["settled_cents"]) for line in lines) >= int(item["approved_cents"])

    @precondition(lambda self: self.rows.denials)
    @rule(number=PICKS, share=st.integers(1, 100), is_named=st.booleans())
    def pay_a_part_of_a_denial(self, number: int, share: int, *, is_named: bool) -> None:
        """A statement pays a part of it, and says what stays denied, or a person says which denial it is."""
        denial = self.pick(self.rows.denials, number, "OPEN", "ACCEPTED", "EXPIRED", "UPHELD")
        assert denial is not None
        item, claim = self.rows.items[denial["item_id"]], self.rows.claims[denial["claim_id"]]
        paid = max(denial["amount_cents"] * share // 100, 1)
        others = [each for each in self.rows.denials.of("item_id", item["id"]) if each["id"] != denial["id"]]
        left = [(each["code"], each["amount_cents"] - (each["answered_cents"] or 0)) for each in others]
        left.append((denial["code"], denial["amount_cents"] - paid))
        line: dict[str, Any] = {
            "providerClaimNumber": claim["provider_claim_number"],
            "itemSequence": item["sequence"],
            "paidAmount": format_money(paid),
        }
        if is_named:
            line["denials"] = [{"code": code, "amount": format_money(cents)} for code, cents in left if cents]
        row = self._send([line])
        if row is not None and not is_named:
            values = {"remittanceLineId": row, "resolution": {"recoverDenial": {"denialId": denial["id"]}}}
            step = {**values, "idempotencyKey": key()}
            self.mutate("finance", "resolveRemittanceLine", "line { status problem }", step)
            self._post_that_of(row)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, code=CODES, is_stated=st.booleans(), is_undone=st.booleans())
    def split_a_takeback(self, number: int, code: str, *, is_stated: bool, is_undone: bool) -> None:
        """A statement takes back all that was approved of a claim; a person divides it over the items, of which the
        first is denied, by the payer or by that person."""
        claim = self.pick(self._of_several_items(), number, "APPROVED", "PARTIALLY_APPROVED")
        if claim is None:
            return
        items = [each for each in self.rows.items.of("claim_id", claim["id"]) if each["approved_cents"]]
        denied = [{"code": code, "amount": format_money(items[0]["approved_cents"])}]
        back = format_money(sum(each["approved_cents"] for each in items))
        line: dict[str, Any] = {"providerClaimNumber": claim["provider_claim_number"], "paidAmount": "0.00"}
        line |= {"takenBackAmount": back, "denials": denied if is_stated else []}
        taken = self.import_lines(f"S{next(NUMBERS):09d}", [line], is_paying=True)
        if is_stated:
            self.post(taken["id"])
        row = self._first_line(taken["id"])
        if not is_stated:
            self.mutate("finance", "unmatchRemittanceLine", "line { status }", {"remittanceLineId": row})
        parts = [self._part(claim, each, denied if each is items[0] else []) for each in items]
        values = {"remittanceLineId": row, "parts": parts, "idempotencyKey": key()}
        self.mutate("finance", "splitRemittanceLine", "line { status }", values)
        if is_undone:
            undone = {"remittanceLineId": row, "reason": "engano", "idempotencyKey": key()}
            self.mutate("finance", "undoRemittanceLine", "line { status }", undone)
        self.post(taken["id"])

    @precondition(lambda self: self.rows.remittance_lines)
    @rule(number=PICKS)
    def take_a_denial_back(self, number: int) -> None:
        """Undo a posted line of which a person has denied something."""
        posted = [row for row in self.rows.remittance_lines.values() if row["status"] == "POSTED" and row["resolution"]]
        denied = {row["id"]: row for row in posted if json.loads(row["resolution"])["denials"]}
        line = self.pick(denied, number)
        if line is not None:
            undone = {"remittanceLineId": line["id"], "reason": "engano", "idempotencyKey": key()}
            self.mutate("finance", "undoRemittanceLine", "line { status }", undone)

    def _of_several_items(self) -> dict[str, Row]:
        approved = [row for row in self.rows.items.values() if row["approved_cents"]]
        counts = Counter(row["claim_id"] for row in approved)
        return {name: row for name, row in self.rows.claims.items() if counts[name] > 1}

    def _part(self, claim: Row, item: Row, denied: list[dict[str, str]]) -> dict[str, Any]:
        back = format_money(item["approved_cents"])
        part = {"claimId": claim["id"], "itemSequence": item["sequence"], "paidAmount": "0.00"}
        return {**part, "takenBackAmount": back, "denials": denied}

    def _send(self, lines: list[dict[str, Any]]) -> str | None:
        """Import and post a statement of these lines; the id of its first one."""
        taken = self.import_lines(f"S{next(NUMBERS):09d}", lines, is_paying=True)
        if taken is None:
            return None
        self.post(taken["id"])
        return self._first_line(taken["id"])

    def _first_line(self, remittance: str) -> str:
        query = "query($id: ID!) { remittance(id: $id) { lines { nodes { id } } } }"
        found = self.stage.call(self.tokens["finance"], query, id=remittance)["remittance"]
        return str(found["lines"]["nodes"][0]["id"])

    def _post_that_of(self, line: str) -> None:
        query = "query($id: ID!) { node(id: $id) { ... on RemittanceLine { remittance { id } } } }"
        self.post(self.stage.call(self.tokens["finance"], query, id=line)["node"]["remittance"]["id"])


def steps_of_late_decisions(life: Any) -> list[Callable[[], None]]:
    """Each of which does what it tries: a paid claim is denied later in part and whole, and paid in parts again."""
    paid = [partial(life.create, [10_00], is_sent=True, quantity=10_000)]
    paid.append(partial(life.remit, -1, [100, 100, 100], is_paying=True))
    denied = [partial(life.deny_later, -1, share, 0, "1801", is_pair=share == 30) for share in (30, 50, 100)]
    parts = [partial(life.pay_a_part_of_a_denial, -1, 40, is_named=is_named) for is_named in (True, False)]
    divided: list[Callable[[], None]] = []
    for is_stated in (True, False):
        divided += [partial(life.create, [10_00, 7_00], is_sent=True, quantity=10_000)]
        divided += [partial(life.remit, -1, [100, 100, 100], is_paying=True)]
        divided += [partial(life.split_a_takeback, -1, "1705", is_stated=is_stated, is_undone=False)]
    taken_back = [partial(life.create, [10_00], is_sent=True, quantity=10_000)]
    taken_back.append(partial(life.resolve_a_difference, -1, 80, "acceptAsDenial", is_undone=False))
    return [*paid, *denied, *parts, *divided, *taken_back, partial(life.take_a_denial_back, -1)]
