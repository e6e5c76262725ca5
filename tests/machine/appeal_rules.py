"""Batches of appeals: created, cancelled, sent, rejected, and answered by the payer."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.money import format_money
from tests.factories import key
from tests.machine.books import Row
from tests.machine.life import NUMBERS, PICKS, SHARES, Life

APPEALS: Final = (
    *("createAppealBatches", "cancelAppealBatch", "sendAppealBatch", "recordAppealProtocol", "rejectAppealBatch"),
    *("recordAppealAnswers", "saveContract"),
)
TERMS: Final = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
BATCH: Final = "batch { id status denialCount totalAmount }"


class AppealRules(Life):
    """What those who appeal do with batches of appeals."""

    @rule(instances=st.integers(1, 2))
    def agree_on_appeals(self, instances: int) -> None:
        """The contract has one or two instances from now on."""
        parties = {"providerCnes": self.world.provider, "payerAnsCode": self.world.payer}
        values = {**parties, **TERMS, "appealInstances": instances, "idempotencyKey": key()}
        payload = self.mutate("admin", "saveContract", "contract { appealInstances }", values)
        assert payload["contract"] == {"appealInstances": instances}

    @precondition(lambda self: self.rows.denials)
    @rule(number=PICKS, share=SHARES, end=st.sampled_from(["cancel", "reject", "answer"]))
    def send_appeals(self, number: int, share: int, end: str) -> None:
        """One appeal in a batch, which is cancelled, rejected, or received and answered twice."""
        denial = self.pick(self.rows.denials, number, "APPEALED")
        assert denial is not None
        parties = {"provider": self.world.provider, "payer": self.world.payer}
        values = {**parties, "denialIds": [denial["id"]], "contestedProtocol": "1", "idempotencyKey": key()}
        made = self.mutate("biller", "createAppealBatches", "batches { id status denialCount }", values)["batches"]
        if not made:
            return
        batch = made[0]["id"]
        if end == "cancel":
            self._change("cancelAppealBatch", batch)
            return
        self._change("sendAppealBatch", batch)
        if end == "reject":
            self._change("rejectAppealBatch", batch, reason="recusado")
            return
        self._change("recordAppealProtocol", batch, protocolNumber=f"{next(NUMBERS):09d}", date=self.today())
        counts = [self._answer(denial, share) for _ in range(2)]
        assert counts == [1, 0]

    def _change(self, name: str, batch: str, **values: str) -> None:
        payload = self.mutate("biller", name, BATCH, {"appealBatchId": batch, "idempotencyKey": key(), **values})
        assert payload["errors"] == []

    def _answer(self, denial: Row, share: int) -> int:
        accepted = format_money((denial["appealed_cents"] or 0) * share // 100)
        answers = [{"denialId": denial["id"], "acceptedAmount": accepted}]
        parties = {"provider": self.world.provider, "payer": self.world.payer}
        values = {**parties, "content": {"answers": answers}, "idempotencyKey": key()}
        fields = "appliedCount results { object { status } errors { code } }"
        return int(self.mutate("biller", "recordAppealAnswers", fields, values)["appliedCount"])


def steps_of_appeals(life: Any) -> list[Callable[[], None]]:
    """Steps of which each does what it tries: appeals are cancelled, rejected, answered, and made again."""
    ends = [partial(life.send_appeals, 0, 50, end) for end in ("cancel", "reject", "answer")]
    # The newest denial: the time to appeal against older ones may have passed.
    upheld = [partial(life.appeal, -1, 50), partial(life.send_appeals, -1, 0, "answer")]
    twice = [partial(life.agree_on_appeals, 2), *upheld, *upheld]
    return [partial(life.decide, 50), partial(life.appeal, -1, 50), *ends, *twice]
