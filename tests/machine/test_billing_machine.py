"""Random lives of claims and invoices, by several callers on real servers; every invariant after every step."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from app.domain.deductions import DeductionKind
from app.domain.money import format_money
from tests.factories import BLOOD_COUNT, CONSULTATION, key
from tests.length import scaled
from tests.machine import books, three_way_books
from tests.machine.adjustment_rules import AdjustmentRules, steps_of_adjustments
from tests.machine.appeal_rules import APPEALS, steps_of_appeals
from tests.machine.bank_rules import BankRules
from tests.machine.batch_rules import BatchRules
from tests.machine.books import Row, Rows
from tests.machine.late_rules import LateRules, steps_of_late_decisions
from tests.machine.life import NUMBERS, PICKS, SHARES, decision
from tests.machine.money_rules import MoneyRules
from tests.machine.queue_rules import QueueRules, steps_of_the_queue
from tests.machine.stage import Stage, staged
from tests.services import Services

STEPS = int(os.environ.get("BILLING_TEST_MACHINE_STEPS", scaled(full=2_000, short=40)))
STEPS_OF_ONE_LIFE = 40
LIVES_OF_ONE_ROUND = 2  # the first life of a round is the simplest one
EVERYTHING = {
    *("createClaim", "submitClaims", "startReview", "requestInformation", "adjudicateClaim", "cancelClaim"),
    *("appealDenial", "acceptDenial", "answerAppeal", "replaceClaim", "createInvoice", "issueInvoice"),
    *("cancelInvoice", "adjustInvoice", "settleInvoice", "reverseSettlement", "importRemittance", "postRemittance"),
    *("resumeReview", "deleteDraftClaim", "withdrawAppeal"),
    *("releaseRemittance", "cancelRemittance", "matchRemittanceLine", "unmatchRemittanceLine", "dismissRemittanceLine"),
    *("resolveRemittanceLine", "resolveRemittanceLines", "splitRemittanceLine", "undoRemittanceLine"),
    *("applyCredit", "refundCredit", "reverseCreditUse"),
    *("createBatch", "createBatches", "sendBatch", "removeFromBatch", "cancelBatch", "recordProtocol", "rejectBatch"),
    *("importBankFile", "matchBankEntries", "unmatchBankEntry", "dismissBankEntry"),
    *("withdrawClaim", "correctPaymentDate", "explainAdjustment", "undoAdjustment", "importSpreadsheet", *APPEALS),
}
ROLES = ("biller", "reviewer", "finance", "payer_agent", "admin")
QUEUE = "query($payer: AnsCode!) { unmatchedRemittanceLines(filter: { payerAnsCode: [$payer] }) { totalCount } }"
STRANGER = """query($claims: [ID!]!) { nodes(ids: $claims) { id } claims { totalCount } invoices { totalCount }
  reconciliation { billedAmount } }"""


class Billing(QueueRules, BankRules, BatchRules, AdjustmentRules, MoneyRules, LateRules):
    """One payer and one provider; callers of four roles, and a stranger who must never see a thing."""

    @initialize()
    def open_the_books(self) -> None:
        self.stage.days = 0
        self.world = self.stage.world()
        self.tokens = {role: self.world.token(role) for role in ROLES}
        roles = ["reviewer", "finance"]
        self.stranger = self.stage.gateway.token("reviewer", providers=["9999999"], roles=roles)
        for share in (100, 60, 0):
            self.decide(share)

    @rule(
        prices=st.lists(st.just(0) | st.integers(1, 500_00), min_size=1, max_size=3),
        is_sent=st.booleans(),
        quantity=st.integers(1, 30_000),
        cents_off=st.integers(-1, 1),
    )
    def create(self, prices: list[int], *, is_sent: bool, quantity: int, cents_off: int = 0) -> None:
        items = [{**BLOOD_COUNT, "unitPrice": format_money(price), "quantity": "1"} for price in prices]
        if prices[-1] and cents_off:
            items[-1] |= {"code": books.STATED, "totalAmount": format_money(prices[-1] + cents_off)}
        if len(items) > 1 or not cents_off:
            items[0] |= {**CONSULTATION, "unitPrice": format_money(prices[0]), "quantity": f"{quantity / 10_000:.4f}"}
        number, day = f"M{next(NUMBERS):09d}", self.today()
        values = self.world.claim_input(items=items, providerClaimNumber=number, serviceDate=day, submit=is_sent)
        self.mutate("biller", "createClaim", "claim { id }", values)

    @rule(share=SHARES)
    def decide(self, share: int) -> None:
        """A claim on the short way to its decision, so that lives are not all about drafts."""
        values = self.world.claim_input(
            providerClaimNumber=f"D{next(NUMBERS):09d}", serviceDate=self.today(), submit=True
        )
        claim = self.mutate("biller", "createClaim", "claim { id }", values)["claim"]
        self.mutate("reviewer", "startReview", "claim { status }", {"id": claim["id"], "idempotencyKey": key()})
        items = [decision({"sequence": 1, "total_cents": 100_00}, share)]
        values = {"id": claim["id"], "items": items, "idempotencyKey": key()}
        self.mutate("payer_agent", "adjudicateClaim", "claim { status }", values)

    @rule()
    def bill(self) -> None:
        """Everything that can be billed, on an issued invoice."""
        billed = {line["billed_claim_id"] for line in self.rows.lines.values()}
        approved = [row for row in self.rows.claims.values() if row["approved_cents"] and row["id"] not in billed]
        parties = {"provider": self.world.provider, "payer": self.world.payer, "billingMonth": "2026-11"}
        values = {**parties, "claimIds": [row["id"] for row in approved][:2], "idempotencyKey": key()}
        invoice = self.mutate("biller", "createInvoice", "invoice { id }", values)["invoice"]
        if invoice:
            self.mutate("finance", "issueInvoice", "invoice { id }", {"id": invoice["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def submit(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "DRAFT")
        assert claim is not None
        values = {"claimIds": [claim["id"]], "idempotencyKey": key()}
        self.mutate("biller", "submitClaims", "results { object { status } errors { code } }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def start(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "SUBMITTED")
        assert claim is not None
        self.mutate("reviewer", "startReview", "claim { status }", {"id": claim["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def cancel(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "DRAFT", "SUBMITTED", "UNDER_REVIEW")
        assert claim is not None
        self.mutate("biller", "cancelClaim", "claim { status }", {"id": claim["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def ask(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "UNDER_REVIEW", "SUBMITTED")
        assert claim is not None
        self.request_information(claim)

    def request_information(self, claim: Row) -> None:
        """Pause its review, which starts first if it has not."""
        if claim["status"] == "SUBMITTED":
            self.mutate("reviewer", "startReview", "claim { status }", {"id": claim["id"], "idempotencyKey": key()})
        values = {"id": claim["id"], "reason": "laudo", "idempotencyKey": key()}
        self.mutate("payer_agent", "requestInformation", "claim { status }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def resume(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "PENDING_INFORMATION", "UNDER_REVIEW")
        assert claim is not None
        if claim["status"] == "UNDER_REVIEW":
            self.request_information(claim)
        values = {"claimId": claim["id"], "note": "segue o laudo", "idempotencyKey": key()}
        self.mutate("reviewer", "resumeReview", "claim { status }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def delete(self, number: int) -> None:
        claim = self.pick(self.rows.claims, number, "DRAFT")
        assert claim is not None
        earlier = self.sent
        if claim["status"] == "DRAFT":
            # Their first results are gone: a repeated call does not make the claim again.
            self.sent = [each for each in earlier if claim["id"] not in str(each)]
        values = {"claimId": claim["id"], "idempotencyKey": key()}
        self.mutate("biller", "deleteDraftClaim", "deletedClaimId providerClaimNumber", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, shares=st.lists(SHARES, min_size=3, max_size=3))
    def adjudicate(self, number: int, shares: list[int]) -> None:
        claim = self.pick(self.rows.claims, number, "UNDER_REVIEW")
        assert claim is not None
        items = [item for item in self.rows.items.values() if item["claim_id"] == claim["id"]]
        decisions = [decision(item, share) for item, share in zip(items, shares, strict=False)]
        values = {"id": claim["id"], "items": decisions, "idempotencyKey": key()}
        self.mutate("payer_agent", "adjudicateClaim", "claim { status }", values)

    @precondition(lambda self: self.rows.denials)
    @rule(number=PICKS, share=SHARES)
    def appeal(self, number: int, share: int) -> None:
        denial = self.pick(self.rows.denials, number, "OPEN")
        assert denial is not None
        amount = format_money(denial["amount_cents"] * share // 100 + 1)
        values = {"id": denial["id"], "amount": amount, "justification": "correto", "idempotencyKey": key()}
        self.mutate("biller", "appealDenial", "denial { status }", values)

    @precondition(lambda self: self.rows.denials)
    @rule(number=PICKS)
    def accept(self, number: int) -> None:
        denial = self.pick(self.rows.denials, number, "OPEN")
        assert denial is not None
        self.mutate("biller", "acceptDenial", "denial { status }", {"id": denial["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.denials)
    @rule(number=PICKS, share=SHARES, is_withdrawn=st.booleans())
    def end_an_appeal(self, number: int, share: int, *, is_withdrawn: bool) -> None:
        denial = self.pick(self.rows.denials, number, "APPEALED", "OPEN")
        assert denial is not None
        if denial["status"] == "OPEN":
            self.appeal(number, share)
        if is_withdrawn:
            values = {"denialId": denial["id"], "idempotencyKey": key()}
            self.mutate("biller", "withdrawAppeal", "denial { status }", values)
            return
        accepted = (denial["appealed_cents"] or 0) * share // 100
        values = {"id": denial["id"], "acceptedAmount": format_money(accepted), "idempotencyKey": key()}
        self.mutate("payer_agent", "answerAppeal", "denial { status }", values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, is_sent=st.booleans())
    def replace(self, number: int, *, is_sent: bool) -> None:
        claim = self.pick(self.rows.claims, number, "DENIED", "PARTIALLY_APPROVED")
        assert claim is not None
        values = {"id": claim["id"], "providerClaimNumber": f"R{next(NUMBERS):09d}", "submit": is_sent}
        self.mutate("biller", "replaceClaim", "claim { id }", {**values, "idempotencyKey": key()})

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS, count=st.integers(0, 3))
    def invoice(self, number: int, count: int) -> None:
        fitting = [
            row["id"] for row in self.rows.claims.values() if row["status"] in ("APPROVED", "PARTIALLY_APPROVED")
        ]
        chosen = random.Random(number).sample(fitting, min(count, len(fitting)))
        parties = {"provider": self.world.provider, "payer": self.world.payer, "billingMonth": "2026-11"}
        values = {**parties, "claimIds": chosen, "idempotencyKey": key()}
        self.mutate("biller", "createInvoice", "invoice { id }", values)

    @precondition(lambda self: self.rows.invoices)
    @rule(number=PICKS, name=st.sampled_from(["issueInvoice", "issueInvoice", "issueInvoice", "cancelInvoice"]))
    def step_invoice(self, number: int, name: str) -> None:
        found = self.pick(self.rows.invoices, number, "DRAFT")
        assert found is not None
        self.mutate("finance", name, "invoice { status }", {"id": found["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.invoices)
    @rule(number=PICKS, share=SHARES, kind=st.sampled_from(["CREDIT", "DEBIT"]))
    def adjust(self, number: int, share: int, kind: str) -> None:
        found = self.pick(self.rows.invoices, number, "DRAFT", "ISSUED", "PARTIALLY_SETTLED")
        assert found is not None
        amount = format_money(found["total_cents"] * share // 100)
        values = {"id": found["id"], "kind": kind, "amount": amount, "reason": "acerto", "idempotencyKey": key()}
        self.mutate("finance", "adjustInvoice", "invoice { status }", values)

    @precondition(lambda self: self.rows.invoices)
    @rule(
        number=PICKS,
        share=st.integers(1, 120),
        callers=st.integers(1, 3),
        kept=st.lists(st.tuples(st.sampled_from(sorted(DeductionKind)), st.integers(0, 60)), max_size=3),
    )
    def settle(self, number: int, share: int, callers: int, kept: Sequence[tuple[str, int]] = ()) -> None:
        found = self.pick(self.rows.invoices, number, "ISSUED", "PARTIALLY_SETTLED")
        assert found is not None
        due = found["total_cents"] - found["settled_cents"]
        cents = max(due * share // 100, 1)
        deductions = [{"kind": kind, "amount": format_money(cents * part // 100)} for kind, part in kept]
        values = {"id": found["id"], "paidOn": self.today(), "amount": format_money(cents), "deductions": deductions}
        with ThreadPoolExecutor(callers) as pool:
            calls = [{**values, "idempotencyKey": key()} for _ in range(callers)]
            list(pool.map(lambda each: self.mutate("finance", "settleInvoice", "settlement { id }", each), calls))

    @precondition(lambda self: self.rows.settlements)
    @rule(number=PICKS, share=st.integers(1, 110))
    def reverse(self, number: int, share: int) -> None:
        found = self.pick(self.rows.settlements, number)
        assert found is not None
        amount = format_money(max(found["amount_cents"] * share // 100, 1))
        values = {"id": found["id"], "reason": "estorno", "amount": amount, "idempotencyKey": key()}
        self.mutate("finance", "reverseSettlement", "settlement { id }", values)

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.stage.days += days
        self.stage.sweep()

    @precondition(lambda self: self.sent)
    @rule(number=PICKS)
    def send_again(self, number: int) -> None:
        """7: the same key and input answers the first result and does nothing."""
        role, name, text, values, first = self.sent[number % len(self.sent)]
        again = self.stage.call(self.tokens[role], text, input=values)[name]
        assert again.pop("replayed") is True
        assert again == {name: value for name, value in first.items() if name != "replayed"}
        assert books.look(self.stage, self.world.payer) == self.rows

    @invariant()
    def the_books_are_right(self) -> None:
        if not hasattr(self, "world"):
            return
        Billing.steps += 1
        before, self.rows = self.rows, books.look(self.stage, self.world.payer)
        books.check(self.rows)
        books.check_steps_between(before, self.rows)
        self.reconciles()
        shown = self.stage.call(self.tokens["finance"], three_way_books.QUERY, payer=[self.world.payer])
        three_way_books.check(self.rows, shown["remittances"]["nodes"])
        self._the_queue_is_what_waits()
        self._strangers_see_nothing(before)

    def _the_queue_is_what_waits(self) -> None:
        """Every unmatched line, and no other one."""
        found = self.stage.call(self.tokens["finance"], QUEUE, payer=self.world.payer)["unmatchedRemittanceLines"]
        waiting = [line for line in self.rows.remittance_lines.values() if line["status"] == "UNMATCHED"]
        assert found["totalCount"] == len(waiting)

    def _strangers_see_nothing(self, before: Rows) -> None:
        """10: by id (of what the step has made), in lists and in sums."""
        known = {*before.claims, *before.invoices, *before.settlements, *before.denials}
        made = [*self.rows.claims, *self.rows.invoices, *self.rows.settlements, *self.rows.denials]
        ids = [identifier for identifier in made if identifier not in known]
        found = self.stage.call(self.stranger, STRANGER, claims=ids)
        assert found["nodes"] == [None] * len(ids)
        assert (found["claims"]["totalCount"], found["invoices"]["totalCount"]) == (0, 0)
        assert found["reconciliation"]["billedAmount"] == "0.00"


@pytest.fixture(scope="module")
def stage(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A gateway of the machine's own."""
    with staged(tmp_path_factory.mktemp("machine"), services) as found:
        yield found


def _every_mutation(life: Billing) -> Iterator[None]:
    """Steps of which each does what it tries, so that no mutation waits for the chance to succeed."""
    life.open_the_books()
    yield
    steps: list[Callable[[], None]] = [
        partial(life.invoice, 0, 1),
        partial(life.step_invoice, 0, "cancelInvoice"),
        life.bill,
        partial(life.create, [10_00], is_sent=False, quantity=10_000),
        *[partial(step, 0) for step in (life.submit, life.ask, life.resume)],
        partial(life.adjudicate, 0, [100, 100, 100]),
        *[step for end in (life.cancel, life.delete) for step in _draft_and(life, end)],
        partial(life.end_an_appeal, 0, 50, is_withdrawn=True),
        partial(life.end_an_appeal, 0, 50, is_withdrawn=False),
        partial(life.accept, 0),
        partial(life.replace, 1, is_sent=False),
        partial(life.adjust, 0, 1, "CREDIT"),
        partial(life.settle, 0, 50, 1, [("IRRF", 2), ("PCC", 5), ("DISCOUNT", 1)]),
        partial(life.reverse, 0, 50),
        partial(life.decide, 100),
        partial(life.remit, 0, [100, 100, 100], is_paying=False),
        *[partial(life.decide, 100), partial(life.pay_an_analysis, 0, [100, 100, 100], is_posted=True)],
        partial(life.take_a_statement, 0, [100, 100, 100], is_again=False),
        *[partial(life.work_on_a_line, 0, 0, name) for name in ("match", "unmatch", "dismiss")],
        partial(life.cancel_a_statement, 0, is_new=True),
        partial(life.take_back, 0, 50, 20, [("01", 5), ("08", 2)]),
        life.each_step_on_the_account,
        partial(life.send_a_document, 0, is_wrong=True, is_released=True),
        partial(life.send_a_spreadsheet, 0, [60, 100, 100], is_wrong=False),
        *steps_of_the_queue(life),
        *steps_of_adjustments(life),
        *steps_of_late_decisions(life),
        *_steps_of_batches(life),
        partial(life.leave_a_part_to_the_patient, 30, is_paying=True),
    ]
    for step in steps:
        step()
        yield


def _steps_of_batches(life: Billing) -> list[Callable[[], None]]:
    new, send = partial(life.batch, 0, 0), partial(life.send_a_batch, 0)
    cancel, remove = (partial(life.change_a_batch, 0, is_whole=is_whole) for is_whole in (True, False))
    submitted = partial(life.create, [10_00], is_sent=True, quantity=10_000)
    answers = [partial(life.receive_a_batch, 0, is_refusing=False), partial(life.reject_a_batch, 0)]
    of_two: list[Callable[[], None]] = [submitted, life.batch_the_month, cancel, partial(life.batch, 0, 1), remove]
    return [*of_two, send, answers[0], new, send, answers[1], partial(life.withdraw, 0), *steps_of_appeals(life)]


def _draft_and(life: Billing, end: Callable[[int], None]) -> list[Callable[[], None]]:
    return [partial(life.create, [10_00], is_sent=False, quantity=10_000), partial(end, 0)]


def test_every_mutation_keeps_every_invariant(stage: Stage) -> None:
    Billing.stage, Billing.done = stage, {}
    life = Billing()
    for _ in _every_mutation(life):
        life.the_books_are_right()
        life.groups_are_those_of_all_rows()
        # So that the next step is noticed, or the books are wrong.
        life.prove_the_books()
    assert set(Billing.done) == EVERYTHING
    steps = life.rows.claim_steps.values()
    assert {"DENY_PART_LATER", "DENY_REST_LATER"} < {step["action"] for step in steps}
    assert {"RECOVER_PART", "TAKE_BACK"} < {step["denial_action"] for step in steps}


# No strategy does: the gateway is a thread of this process, whose Kafka client shuffles with `random` at any moment.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
def test_every_invariant_holds_after_every_step(stage: Stage) -> None:
    Billing.stage, Billing.steps, Billing.done = stage, 0, {}
    lives = settings(
        max_examples=LIVES_OF_ONE_ROUND,
        stateful_step_count=STEPS_OF_ONE_LIFE,
        deadline=None,
        database=None,
        # Hypothesis turns this on where CI is set: every round would then be the first one again.
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    while Billing.steps < STEPS:
        run_state_machine_as_test(Billing, settings=lives)
    print(f"\n{Billing.steps} steps: {dict(sorted(Billing.done.items()))}")  # noqa: T201 - the figures, with -s
