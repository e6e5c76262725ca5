"""What somebody of another scope may try with the ids of others: every id argument, list, sum, mutation and stream.

A probe tells what it got; nothing is what it must get.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import appeal_batches, batches, billed_services, decided_items, line_candidates, outbox
from app.db.children import Children
from app.db.paging import Keyset
from app.domain.data_scope import DataScope
from app.resolvers.paging import PAGE_MAX
from app.services import bulk
from app.services.actions import ACTIONS
from tests.access.book_probes import of_books
from tests.access.first_event import first_event
from tests.access.inputs import inputs_of
from tests.access.look_ups import SUMS, look_ups, sheet_of
from tests.access.numbers import named_otherwise
from tests.access.query_modules import MODULES
from tests.access.world import EVENT_CODE, Rich
from tests.factories import CONSULTATION, today
from tests.inputs import input_type, shaped

NOTHING_ZERO = "0.00"
NO_NODES = {"access", "answered_attachment", "attachment", "bank_match"}  # what `node` gives to the patient, or nobody
MANY = {action.name for action in ACTIONS if action.run.__module__ == bulk.__name__} | {"submitClaims"}
"""Mutations whose refusals are in their results."""
STREAMS = {
    "claimStatusChanged": "claim",
    "denialStatusChanged": "claim",
    "invoiceStatusChanged": "invoice",
    "settlementRecorded": "invoice",
    "remittanceLineWaiting": "remittance",
    "importJobProgressed": "importJob",
}
"""Each stream, and the kind of object by whose id its events are chosen."""


@dataclass(frozen=True)
class Attacker:
    """A caller with every permission and another scope: of another provider, payer or patient."""

    kind: str
    token: str
    scope: DataScope


@dataclass(frozen=True)
class Probe:
    """Something to try; `run` answers what leaked, None if nothing did."""

    name: str
    run: Callable[[], Awaitable[Any]]


def attackers(other: Rich, role: str) -> list[Attacker]:
    """Three callers of another world, one for each way of being somebody else."""
    world, token = other.world, other.gateway.token
    return [
        Attacker("provider", token(role, providers=[world.provider]), DataScope(frozenset({world.provider}))),
        Attacker(
            "payer", token(role, providers=["*"], payer=world.payer), DataScope(payer=world.payer, any_provider=True)
        ),
        Attacker("patient", token(role, patient=world.patient), DataScope(patient=world.patient)),
    ]


def probes(victim: Rich, attacker: Attacker) -> list[Probe]:
    """All of them, those that read first."""
    found = [*_reads(victim, attacker), *_lists(victim, attacker), *_sums(victim, attacker)]
    found += [*_streams(victim, attacker), *_statements(victim, attacker), *_mutations(victim, attacker)]
    return [*found, Probe("settlements, live", partial(_live, victim, attacker))]


async def _data(victim: Rich, attacker: Attacker, query: str, **variables: Any) -> Any:
    return (await victim.gateway.gql(query, variables, token=attacker.token)).body.get("data")


def _reads(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    for name, identifier in victim.ids.items():
        if name in NO_NODES:
            continue
        yield _read(victim, attacker, name, f'node(id: "{identifier}") {{ id }}')
    everything = [f'"{identifier}"' for identifier in victim.ids.values()]

    async def nodes() -> Any:
        found: list[Any] = []
        for start in range(0, len(everything), PAGE_MAX):
            some = ", ".join(everything[start : start + PAGE_MAX])
            found += (await _data(victim, attacker, f"{{ nodes(ids: [{some}]) {{ id }} }}"))["nodes"]
        return [each for each in found if each] or None

    yield Probe("nodes", nodes)
    for root in ("batch", "claim", "document", "importJob", "invoice", "remittance"):
        yield _read(victim, attacker, root, f'{root}(id: "{victim.ids[root]}") {{ id }}')
    yield _read(victim, attacker, "appealDraft", f'appealDraft(denialId: "{victim.ids["denial"]}") {{ justification }}')
    for name in ("appealBatch", "appealBatchDocument"):
        yield _read(victim, attacker, name, f'{name}(id: "{victim.ids["appeal_batch"]}") {{ number }}')
    yield _read(victim, attacker, "batchDocument", f'batchDocument(id: "{victim.ids["batch"]}") {{ number }}')
    yield _read(victim, attacker, "spreadsheetPreview", sheet_of(victim.world, victim.ids["sheet"]))
    for name in ("draft", "claim"):
        of_claim = f'claimPreflight(input: {{claimId: "{victim.ids[name]}"}}) {{ passes }}'
        yield _read(victim, attacker, "claimPreflight", of_claim)


def _read(victim: Rich, attacker: Attacker, name: str, selection: str) -> Probe:
    async def run() -> Any:
        data = await _data(victim, attacker, f"{{ found: {selection} }}")
        return None if data is None else data["found"]

    return Probe(f"{name}: {selection[:30]}", run)


def _lists(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    world, ids = victim.world, victim.ids

    def _named(kind: str) -> str:
        return f'ids: ["{ids[kind]}"]'

    own = f'payerAnsCode: "{world.payer}", providerCnes: "{world.provider}"'
    filters = {
        "appealBatches": [own, _named("appeal_batch")],
        "appealTemplates": [f'providerCnes: "{world.provider}"', _named("appeal_template")],
        "batches": [own, _named("batch")],
        "claims": [own, f'patientId: "{ids["patient"]}"', f'providerClaimNumber: "{victim.number}"', _named("claim")],
        **{name: [own, _named(name.removesuffix("s"))] for name in ("denials", "invoices", "remittances")},
        "settlements": [own, f'invoiceId: "{ids["invoice"]}"', _named("settlement")],
        "statementMappings": [own, _named("statement_mapping")],
        "unappliedCredits": [own, _named("credit")],
        "remittanceAdjustments": [own],
        "bankEntries": [own, _named("bank_entry")],
        "announcedPayments": [own, f'providerCnes: "{world.provider}"'],
        "contracts": [own, _named("contract")],
        "unmatchedRemittanceLines": [own, _named("remittance")],
        "eligibilityHistory": [own, f'patientId: "{ids["patient"]}"', _named("eligibility")],
    }
    for root, each in filters.items():
        for text in each:
            yield _list(victim, attacker, root, text, "totalCount", 0)
            yield _list(victim, attacker, root, text, "nodes { id }", [])
    waiting = f'lineFilter: {{ids: ["{ids["unmatched_line"]}"]}}'
    yield _line(victim, attacker, f"unmatchedRemittanceLines({waiting})")
    for root, fields in SUMS.items():
        nothing = dict.fromkeys(fields.split(), NOTHING_ZERO)
        yield _list(victim, attacker, root, own, f"sums {{ {fields} }}", nothing)
    yield from _looked_up(victim, attacker)

    async def prices() -> Any:
        found = f"{{ contracts(filter: {{{own}}}) {{ nodes {{ id prices {{ nodes {{ code }} }} }} totalCount }} }}"
        data = await _data(victim, attacker, found)
        return None if data["contracts"] == {"nodes": [], "totalCount": 0} else data

    yield Probe("contracts", prices)

    async def emergencies() -> Any:
        found = "{ emergencyAccesses(first: 100) { totalCount nodes { id patient { id } } } }"
        listed = (await _data(victim, attacker, found))["emergencyAccesses"]
        of_victim = [each for each in listed["nodes"] if each["patient"]["id"] == ids["patient"]]
        # There are fewer than a page of them in any scope.
        return of_victim or (None if listed["totalCount"] == len(listed["nodes"]) else listed["totalCount"])

    yield Probe("emergencyAccesses", emergencies)


def _looked_up(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    """The lists that a form offers, and single parties by their numbers."""
    for root, arguments in look_ups(victim.world, _parties(victim)).items():

        async def run(root: str = root, arguments: str = arguments) -> Any:
            data = await _data(victim, attacker, f"{{ {root}({arguments}) {{ totalCount nodes {{ __typename }} }} }}")
            return None if data[root] == {"totalCount": 0, "nodes": []} else data

        yield Probe(root, run)
    yield _read(victim, attacker, "provider", f'provider(cnes: "{victim.world.provider}") {{ name }}')
    card = f'payerAnsCode: "{victim.world.payer}", cardNumber: "{victim.world.card}"'
    yield _read(victim, attacker, "coverageOfCard", f"coverageOfCard({card}) {{ id }}")
    yield _read(victim, attacker, "patient", f'patient(id: "{victim.ids["patient"]}") {{ id }}')
    yield _read(victim, attacker, "coverage", f'coverage(id: "{victim.ids["coverage"]}") {{ id }}')
    yield _read(victim, attacker, "contract", f'contract(id: "{victim.ids["contract"]}") {{ id }}')


def _list(victim: Rich, attacker: Attacker, root: str, text: str, selection: str, nothing: Any) -> Probe:
    async def run() -> Any:
        data = await _data(victim, attacker, f"{{ {root}(filter: {{{text}}}) {{ found: {selection} }} }}")
        return None if data[root]["found"] == nothing else data

    return Probe(f"{root} by {text[:20]}: {selection}", run)


def _line(victim: Rich, attacker: Attacker, root: str) -> Probe:
    async def run() -> Any:
        data = await _data(victim, attacker, f"{{ found: {root} {{ totalCount nodes {{ id }} }} }}")
        return None if data["found"] == {"totalCount": 0, "nodes": []} else data

    return Probe("a waiting line", run)


def _parties(victim: Rich) -> str:
    return f'payerAnsCode: "{victim.world.payer}", providerCnes: "{victim.world.provider}"'


def _sums(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    own = _parties(victim)
    books = "billedAmount paidAmount inDisputeAmount lostAmount awaitingAmount"
    figures = "undecidedClaimCount processedAmount undecidedAmount aboutToBeLostAmount meanDaysToPayment"
    for root, fields in (("reconciliation", books), ("billingIndicators", figures)):

        async def run(root: str = root, fields: str = fields) -> Any:
            data = await _data(victim, attacker, f"{{ {root}({own}) {{ {fields} }} }}")
            return None if set(data[root].values()) <= {NOTHING_ZERO, 0, None} else data

        yield Probe(root, run)


def _streams(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    own = f'payerAnsCode: "{victim.world.payer}", providerCnes: "{victim.world.provider}"'
    by_id = [(root, f'{kind}Id: "{victim.ids[kind]}"') for root, kind in STREAMS.items()]
    for root, where in [("claimStatusChanged", own), *by_id]:

        async def run(root: str = root, where: str = where) -> Any:
            if attacker.kind == "patient" and STREAMS[root] != "claim":
                return None
            start = await victim.gateway.stream_cursor(0)
            body = {"query": f'subscription {{ {root}(after: "{start}", filter: {{{where}}}) {{ cursor }} }}'}
            return await first_event(victim.gateway, attacker.token, body)

        yield Probe(f"{root} by {where[:20]}", run)

    async def log() -> Any:
        async with victim.gateway.database.reading() as connection:
            rows = await outbox.named_after(connection, attacker.scope, 0, {"ClaimCreated", "InvoiceSettled"}, 10_000)
        return [row for row in rows if row.aggregate_id in victim.ids.values()] or None

    yield Probe("the log of events", log)


async def _live(victim: Rich, attacker: Attacker) -> Any:
    """What of a payment somebody hears who listens while it is made."""
    if attacker.kind == "patient":
        return None
    body = {"query": "subscription { settlementRecorded { cursor } }"}
    begun = asyncio.Event()
    listening = asyncio.create_task(first_event(victim.gateway, attacker.token, body, seconds=0.5, begun=begun))
    beginning = asyncio.create_task(begun.wait())
    await asyncio.wait({listening, beginning}, return_when=asyncio.FIRST_COMPLETED)
    beginning.cancel()
    await victim.world.settle(victim.ids["invoice"], "0.01")
    return await listening


def _statements(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    """Queries behind relations, which no object of one's own leads to others' rows by: asked directly."""
    yield from _billed(victim, attacker)
    yield _unsent(victim, attacker)
    yield _unsent_appeals(victim, attacker)
    yield from _decided(victim, attacker)
    for name, run in (*named_otherwise(victim, attacker.scope), *of_books(victim, attacker.scope)):
        yield Probe(name, run)
    for module in MODULES:
        for name, children in inspect.getmembers(module, lambda each: isinstance(each, Children)):
            yield Probe(f"{module.__name__}.{name}: page", _child_rows(victim, attacker, children))
            yield Probe(f"{module.__name__}.{name}: counts", _child_counts(victim, attacker, children))
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            parameters = list(inspect.signature(function).parameters.values())
            names = [each.name for each in parameters if each.default is each.empty]
            if function.__module__ != module.__name__ or names[:2] != ["connection", "scope"] or len(names) != 3:
                continue
            if "Filter" in str(parameters[2].annotation) or "Keyset" in str(parameters[2].annotation):
                continue
            yield Probe(f"{module.__name__}.{name}", _statement(victim, attacker, function, parameters[2]))


def _child_rows(victim: Rich, attacker: Attacker, children: Children[Any]) -> Callable[[], Awaitable[Any]]:
    keyset = Keyset(children.parent, children.parent, descending=False, limit=PAGE_MAX)

    async def run() -> Any:
        async with victim.gateway.database.reading() as connection:
            return await children.page(connection, attacker.scope, list(victim.ids.values()), keyset) or None

    return run


def _child_counts(victim: Rich, attacker: Attacker, children: Children[Any]) -> Callable[[], Awaitable[Any]]:
    async def run() -> Any:
        async with victim.gateway.database.reading() as connection:
            return await children.counts(connection, attacker.scope, list(victim.ids.values())) or None

    return run


def _billed(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    """What was sent for a patient, and whether the same service was billed: questions of the preflight."""
    world = victim.world
    whose = billed_services.PatientOf(world.provider, world.payer, world.patient)
    billed = (CONSULTATION["codeSystem"], CONSULTATION["code"], today(), False)

    async def run() -> Any:
        async with victim.gateway.database.reading() as connection:
            return (await billed_services.of_patients(connection, attacker.scope, [whose], [billed]))[whose] or None

    async def sent() -> Any:
        async with victim.gateway.database.reading() as connection:
            return await billed_services.sent_claims(connection, attacker.scope, whose, ()) or None

    async def of_card() -> Any:
        async with victim.gateway.database.reading() as connection:
            parties = (world.provider, world.payer)
            found = await line_candidates.of_days(connection, attacker.scope, *parties, [today()], [world.card])
            return found or None

    yield Probe("line_candidates.of_days", of_card)
    yield Probe("billed_services.of_patients", run)
    yield Probe("billed_services.sent_claims", sent)


def _unsent(victim: Rich, attacker: Attacker) -> Probe:
    """The claims that `createBatches` puts into batches; its parties are checked before."""
    world, days = victim.world, (date.min, date.max)

    async def run() -> Any:
        async with victim.gateway.database.reading() as connection:
            found = await batches.unsent_claims(connection, attacker.scope, world.provider, world.payer, days, PAGE_MAX)
            return found or None

    return Probe("batches.unsent_claims", run)


def _unsent_appeals(victim: Rich, attacker: Attacker) -> Probe:
    """The appeals that `createAppealBatches` puts into batches; its parties are checked before."""
    where = appeal_batches.UnsentFilter(victim.world.provider, victim.world.payer, has_protocol=False)

    async def run() -> Any:
        async with victim.gateway.database.reading() as connection:
            return (await appeal_batches.unsent(connection, attacker.scope, where, PAGE_MAX)) or None

    return Probe("appeal_batches.unsent", run)


def _decided(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    """What the chance of a denial and the draft of an appeal are made of; the claim that leads to it is checked
    before."""
    world = victim.world
    parties = (world.provider, world.payer)
    code = (CONSULTATION["codeSystem"], CONSULTATION["code"])
    asked: dict[str, tuple[Any, ...]] = {
        "of_procedures": (*parties, [code]),
        "won": (*parties, EVENT_CODE, 1),
        "eligible": (world.payer, world.patient, today()),
    }
    for name, arguments in asked.items():

        async def run(name: str = name, arguments: tuple[Any, ...] = arguments) -> Any:
            async with victim.gateway.database.reading() as connection:
                return await getattr(decided_items, name)(connection, attacker.scope, *arguments) or None

        yield Probe(f"decided_items.{name}", run)


def _statement(victim: Rich, attacker: Attacker, function: Any, parameter: Any) -> Callable[[], Awaitable[Any]]:
    is_many = "Sequence" in str(parameter.annotation) or "list" in str(parameter.annotation)
    of_parties = [victim.world.provider, victim.world.payer]
    ids = of_parties if parameter.name == "codes" else list(victim.ids.values())

    async def run() -> Any:
        async def work(connection: AsyncConnection) -> Any:
            if is_many:
                return await function(connection, attacker.scope, ids)
            return [found for each in ids if (found := await function(connection, attacker.scope, each))]

        return await victim.gateway.database.transact(work) or None

    return run


def _mutations(victim: Rich, attacker: Attacker) -> Iterator[Probe]:
    for title, values in inputs_of(victim).items():
        name = title.partition(" ")[0]
        type_name = input_type(name)

        async def run(name: str = name, type_name: str = type_name, values: dict[str, Any] = values) -> Any:
            found = "results { errors { code } }" if name in MANY else ""
            query = f"mutation($input: {type_name}!) {{ {name}(input: $input) {{ errors {{ code }} {found} }} }}"
            data = await _data(victim, attacker, query, input=shaped(name, values))
            payload = data[name]
            errors = payload["errors"] + [e for each in payload.get("results", []) for e in each["errors"]]
            if name in MANY:
                # One that single mutations have changed before is a CONFLICT in its own scope.
                errors = [error for error in errors if error["code"] == "NOT_FOUND"]
            return None if errors else payload

        yield Probe(title, run)
