"""The simulated payers: they decide and pay a little at a time, so that who watches the demo sees something happen."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import clock, tables
from app.db import denials as denials_db
from app.db import invoice_lines as lines_db
from app.db import invoices as invoices_db
from app.db.claims import ClaimFilter, ClaimRecord, ItemRecord
from app.db.denials import DenialFilter, DenialRecord
from app.db.engine import Database
from app.db.invoices import InvoiceFilter, InvoiceRecord
from app.db.paging import Keyset
from app.demo.claims import SEED_CLAIMS
from app.demo.habits import ANALYSIS, GUIDES, NET, taxed
from app.demo.parties import PAYER
from app.domain.actor import Actor, Door, operator
from app.domain.calendar import business_day
from app.domain.claims import ClaimStatus, DeniedAmount, ItemDecision
from app.domain.data_scope import EVERYTHING, DataScope
from app.domain.denials import DenialStatus
from app.domain.errors import BillingError
from app.domain.invoices import InvoiceStatus
from app.domain.money import Cents
from app.domain.settlements import PaymentMethod
from app.domain.statement import Statement, StatementLine
from app.services import denials, inbox, reviews
from app.unit_of_work.run import Changes
from app.values.frozen import frozen

Row = TypeVar("Row")
Pages = Callable[[AsyncConnection, DataScope, Any, Keyset], Awaitable[list[Row]]]
SUBJECT: Final = "demo-payer"
LOOK_AT: Final = 20
"""It chooses among so many of the oldest that wait: one that cannot be moved does not stop the others."""
SPARED: Final = 2
"""So many of the newest of each kind it leaves to wait: every status lasts, and there is always an invoice to pay."""
CLAIMS_MAX: Final = 1_000
"""While there are fewer and nothing waits, the clinic has another one."""
_log = structlog.get_logger("billing.demo")


@frozen
class Habit:
    """How one payer decides and pays: the code with which it denies whole claims or half of an item, and whether it
    withholds taxes."""

    payer: str
    code: str = "1705"
    denies_whole_claims: bool = False
    withholds: bool = False

    @property
    def scope(self) -> DataScope:
        """What the payer sees."""
        return DataScope(payer=self.payer)

    @property
    def actor(self) -> Actor:
        """Who acts for the payer."""
        return operator(SUBJECT, Door.SWEEP, request_id=_request_id(), data_scope=self.scope)

    def decision(self, item: ItemRecord, turn: int) -> ItemDecision:
        """Denies half of every fourth item, or all of every fourth claim."""
        whole, half = turn % 4 == 0, (turn + item.sequence) % 4 == 0
        if self.denies_whole_claims:
            denied = Cents(item.total_cents if whole else 0)
        else:
            denied = Cents(item.total_cents // 2 if half else 0)
        denials_of = (DeniedAmount(self.code, denied),) if denied else ()
        return ItemDecision(item.sequence, Cents(item.total_cents - denied), denials_of)


HABITS: Final = (
    Habit(PAYER),
    Habit(ANALYSIS.payer, code="1801"),
    Habit(GUIDES.payer, code="3052", denies_whole_claims=True),
    Habit(NET.payer, withholds=True),
)


class SimulatedPayer:
    """Acts for the demo's payers, by the services that a payer's own calls and events go through; `may_act` says
    whether it is this process that acts."""

    def __init__(self, database: Database, changes: Changes, *, may_act: Callable[[], bool]) -> None:
        self._database = database
        self._changes = changes
        self._may_act = may_act
        self._turn = 0

    async def run(self, seconds: float) -> None:
        """Act so often until the task is cancelled; a failure is logged."""
        while True:
            await asyncio.sleep(seconds)
            try:
                if self._may_act():
                    await self.act()
            except Exception as error:  # noqa: BLE001 - whatever fails, the next turn tries again
                _log.warning("simulated_payer_failed", reason=type(error).__name__)

    async def act(self) -> bool:
        """Do one thing that waits for a payer, of each payer and kind in turn; False if nothing is left to do."""
        moves = (self._decide, self._pay, self._start_review, self._answer)
        turns = [(move, habit) for move in moves for habit in HABITS]
        self._turn += 1
        for number in range(len(turns)):
            move, habit = turns[(self._turn + number) % len(turns)]
            try:
                if await move(habit):
                    return True
            except BillingError as error:
                # Somebody else was faster, or it must not be moved: it is another one's turn.
                _log.info("simulated_payer_refused", code=error.code)
        return await self._wait_for_a_claim()

    async def _start_review(self, habit: Habit) -> bool:
        claim = await self._waiting(habit, claims_db.page, ClaimFilter(status=(ClaimStatus.SUBMITTED,)), tables.claims)
        if claim is not None:
            await self._changes.run(reviews.START, habit.actor, {"id": claim.id, "version": None})
        return claim is not None

    async def _decide(self, habit: Habit) -> bool:
        claim: ClaimRecord | None
        claim = await self._waiting(
            habit, claims_db.page, ClaimFilter(status=(ClaimStatus.UNDER_REVIEW,)), tables.claims
        )
        if claim is None:
            return False
        async with self._database.reading() as connection:
            items = await claims_db.items_of_claims(connection, habit.scope, [claim.id])
        decisions = [habit.decision(item, self._turn // len(HABITS)) for item in items]
        given = {"id": claim.id, "decisions": decisions, "payer_claim_number": None, "version": None}
        await self._changes.run(reviews.ADJUDICATE, habit.actor, given)
        return True

    async def _answer(self, habit: Habit) -> bool:
        denial: DenialRecord | None
        denial = await self._waiting(
            habit, denials_db.page, DenialFilter(status=(DenialStatus.APPEALED,)), tables.denials
        )
        if denial is None:
            return False
        # In turn nothing, half and all of it.
        accepted = Cents((denial.appealed_cents or 0) * (self._turn % 3) // 2)
        given = {"id": denial.id, "accepted": accepted, "justification": None if accepted else "Glosa mantida"}
        await self._changes.run(denials.ANSWER_APPEAL, habit.actor, given)
        return True

    async def _pay(self, habit: Habit) -> bool:
        """Pay an invoice in full, or what is approved of a claim that is on none, by a statement in an event."""
        statement = await self._of_invoice(habit) or await self._of_claim(habit)
        if statement is not None:
            actor = inbox.actor_of(statement, request_id=_request_id())
            await self._changes.run(inbox.RECEIVE, actor, {"statement": statement})
        return statement is not None

    async def _of_invoice(self, habit: Habit) -> Statement | None:
        where = InvoiceFilter(status=(InvoiceStatus.ISSUED, InvoiceStatus.PARTIALLY_SETTLED))
        invoice: InvoiceRecord | None = await self._waiting(habit, invoices_db.page, where, tables.invoices)
        if invoice is None:
            return None
        async with self._database.reading() as connection:
            lines = await lines_db.of_invoices(connection, habit.scope, [invoice.id])
            due: dict[str, int] = {}
            for line in lines:
                if line.claim_id and line.due_cents:
                    due[line.claim_id] = due.get(line.claim_id, 0) + line.due_cents
            found = await claims_db.by_ids(connection, habit.scope, list(due)) if due else []
        # Of each state of the invoice there is one.
        number = f"DEMO{invoice.number}-{invoice.version}"
        return await self._statement(habit, number, invoice.provider_cnes, {each: due[each.id] for each in found})

    async def _of_claim(self, habit: Habit) -> Statement | None:
        approved = (ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED)
        where = ClaimFilter(status=approved, is_invoiced=False)
        claim: ClaimRecord | None = await self._waiting(habit, claims_db.page, where, tables.claims)
        if claim is None:
            return None
        return await self._statement(
            habit, f"DEMO-{claim.id[-12:]}", claim.provider_cnes, {claim: claim.approved_cents or 0}
        )

    async def _statement(
        self, habit: Habit, number: str, provider: str, paid: dict[ClaimRecord, int]
    ) -> Statement | None:
        """Pays so much of each claim today; None if there is none."""
        if not paid:
            return None
        async with self._database.reading() as connection:
            today = business_day(await clock.now(connection))
        found = Statement(
            payer=habit.payer,
            provider=provider,
            statement_number=number,
            paid_on=today,
            method=PaymentMethod.BANK_TRANSFER,
            bank_reference=None,
            lines=tuple(
                StatementLine(each.provider_claim_number, None, None, None, Cents(cents))
                for each, cents in paid.items()
            ),
        )
        return taxed(found) if habit.withholds else found

    async def _wait_for_a_claim(self) -> bool:
        async with self._database.reading() as connection:
            count = (await claims_db.count(connection, EVERYTHING, ClaimFilter())).total
        # A database without demo data has no clinic.
        if has_room := 0 < count < CLAIMS_MAX:
            clinic = operator(SUBJECT, Door.SWEEP, request_id=_request_id())
            await self._changes.run(SEED_CLAIMS, clinic, {"size": 1})
        return has_room

    async def _waiting(self, habit: Habit, pages: Pages[Row], where: Any, table: Table) -> Row | None:
        """One of the oldest rows that match the filter, but for the newest; None if there is none."""
        keyset = Keyset(table.c.id, table.c.id, descending=False, limit=LOOK_AT)
        async with self._database.reading() as connection:
            found = await pages(connection, habit.scope, where, keyset)
        waiting = found[:-SPARED]
        return waiting[self._turn % len(waiting)] if waiting else None


def _request_id() -> str:
    return f"demo-{secrets.token_hex(8)}"
