"""What every payer of the month does: batches come in, statements are posted, the bank's entries arrive, and after each
step the books explain every cent."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tests import bank_files
from tests.example_lotes import lote
from tests.factories import World, key, today
from tests.graphql.test_imports import import_document, upload
from tests.graphql.test_posting_units import until_posted
from tests.graphql.test_statement_documents import send
from tests.payer_documents import Guide, Item

GUIDES_PER_LOTE = 100
BOOKS = "billedAmount paidAmount withheldAmount inDisputeAmount lostAmount awaitingAmount unexplainedAmount"
POST = "postedLines putBackLines remittance { id status }"
WAITING = "query($p: [AnsCode!]) { unmatchedRemittanceLines(filter: { payerAnsCode: $p }) { totalCount } }"
CREDITS = (
    "query($p: [AnsCode!]) { unappliedCredits(filter: { payerAnsCode: $p }, first: 100) { nodes { leftAmount } } }"
)
WAITING_BANK = """query($c: [Cnes!]) {
  bankEntries(filter: { providerCnes: $c, status: [WAITING] }, first: 100) { nodes { id amount } }
  announcedPayments(filter: { providerCnes: $c }, first: 100) { nodes { id balance { netAmount } } } }"""
INLINE_LENGTH_MAX = 100_000
"""Longer documents are uploaded: a request has at most 128 KiB."""


def cents(text: str) -> int:
    """The amount in cents."""
    return int(text.replace(".", ""))


def money(amount: int) -> str:
    """Cents as text."""
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


class PayersMonth(ABC):
    """One payer's month with one provider: `count` claims of 100.00, numbered from 0."""

    def __init__(self, world: World, count: int) -> None:
        self.world = world
        self.count = count
        self.received = 0
        """What the bank has got from the payer, in cents."""

    def number(self, place: int) -> str:
        """The number of a claim."""
        return f"M{place:05d}"

    def lotes(self) -> list[range]:
        """The claims of each batch."""
        return [
            range(start, min(start + GUIDES_PER_LOTE, self.count)) for start in range(0, self.count, GUIDES_PER_LOTE)
        ]

    def guide(self, place: int, **item: Any) -> Guide:
        """What the payer says of a claim: one item on its own day, by default paid in full."""
        day = today() - timedelta(days=place % GUIDES_PER_LOTE % 30)
        of_guide = {name: item.pop(name) for name in ("reason", "denied", "paid_in_all") if name in item}
        made = Item(day=day.isoformat(), **item)
        paid = of_guide.pop("paid_in_all", None)
        return Guide(self.number(place), self.world.card, (made,), paid=paid, **of_guide)

    @abstractmethod
    async def live(self) -> dict[str, int]:
        """The month; its books in cents."""

    async def bill(self) -> None:
        """Import the batches of the month."""
        for places in self.lotes():
            content = lote(self.world, [self.number(place) for place in places])
            found = await import_document(self.world, content)
            assert found["job"]["refusedCount"] == 0, found["results"]
        await self.check(billed=self.count * 100_00)

    async def _import(self, xml: str, encoding: str, **changes: Any) -> Any:
        """The payload of importRemittance for the document in this encoding."""
        xml = xml.replace("ISO-8859-1", encoding)
        if len(xml) <= INLINE_LENGTH_MAX:
            return await send(self.world, xml, **changes)
        document = await upload(self.world.gateway, xml.encode(encoding), self.world.token("finance"))
        return await send(self.world, None, documentId=document, **changes)

    async def take(self, xml: str, **changes: Any) -> list[Any]:
        """Import a document and post its statements; these. The document again changes nothing."""
        payload = await self._import(xml, "ISO-8859-1", **changes)
        assert (payload["errors"], payload["alreadyImported"]) == ([], False)
        for each in payload["remittances"]:
            await self.post(each["id"])
        again = await self._import(xml, "UTF-8", **changes)
        assert (again["errors"], again["alreadyImported"]) == ([], True)
        await self.check()
        return list(payload["remittances"])

    async def post(self, remittance_id: str) -> None:
        """Post a statement to its end."""
        values = {"id": remittance_id, "idempotencyKey": key()}
        payload = await self.world.mutate("finance", "postRemittance", POST, **values)
        assert payload["errors"] == []
        await until_posted(self.world, {"id": remittance_id})

    async def resolve(self, problem: str, **resolution: Any) -> int:
        """Take the step with all lines of the problem, after a dry run; how many it was taken with."""
        total: int = 0
        while True:
            values = {
                "filter": {"payerAnsCode": [self.world.payer]},
                "lineFilter": {"problem": [problem]},
                "resolution": resolution,
            }
            fields = "results { object { status } errors { code } } hasMore"
            counts: list[int] = []
            for is_dry in (True, False):
                given = {**values, "dryRun": is_dry, "idempotencyKey": key()}
                payload = await self.world.mutate("finance", "resolveRemittanceLines", fields, **given)
                assert payload["errors"] == []
                counts.append(sum(each["errors"] == [] for each in payload["results"]))
            assert counts[0] == counts[1]
            total += counts[1]
            if not counts[1] or not payload["hasMore"]:
                return total

    async def waiting(self) -> int:
        """How many lines wait."""
        found = await self.world.call("finance", WAITING, p=[self.world.payer])
        return int(found["unmatchedRemittanceLines"]["totalCount"])

    async def bank(self, write: Any, *amounts: int, day: date | None = None) -> None:
        """Import the bank's file of these entries, twice: the second time under another name it changes nothing."""
        entries = [(day or today(), money(amount), f"TED {place}") for place, amount in enumerate(amounts)]
        values = {"providerCnes": self.world.provider, "content": {"text": write(*entries)}}
        fields = "file { newEntryCount matchedEntryCount } alreadyImported"
        first = await self.world.mutate("finance", "importBankFile", fields, **values, idempotencyKey=key())
        assert first["errors"] == []
        assert first["file"]["newEntryCount"] == len(amounts)
        assert first["file"]["matchedEntryCount"] + await self._match_by_hand() == len(amounts)
        again = await self.world.mutate("finance", "importBankFile", fields, **values, idempotencyKey=key())
        assert again["alreadyImported"] is True
        self.received += sum(amounts)
        await self.check()

    async def _match_by_hand(self) -> int:
        """Several payments of one amount on one day are equal to the gateway: a person says which is which."""
        found = await self.world.call("finance", WAITING_BANK, c=[self.world.provider])
        payments = [(each["balance"]["netAmount"], each["id"]) for each in found["announcedPayments"]["nodes"]]
        for entry in found["bankEntries"]["nodes"]:
            payment = next(each for each in payments if each[0] == entry["amount"])
            payments.remove(payment)
            values = {"entryIds": [entry["id"]], "remittanceIds": [payment[1]], "idempotencyKey": key()}
            payload = await self.world.mutate("finance", "matchBankEntries", "entries { status }", **values)
            assert (payload["errors"], payload["entries"]) == ([], [{"status": "MATCHED"}])
        return len(found["bankEntries"]["nodes"])

    async def books(self) -> dict[str, int]:
        """The parts of the books in cents; nothing is unexplained."""
        query = f"query($p: AnsCode) {{ reconciliation(payerAnsCode: $p) {{ {BOOKS} }} }}"
        found = (await self.world.call("finance", query, p=self.world.payer))["reconciliation"]
        parts = {name.removesuffix("Amount"): cents(value) for name, value in found.items()}
        assert parts.pop("unexplained") == 0
        return parts

    async def unapplied(self) -> int:
        """What the payer has paid and no claim has got, in cents."""
        found = await self.world.call("finance", CREDITS, p=[self.world.payer])
        return sum(cents(each["leftAmount"]) for each in found["unappliedCredits"]["nodes"])

    async def check(self, **expected: int) -> dict[str, int]:
        """The books balance, and have these parts."""
        parts = await self.books()
        assert parts["billed"] == sum(value for name, value in parts.items() if name != "billed")
        assert {name: parts[name] for name in expected} == expected
        return parts

    async def end(self) -> dict[str, int]:
        """After the month: no line waits, and what claims and credits got is what the bank has."""
        assert await self.waiting() == 0
        parts = await self.check()
        unapplied = await self.unapplied()
        assert parts["paid"] + unapplied == self.received
        return {**parts, "unapplied": unapplied, "bank": self.received}


def of_bank(kind: str) -> Any:
    """Writes a bank file of this kind."""
    return {"ofx": bank_files.ofx, "cnab": bank_files.cnab, "ofx_xml": bank_files.ofx_xml}[kind]


def in_messages(statements: Sequence[str], size: int = 5) -> list[Sequence[str]]:
    """The statements of each message: payers send several in one."""
    return [statements[start : start + size] for start in range(0, len(statements), size)]
