"""What subscribers with different data scopes share of an event is byte for byte what each would get alone.

Every field to which a subscription leads is asked for, of events about everything in a rich world, by callers whose
data scopes are this world's provider, that and another one, and all.
"""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from app.auth.principal import Principal
from app.auth.roles import NARROWED_TO, ROLES
from app.db.clock import process_time
from app.events.listeners import StreamEvent
from app.executor.reach import Owner, leads_out
from app.resolvers.context import Context
from app.transport.sharing import Sharing, sharing
from app.transport.subscriptions import ActiveSubscription, Subscriptions
from tests.access.world import Rich
from tests.chance import Chance
from tests.executor.both import Both
from tests.executor.seeds import IS_FULL
from tests.executor.ways import CORE, leaves, types_on, ways
from tests.figures import Figures
from tests.inputs import shaped

# Which fields lead to objects of others, so that subscribers with different data scopes share nothing.
LEADS_OUT = {"BankEntry.file", "Claim.patient", "ImportJobProgressedEvent.job", "Payer.history", "Provider.history"}
# From objects of a provider and a payer to objects of the same ones: each was read for what makes it so.
BETWEEN_OBJECTS = {
    "BatchHistoryEntry.claim", "Claim.batch",
    "Claim.invoice", "Claim.items", "Claim.replacedBy", "Claim.replaces", "ClaimItem.denials",
    "Denial.claim", "Denial.invoiceLine", "Denial.item", "DenialStep.denial",
    "InvoiceHistoryEntry.line", "InvoiceHistoryEntry.settlement", "InvoiceLine.claim", "InvoiceLine.denial",
    "CreditUse.reverses", "CreditUse.settlement", "Remittance.adjustments", "RemittanceAdjustment.line",
    "RemittanceAdjustment.remittance",
    "RemittanceAdjustmentHistoryEntry.claim", "RemittanceAdjustmentHistoryEntry.credit",
    "RemittanceAdjustmentHistoryEntry.settlement", "RemittanceAdjustmentHistoryEntry.undoes",
    "UnappliedCredit.adjustment", "UnappliedCredit.line",
    "Remittance.bankEntries", "RemittanceLine.claim", "RemittanceLine.remittance", "RemittanceLineCandidate.claim",
    "RemittanceLineHistoryEntry.duplicateOf", "RemittanceLineHistoryEntry.undoes",
    "Settlement.invoice", "Settlement.remittance", "Settlement.reverses",
}  # fmt: skip
# Pages of objects of the same provider and payer.
LISTS = {
    "Batch.claims", "Batch.history",
    "Claim.history", "Claim.invoices", "Invoice.history", "Invoice.lines", "Invoice.settlements", "Remittance.lines",
    "Remittance.settlements", "RemittanceAdjustment.history", "UnappliedCredit.uses",
    "RemittanceLine.history", "RemittanceLineWaitingEvent.lines", "Settlement.reversals",
}  # fmt: skip
# Types without rows of their own: their objects are parts of the object that leads to them.
PARTS = {
    "ActionBlock", "Admission", "Appeal", "AppealAttachment", "Authorization", "AvailableBatchAction",
    "AvailableBankEntryAction", "AvailableClaimAction", "AvailableSettlementAction",
    "AvailableDenialAction", "AvailableInvoiceAction", "AvailableRemittanceAction", "AvailableRemittanceLineAction",
    "ClaimSums", "Encounter", "Facility", "InvoiceSums", "PageInfo", "Practitioner", "PreflightFinding",
    "AvailableRemittanceAdjustmentAction", "DismissedAmount", "RemittanceBalance", "RemittanceDenial",
    "RemittanceFinding",
    "RemittanceLineCandidate",
    "RemittanceLineCandidateItem", "SettlementDeduction", "ThreeWayMatch", "ServiceDetails", "SettlementSums",
    "TeamMember",
}  # fmt: skip
MANY_ROLES = frozenset({"reviewer", "finance", "biller"})
EVENTS = {
    "claimStatusChanged": ("claimId", ("claim", "correction", "replaced", "draft", "reviewed", "exported")),
    "denialStatusChanged": ("denialId", ("denial", "upheld_denial")),
    "invoiceStatusChanged": ("invoiceId", ("invoice",)),
    "settlementRecorded": ("settlementId", ("settlement", "reversal")),
    "importJobProgressed": ("importJobId", ("importJob",)),
    "remittanceLineWaiting": (
        "remittanceId",
        (
            *("remittance", "cancelled_remittance", "doubtful_remittance", "paid_remittance", "put_back_remittance"),
            "credit_remittance",
        ),
    ),
}


@dataclass
class Stage:
    """Executes events for callers alone and together; `compared` counts them."""

    rich: Rich
    other_provider: str
    compared: int = 0
    both: Both = field(init=False)

    def __post_init__(self) -> None:
        self.both = Both(self.rich.gateway)
        self._subscriptions = Subscriptions(self.both.engine, deadline_seconds=60)

    def events(self, root: str) -> Iterator[StreamEvent]:
        """Events of this stream about each object of its kind."""
        world, (name, keys) = self.rich.world, EVENTS[root]
        for each in keys:
            data = {name: self.rich.ids[each]}
            yield StreamEvent(1, "evt_1", "X", "x", world.provider, world.payer, process_time(), data)

    def scopes(self) -> list[frozenset[str]]:
        """The providers of three data scopes that contain these events."""
        own = frozenset({self.rich.world.provider})
        return [own, own | {self.other_provider}, frozenset({"*"})]

    async def subscription(self, query: str, principal: Principal) -> ActiveSubscription:
        """What the gateway has of a subscription of this caller."""
        context = await self._context(principal)
        operation = await self.both.prepared(query, {}, self.rich.world.token("reviewer"))
        assert operation is not None, query
        return ActiveSubscription(operation, _nothing(), context, sharing(operation, context, CORE))

    async def _context(self, principal: Principal) -> Context:
        context = await self.both.context(None)
        context.principal = principal
        return context

    async def answer(self, subscription: ActiveSubscription, event: StreamEvent) -> bytes:
        """The answer to the event, executed for this subscriber or another."""
        return (await self._subscriptions._shared_answer(subscription, event)).answer.body

    async def compare(self, query: str, event: StreamEvent, roles: frozenset[str]) -> bytes:
        """What callers of these roles share of the event, after a comparison with what each gets alone."""
        shared, alone = [], []
        for providers in self.scopes():
            subscription = await self.subscription(query, Principal("someone", roles, providers))
            assert subscription.sharing.common is not None, query
            shared.append(await self.answer(subscription, event))
            alone.append(await self.answer(_alone(subscription), event))
        assert shared == alone, query
        assert len(event.shared) == 1
        event.shared.clear()
        self.compared += 1
        return shared[0]


def _alone(subscription: ActiveSubscription) -> ActiveSubscription:
    return ActiveSubscription(subscription.operation, _nothing(), subscription.context, Sharing(None, None))


async def _nothing() -> AsyncGenerator[Any, None]:
    for _ in ():
        yield None


@pytest.fixture(scope="module")
async def stage(sqlite_rich: Rich, sqlite_changing: Rich) -> Stage:
    """A world with one of everything, and another provider and payer that have everything too. The patient was with
    both providers."""
    rich, gateway, other = sqlite_rich, sqlite_rich.gateway, sqlite_changing
    values = {"input": shaped("createClaim", rich.world.claim_input(provider=other.world.provider))}
    create = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { errors { code } } }"
    assert (await gateway.gql(create, values, token=gateway.token("biller"))).data["createClaim"]["errors"] == []
    return Stage(rich, other.world.provider)


def test_each_field_that_a_subscription_leads_to_is_known_to_stay_inside_or_to_lead_out() -> None:
    """Whoever adds a field or a type says whose its objects are; nothing is shared by an oversight."""
    found = ways()
    kinds = {kind.name: _owner(kind) for kind in types_on(found)}
    inside = [way for way in found if way.is_inside]
    assert {way.name for way in found if not way.is_inside} == LEADS_OUT
    objects = {way.name for way in inside if _owner(way.end) is Owner.PARTIES and way.types[-1] in kinds}
    pages = {name for name in objects if name.partition(".")[0].endswith(("Connection", "Edge", "Event"))}
    assert objects - pages == BETWEEN_OBJECTS
    assert {way.name for way in inside if way.end.name.endswith("Connection")} == LISTS
    assert {name for name, owner in kinds.items() if owner is None and not _is_page(name)} == PARTS
    plain = {
        f"{kind.name}.{name}"
        for kind in types_on(inside)
        for name, each in kind.fields.items()
        if leads_out(kind, each)
    }
    assert plain == LEADS_OUT


def _owner(kind: Any) -> Owner | None:
    return getattr(kind.extensions["strawberry-definition"].origin, "owner", None)


def _is_page(name: str) -> bool:
    return name.endswith(("Connection", "Edge", "Event"))


async def test_what_is_shared_is_what_each_would_get_alone(stage: Stage, chance: Chance, figures: Figures) -> None:
    """By every way; outside of the full run by half of them, others each time."""
    reached: set[str] = set()
    likely: dict[tuple[str, ...], Any] = {}
    inside = [way for way in ways() if way.is_inside]
    if not IS_FULL:
        left_out = chance.sample(inside, len(inside) // 2)
        inside = [way for way in inside if way not in left_out]
    for way in inside:
        # What was at the end of the way so far probably leads on.
        for event in sorted(stage.events(way.fields[0]), key=lambda each: each.data != likely.get(way.fields[:-1])):
            answer = orjson.loads(await stage.compare(way.query, event, MANY_ROLES))
            if _has(answer["data"], way.fields):
                reached.add(way.name)
                likely[way.fields] = event.data
                break
    figures(events_compared_in_three_scopes=stage.compared)
    # Otherwise nothing would have been compared.
    assert {way.name for way in inside} - reached == set(), chance


def _has(value: Any, fields: tuple[str, ...]) -> bool:
    """Whether there is an object at the end of the fields."""
    if isinstance(value, list):
        return any(_has(each, fields) for each in value)
    if value is None or not fields:
        return value is not None
    return _has(value.get(fields[0]), fields[1:])


@pytest.mark.parametrize("role", sorted(set(ROLES) - NARROWED_TO.keys()))
async def test_every_role_gets_its_own_answer_in_every_scope(stage: Stage, role: str) -> None:
    claim, item, invoice = (leaves(CORE.type_map[name]) for name in ("Claim", "ClaimItem", "Invoice"))
    # Health data may be opened for the front desk, to each of them apart.
    seen = "claim { id claimedAmount }" if role in OPENABLE else f"claim {{ {claim} items {{ {item} }} }}"
    queries = {
        "claimStatusChanged": f"cursor previousStatus {seen}",
        "invoiceStatusChanged": f"invoice {{ {invoice} lines {{ nodes {{ amount claim {{ id }} }} }} }}",
    }
    for root, selection in queries.items():
        for event in stage.events(root):
            await stage.compare(f"subscription {{ {root} {{ {selection} }} }}", event, frozenset({role}))


OPENABLE = {"biller", "front_desk"}


@pytest.mark.parametrize("role", sorted(OPENABLE))
async def test_health_data_that_an_emergency_may_open_is_not_shared(stage: Stage, role: str) -> None:
    query = "subscription { claimStatusChanged { claim { id %s } } }"
    caller = Principal("nurse", frozenset({role}), frozenset({stage.rich.world.provider}))
    closed = (await stage.subscription(query % "clinicalIndication", caller)).sharing
    other = (
        await stage.subscription(query % "clinicalIndication", Principal("n2", caller.roles, caller.providers))
    ).sharing
    assert (closed.common, other.common) == (None, None)
    assert closed.equal != other.equal
    assert (await stage.subscription(query % "status", caller)).sharing.common is not None


@pytest.mark.parametrize("bound", [{"payer": "200001"}, {"patient": "pat_1"}], ids=["a payer", "a patient"])
async def test_callers_of_a_payer_and_patients_share_with_their_own_scope_only(
    stage: Stage, bound: dict[str, Any]
) -> None:
    query = "subscription { claimStatusChanged { claim { id } } }"
    found = (
        await stage.subscription(query, Principal("x", frozenset({"reviewer"}), frozenset({"*"}), **bound))
    ).sharing
    assert found.common is None
    assert found.equal is not None


async def test_what_leads_to_a_patient_is_read_for_each_scope(stage: Stage) -> None:
    """A provider that has not treated the patient does not see the CPF, one that has and the operator's staff do."""
    query = "subscription { claimStatusChanged { claim { id ... on Node { ... on Claim { patient { name cpf } } } } } }"
    (event, *_) = stage.events("claimStatusChanged")
    for providers in stage.scopes():
        subscription = await stage.subscription(query, Principal("x", frozenset({"reviewer"}), providers))
        assert subscription.sharing.common is None
        assert await stage.answer(subscription, event) == await stage.answer(_alone(subscription), event)
    assert len(event.shared) == len(stage.scopes())


async def test_an_event_outside_the_scope_is_never_shared(stage: Stage) -> None:
    """The hub does not deliver such an event; if it did, the answer would be that of the subscriber's own scope."""
    query = "subscription { invoiceStatusChanged { invoice { id } } }"
    (event,) = stage.events("invoiceStatusChanged")
    for providers, found in ((stage.rich.world.provider, True), (stage.other_provider, False)):
        caller = Principal("x", frozenset({"finance"}), frozenset({providers}))
        answer = orjson.loads(await stage.answer(await stage.subscription(query, caller), event))
        assert (answer["data"]["invoiceStatusChanged"]["invoice"] is not None) is found


def test_no_mutation_changes_the_provider_or_the_payer_of_a_claim() -> None:
    """Then a claim, its correction, its invoices and its lines of statements always have the same ones."""
    changes: Any = CORE.type_map["ClaimChangesInput"]
    assert {name for name in changes.fields if name.lower().startswith(("provider", "payer"))} == {
        "providerClaimNumber"
    }
