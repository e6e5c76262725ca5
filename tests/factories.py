"""A test's own payer, provider and patients, and the steps of a claim's life through the API."""

import itertools
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth.roles import NARROWED_TO
from app.db.reference_tables import coverages, patients, payers, providers
from app.db.tables import outbox
from app.domain import ids
from app.domain.calendar import business_day
from app.domain.identifiers import check_digits_of_cpf
from tests.gateway import Gateway
from tests.inputs import dotted, input_type, shaped

_numbers = itertools.count(1)
CONSULTATION = {"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": "100.00"}
BLOOD_COUNT = {"codeSystem": "22", "code": "40304361", "quantity": "2", "unitPrice": "18.50"}
CLAIM_FIELDS = (
    "id status type version claimedAmount processedAmount approvedAmount deniedAmount providerClaimNumber "
    "payerClaimNumber serviceDate submittedAt decidedAt"
)
INVOICE_FIELDS = "id number status version billingMonth totalAmount settledAmount dueAmount dueDate issuedAt"
SETTLEMENT_FIELDS = "id status amount paidOn method statementNumber reason reverses { id }"
LEDGER = f"settlements(first: 100) {{ nodes {{ {SETTLEMENT_FIELDS} }} }}"
ERRORS = "errors { code message field tissCode } replayed"


def today() -> date:
    """The gateway's day."""
    return business_day(datetime.now(UTC))


def key() -> str:
    """A fresh idempotency key."""
    return uuid.uuid4().hex


def flat(found: Any) -> Any:
    """The same, with the list of its nodes for each connection of which nothing else was asked."""
    if isinstance(found, list):
        return [flat(each) for each in found]
    if not isinstance(found, dict):
        return found
    return flat(found["nodes"]) if found.keys() == {"nodes"} else {name: flat(each) for name, each in found.items()}


DOCTOR = {"name": "Ana Lima", "council": "06", "number": "12345", "state": "35", "cbo": "225125"}
ENCOUNTER = {"priority": "1", "type": "23", "accident": "9", "setting": "01", "visitType": "1"}


@dataclass
class World:
    """Parties that no other test touches, and callers narrowed to them."""

    gateway: Gateway
    payer: str
    provider: str
    patient: str
    card: str
    _tokens: dict[str, str] = field(init=False, default_factory=dict, repr=False, compare=False)

    def token(self, role: str) -> str:
        """A token of this role for this world's parties only, which its callers send again like any client."""
        if role not in self._tokens:
            scopes: dict[str, dict[str, Any]] = {
                "payer": {"payer": self.payer, "providers": ["*"]},
                "patient": {"patient": self.patient},
            }
            scope = scopes.get(NARROWED_TO.get(role, ""), {"providers": [self.provider]})
            self._tokens[role] = self.gateway.token(role, **scope)
        return self._tokens[role]

    async def call(self, role: str, query: str, **variables: Any) -> Any:
        """The data of an operation that must not fail."""
        return (await self.gateway.gql(query, variables, token=self.token(role))).data

    async def mutate(self, role: str, name: str, fields: str, /, **values: Any) -> Any:
        """A mutation's payload; `fields` is what to select beside errors and replayed, `values` go through `shaped`."""
        replayed = "" if name == "checkEligibility" else " replayed"
        selection = f"{fields} errors {{ code message field tissCode }}{replayed}"
        query = f"mutation($input: {input_type(name)}!) {{ {name}(input: $input) {{ {selection} }} }}"
        return flat((await self.call(role, query, input=shaped(name, values)))[name])

    def claim_input(self, **changes: Any) -> dict[str, Any]:
        """Values of createClaim, flat, with changes laid over them: all that the document of an SP/SADT guide needs."""
        return {
            "type": "SP_SADT",
            "provider": self.provider,
            "payer": self.payer,
            "providerClaimNumber": f"G{next(_numbers):08d}",
            "cardNumber": self.card,
            "serviceDate": today().isoformat(),
            "practitioner": DOCTOR,
            "encounter": ENCOUNTER,
            "items": [CONSULTATION],
            "idempotencyKey": key(),
            **changes,
        }

    async def create_claim(self, **changes: Any) -> Any:
        """The payload of createClaim."""
        return await self.mutate("biller", "createClaim", f"claim {{ {CLAIM_FIELDS} }}", **self.claim_input(**changes))

    async def submitted_claim(self, **changes: Any) -> Any:
        """A submitted claim."""
        return _good(await self.create_claim(submit=True, **changes))["claim"]

    async def claim_in_review(self, **changes: Any) -> Any:
        """A claim that the payer is looking at."""
        claim = await self.submitted_claim(**changes)
        found = await self.mutate("reviewer", "startReview", f"claim {{ {CLAIM_FIELDS} }}", id=claim["id"])
        return _good(found)["claim"]

    async def adjudicate(self, claim_id: str, items: list[dict[str, Any]], **values: Any) -> Any:
        """The payload of adjudicateClaim."""
        values = {"id": claim_id, "items": items, "idempotencyKey": key(), **values}
        return await self.mutate("reviewer", "adjudicateClaim", f"claim {{ {CLAIM_FIELDS} }}", **values)

    async def approved_claim(self, amount: str = "100.00") -> Any:
        """A claim with one item, approved in full."""
        claim = await self.claim_in_review(items=[{**CONSULTATION, "unitPrice": amount}])
        return _good(await self.adjudicate(claim["id"], [{"sequence": 1, "approvedAmount": amount}]))["claim"]

    async def create_invoice(self, claim_ids: list[str], **changes: Any) -> Any:
        """The payload of createInvoice."""
        values = {
            "provider": self.provider,
            "payer": self.payer,
            "billingMonth": today().strftime("%Y-%m"),
            "claimIds": claim_ids,
            "idempotencyKey": key(),
            **changes,
        }
        return await self.mutate("biller", "createInvoice", f"invoice {{ {INVOICE_FIELDS} }}", **values)

    async def draft_invoice(self, amount: str = "100.00") -> Any:
        """A draft invoice of one approved claim."""
        claim = await self.approved_claim(amount)
        return _good(await self.create_invoice([claim["id"]]))["invoice"]

    async def issued_invoice(self, amount: str = "100.00") -> Any:
        """An issued invoice of one approved claim."""
        invoice = await self.draft_invoice(amount)
        found = await self.mutate("finance", "issueInvoice", f"invoice {{ {INVOICE_FIELDS} }}", id=invoice["id"])
        return _good(found)["invoice"]

    async def hold_membership(self) -> None:
        """A contract on the usual terms under which the gateway knows all cards of the payer."""
        terms = {"submissionWindowDays": 180, "appealDeadlineDays": 30, "paymentTermDays": 30}
        values = {"provider": self.provider, "payer": self.payer, **terms, "holdsMembership": True}
        _good(await self.mutate("admin", "saveContract", "contract { id }", **values))

    async def settle(
        self, invoice_id: str, amount: str | None = None, fields: str = SETTLEMENT_FIELDS, **changes: Any
    ) -> Any:
        """The payload of settleInvoice, with these fields of the settlement."""
        values = {"id": invoice_id, "paidOn": today().isoformat(), "amount": amount, "idempotencyKey": key(), **changes}
        selection = f"settlement {{ {fields} }} invoice {{ {INVOICE_FIELDS} }}"
        return await self.mutate("finance", "settleInvoice", selection, **values)

    async def reverse(
        self, settlement_id: str, amount: str | None = None, fields: str = SETTLEMENT_FIELDS, **changes: Any
    ) -> Any:
        """The payload of reverseSettlement, with these fields of the reversal."""
        values = {"id": settlement_id, "reason": "estorno", "amount": amount, "idempotencyKey": key(), **changes}
        selection = f"settlement {{ {fields} }} invoice {{ {INVOICE_FIELDS} }}"
        return await self.mutate("finance", "reverseSettlement", selection, **values)

    async def answer_appeals(self, fields: str, *answers: tuple[str, str], **values: Any) -> Any:
        """The payload of answerAppeals, all or none: denial ids with accepted amounts; `denials` are its objects."""
        given = [{"denialId": denial_id, "acceptedAmount": accepted} for denial_id, accepted in answers]
        values = {"answers": given, "atomic": True, "idempotencyKey": key(), **values}
        payload = await self.mutate("payer_agent", "answerAppeals", f"results {{ object {{ {fields} }} }}", **values)
        return {**payload, "denials": [each["object"] for each in payload["results"]]}

    async def check_eligibility(self, **changes: Any) -> Any:
        """The payload of checkEligibility."""
        values = {"provider": self.provider, "payer": self.payer, "cardNumber": self.card, **changes}
        fields = "eligibility { id outcome source serviceDate askedPayerAt answeredAt expiresAt reasons { code } }"
        return await self.mutate("front_desk", "checkEligibility", fields, **values)

    async def claim(self, claim_id: str, role: str = "reviewer") -> Any:
        """The claim as a reviewer reads it."""
        query = f"query($id: ID!) {{ claim(id: $id) {{ {CLAIM_FIELDS} items {{ sequence totalAmount processedAmount "
        query += "approvedAmount deniedAmount denials { code amount status } } } }"
        return (await self.call(role, query, id=claim_id))["claim"]

    async def invoice(self, invoice_id: str) -> Any:
        """The invoice with its ledger as finance reads it."""
        query = f"query($id: ID!) {{ invoice(id: $id) {{ {INVOICE_FIELDS} {LEDGER} }} }}"
        return flat((await self.call("finance", query, id=invoice_id))["invoice"])

    async def events(self, aggregate_id: str) -> list[str]:
        """The names of the events recorded for this claim or invoice, in order."""
        async with self.gateway.database.reading() as connection:
            query = select(outbox.c.name).where(outbox.c.aggregate_id == aggregate_id).order_by(outbox.c.id)
            return [row[0] for row in (await connection.execute(query)).all()]


def _good(payload: Any) -> Any:
    assert payload["errors"] == [], payload["errors"]
    return payload


async def new_world(gateway: Gateway, **payer_changes: Any) -> World:
    """Insert a payer, a provider and one covered patient that nobody else uses."""
    number = next(_numbers)
    found = World(gateway, f"{200_000 + number}", f"{2_000_000 + number}", ids.new_id(ids.PATIENT), f"CARD{number:06d}")

    async def work(connection: AsyncConnection) -> None:
        payer = {
            "ans_code": found.payer,
            "name": f"Payer {number:03d}",
            "submission_window_days": 180,
            "payment_term_days": 30,
            "is_answering": True,
            **payer_changes,
        }
        provider = {"cnes": found.provider, "name": "Clinic", "tax_id": "11222333000181", "last_invoice_number": 0}
        await connection.execute(insert(payers).values(**payer))
        await connection.execute(insert(providers).values(**provider))
        await insert_patient(connection, found.payer, found.card, found.patient, number)

    await gateway.database.transact(work)
    return found


async def insert_patient(
    connection: AsyncConnection, payer: str, card: str, patient_id: str, number: int, **terms: Any
) -> None:
    """A patient with a coverage; `terms` are changes of the coverage's columns."""
    base = f"{300_000_000 + number * 31:09d}"
    person = {
        "id": patient_id,
        "name": f"Maria Segredo {number}",
        "cpf": base + check_digits_of_cpf(base),
        "birth_date": date(1980, 1, 1),
    }
    coverage = {
        "id": ids.new_id(ids.COVERAGE),
        "patient_id": patient_id,
        "payer_ans": payer,
        "plan_name": "Plano Teste",
        "card_number": card,
        "starts_on": date(2015, 1, 1),
        "card_valid_until": today() + timedelta(days=365),
        **terms,
    }
    await connection.execute(insert(patients).values(**person))
    await connection.execute(insert(coverages).values(**coverage))


async def add_card(world: World, **terms: Any) -> str:
    """Another patient of the world's payer, covered on the given terms; its card number."""
    number = next(_numbers)
    card = f"CARD{number:06d}"

    async def work(connection: AsyncConnection) -> None:
        await insert_patient(connection, world.payer, card, ids.new_id(ids.PATIENT), number, **terms)

    await world.gateway.database.transact(work)
    return card


async def party_admin(world: World, name: str, fields: str, /, **values: Any) -> Any:
    """The payload of a mutation of master data by an administrator of the whole gateway."""
    query = f"mutation($input: {input_type(name)}!) {{ {name}(input: $input) {{ {fields} {ERRORS} }} }}"
    token = world.gateway.token("admin", providers=["*"], sub="steward")
    return flat((await world.gateway.gql(query, {"input": values}, token=token)).data[name])


def refusals(payload: Any) -> list[tuple[str, str | None, str | None]]:
    """The code, field and Tabela 38 number of every error of a payload."""
    return [(error["code"], dotted(error["field"]), error["tissCode"]) for error in payload["errors"]]
