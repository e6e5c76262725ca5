"""Batches of claims: created, changed, sent, answered by the payer, and claims that are taken back."""

import random

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.factories import DOCTOR, ENCOUNTER, key
from tests.machine.appeal_rules import AppealRules
from tests.machine.life import NUMBERS, PICKS

BATCH = "batch { id status guideCount totalAmount }"


class BatchRules(AppealRules):
    """What those who send claims do with batches."""

    @rule(number=PICKS, count=st.integers(0, 3))
    def batch(self, number: int, count: int) -> None:
        """A new claim that a document can have, with others that perhaps cannot."""
        values = self.world.claim_input(
            providerClaimNumber=f"B{next(NUMBERS):09d}",
            serviceDate=self.today(),
            submit=True,
            practitioner=DOCTOR,
            encounter=ENCOUNTER,
        )
        new = self.mutate("biller", "createClaim", "claim { id }", values)["claim"]["id"]
        fitting = [row["id"] for row in self.rows.claims.values() if row["status"] in ("SUBMITTED", "UNDER_REVIEW")]
        others = random.Random(number).sample(fitting, min(count, len(fitting)))
        self.mutate("biller", "createBatch", BATCH, {"claimIds": [new, *others], "idempotencyKey": key()})

    @rule()
    def batch_the_month(self) -> None:
        parties = {"provider": self.world.provider, "payer": self.world.payer}
        values = {**parties, "month": self.today()[:7], "idempotencyKey": key()}
        self.mutate("biller", "createBatches", "batches { id status guideCount }", values)

    @precondition(lambda self: self.rows.batches)
    @rule(number=PICKS)
    def send_a_batch(self, number: int) -> None:
        found = self.pick(self.rows.batches, number, "OPEN")
        assert found is not None
        self.mutate("biller", "sendBatch", BATCH, {"batchId": found["id"], "idempotencyKey": key()})

    @precondition(lambda self: self.rows.batches)
    @rule(number=PICKS, is_whole=st.booleans())
    def change_a_batch(self, number: int, *, is_whole: bool) -> None:
        found = self.pick(self.rows.batches, number, "OPEN")
        assert found is not None
        if is_whole:
            self.mutate("biller", "cancelBatch", BATCH, {"batchId": found["id"], "idempotencyKey": key()})
            return
        members = self.rows.batch_claims.of("batch_id", found["id"])
        values = {"batchId": found["id"], "claimId": members[number % len(members)]["claim_id"]}
        self.mutate("biller", "removeFromBatch", BATCH, {**values, "idempotencyKey": key()})

    @precondition(lambda self: self.rows.batches)
    @rule(number=PICKS, is_refusing=st.booleans())
    def receive_a_batch(self, number: int, *, is_refusing: bool) -> None:
        found = self.pick(self.rows.batches, number, "SENT")
        assert found is not None
        member = self.rows.batch_claims.of("batch_id", found["id"])[0]
        refused = [{"claimId": member["claim_id"], "code": "1705"}] if is_refusing else []
        protocol = {"number": f"P{next(NUMBERS):09d}", "date": self.today(), "refusedClaims": refused}
        values = {"batchId": found["id"], "content": {"protocol": protocol}, "idempotencyKey": key()}
        self.mutate("biller", "recordProtocol", BATCH, values)

    @precondition(lambda self: self.rows.batches)
    @rule(number=PICKS)
    def reject_a_batch(self, number: int) -> None:
        found = self.pick(self.rows.batches, number, "SENT")
        assert found is not None
        values = {"batchId": found["id"], "reason": "em duplicidade", "idempotencyKey": key()}
        self.mutate("biller", "rejectBatch", BATCH, values)

    @precondition(lambda self: self.rows.claims)
    @rule(number=PICKS)
    def withdraw(self, number: int) -> None:
        active = {row["active_claim_id"] for row in self.rows.batch_claims.values()}
        free = {name: row for name, row in self.rows.claims.items() if name not in active}
        claim = self.pick(free or self.rows.claims, number, "SUBMITTED")
        assert claim is not None
        self.mutate("biller", "withdrawClaim", "claim { status }", {"id": claim["id"], "idempotencyKey": key()})
