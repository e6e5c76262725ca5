"""The bank account: entries are stored once and matched to payments; what is missing is listed with its age."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests import bank_files
from tests.bank_files import Entry
from tests.factories import CONSULTATION, World, key, refusals, today
from tests.gateway import Gateway

FILE = "file { id source entryCount newEntryCount matchedEntryCount } alreadyImported"
ENTRY = "entries { id status amount waitingDays payer { ansCode } version }"
WAITING = """query Waiting($provider: Cnes!) {
  bankEntries(filter: { providerCnes: [$provider], status: [WAITING], direction: [CREDIT] }) {
    totalCount nodes { id amount bookedOn waitingDays account document description } } }"""
ANNOUNCED = """query Announced($provider: Cnes!) {
  announcedPayments(filter: { providerCnes: [$provider] }) {
    totalCount nodes { statementNumber threeWayMatch { status waitingDays announcedAmount receivedAmount } } } }"""
THREE_WAY = """query ThreeWay($id: ID!) { remittance(id: $id) {
  threeWayMatch { status postedAmount announcedAmount receivedAmount waitingDays } bankEntries { amount status } } }"""


class Account:
    """A provider's account, and statements that announce payments to it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.day = today() - timedelta(days=3)

    def entry(self, amount: str, text: str = "TED", days: int = 0) -> Entry:
        """An entry so many days after the day of payment."""
        return self.day + timedelta(days=days), amount, text

    async def take(self, text: str, **values: Any) -> Any:
        """Import a file."""
        return await self._take({"text": text}, **values)

    async def type(self, *entries: dict[str, Any]) -> Any:
        """Import typed entries."""
        return await self._take({"entries": list(entries)})

    async def _take(self, content: dict[str, Any], **values: Any) -> Any:
        given = {"providerCnes": self.world.provider, "content": content, "idempotencyKey": key(), **values}
        return await self.world.mutate("finance", "importBankFile", FILE, **given)

    async def counts(self, text: str) -> tuple[int, int, int, bool]:
        """Entries, new and matched ones of a file, and whether it was known."""
        payload = await self.take(text)
        assert payload["errors"] == []
        file = payload["file"]
        return file["entryCount"], file["newEntryCount"], file["matchedEntryCount"], payload["alreadyImported"]

    async def announce(self, number: str, amount: str, days: int = 0, **values: Any) -> tuple[str, str]:
        """A statement that pays one claim so much; its id, and that of the claim."""
        claim = await self.world.approved_claim(amount)
        line = {"providerClaimNumber": claim["providerClaimNumber"], "paidAmount": amount}
        given = {
            "payer": self.world.payer,
            "provider": self.world.provider,
            "statementNumber": number,
            "paidOn": (self.day + timedelta(days=days)).isoformat(),
            "lines": [line],
            "idempotencyKey": key(),
            **values,
        }
        payload = await self.world.mutate("finance", "importRemittance", "remittance { id }", **given)
        assert payload["errors"] == []
        return payload["remittance"]["id"], claim["id"]

    async def waiting(self) -> list[tuple[str, int]]:
        """Amount and age of what came in without a statement."""
        found = (await self.world.call("finance", WAITING, provider=self.world.provider))["bankEntries"]
        assert found["totalCount"] == len(found["nodes"])
        return [(each["amount"], each["waitingDays"]) for each in found["nodes"]]

    async def waiting_ids(self) -> list[str]:
        """The ids of these."""
        found = await self.world.call("finance", WAITING, provider=self.world.provider)
        return [each["id"] for each in found["bankEntries"]["nodes"]]

    async def announced(self) -> list[tuple[str, int]]:
        """Number and age of what was announced without arriving."""
        found = (await self.world.call("finance", ANNOUNCED, provider=self.world.provider))["announcedPayments"]
        assert {each["threeWayMatch"]["status"] for each in found["nodes"]} <= {"ANNOUNCED"}
        return [(each["statementNumber"], each["threeWayMatch"]["waitingDays"]) for each in found["nodes"]]

    async def three_way(self, remittance: str) -> dict[str, Any]:
        """What the three show."""
        found = (await self.world.call("finance", THREE_WAY, id=remittance))["remittance"]
        shown: dict[str, Any] = found["threeWayMatch"]
        return shown

    async def match(self, entries: Sequence[str], remittances: Sequence[str]) -> Any:
        """Match by hand."""
        values = {"entryIds": list(entries), "remittanceIds": list(remittances), "idempotencyKey": key()}
        return await self.world.mutate("finance", "matchBankEntries", ENTRY, **values)


@pytest.fixture
def account(world: World) -> Account:
    return Account(world)


async def test_a_payment_is_followed_from_statement_to_bank_to_claims(account: Account) -> None:
    paid, _ = await account.announce("S-1", "93.85")
    await account.announce("S-2", "50.00", days=1)
    assert await account.announced() == [("S-1", 3), ("S-2", 2)]
    assert await account.three_way(paid) == {
        "status": "ANNOUNCED",
        "postedAmount": "0.00",
        "announcedAmount": "93.85",
        "receivedAmount": "0.00",
        "waitingDays": 3,
    }
    file = bank_files.ofx(account.entry("93.85", days=1), account.entry("12.00"), account.entry("-5.00", "TARIFA"))
    assert await account.counts(file) == (3, 3, 1, False)
    assert await account.announced() == [("S-2", 2)]
    assert await account.waiting() == [("12.00", 3)]
    assert (await account.three_way(paid))["status"] == "UNPOSTED"
    await account.world.mutate("finance", "postRemittance", "postedLines", id=paid, idempotencyKey=key())
    assert await account.three_way(paid) == {
        "status": "COMPLETE",
        "postedAmount": "93.85",
        "announcedAmount": "93.85",
        "receivedAmount": "93.85",
        "waitingDays": None,
    }
    found = (await account.world.call("finance", THREE_WAY, id=paid))["remittance"]["bankEntries"]
    assert found == [{"amount": "93.85", "status": "MATCHED"}]


async def test_a_payment_of_nothing_waits_for_no_entry(account: Account) -> None:
    denied = {"paidAmount": "0.00", "denials": [{"code": "1705", "amount": "10.00"}]}
    claim = await account.world.submitted_claim(items=[{**CONSULTATION, "unitPrice": "10.00"}])
    lines = [{"providerClaimNumber": claim["providerClaimNumber"], **denied}]
    nothing, _ = await account.announce("S-0", "5.00", lines=lines)
    assert [(await account.three_way(nothing))[name] for name in ("status", "waitingDays")] == ["UNPOSTED", None]
    await account.world.mutate("finance", "postRemittance", "postedLines", id=nothing, idempotencyKey=key())
    assert [(await account.three_way(nothing))[name] for name in ("status", "waitingDays")] == ["COMPLETE", None]


async def test_no_file_and_no_entry_is_applied_twice(account: Account) -> None:
    first, second = account.entry("10.00", "TED A"), account.entry("10.00", "TED B")
    later = account.entry("10.00", "TED C", days=1)
    assert await account.counts(bank_files.ofx(first, second)) == (2, 2, 0, False)
    assert await account.counts(bank_files.ofx(first, second)) == (2, 2, 0, True)
    assert await account.counts(bank_files.ofx_xml(first, second)) == (2, 2, 0, True)
    assert await account.counts(bank_files.ofx(first, second, comma=True).replace("\n", "\r\n")) == (2, 2, 0, True)
    assert await account.counts(bank_files.ofx(first, second, later)) == (3, 1, 0, False)
    assert await account.counts(bank_files.ofx(first)) == (1, 0, 0, False)
    assert await account.counts(bank_files.ofx(later)) == (1, 0, 0, False)
    assert len(await account.waiting()) == 3


async def test_files_at_the_same_time_give_each_entry_once(account: Account) -> None:
    entries = [account.entry(f"{number}.00") for number in range(1, 6)]
    files = [bank_files.ofx(*entries[start:]) for start in range(4)] * 2
    answers = await asyncio.gather(*(account.take(each) for each in files))
    refused = [each for each in answers if each["errors"]]
    assert {refusals(each)[0][0] for each in refused} <= {"CONFLICT"}
    for each in files:
        assert (await account.take(each))["errors"] == []
    assert sorted(amount for amount, _ in await account.waiting()) == ["1.00", "2.00", "3.00", "4.00", "5.00"]


async def test_typed_entries_and_uploaded_files_are_entries_too(account: Account, gateway: Gateway) -> None:
    typed = {"bookedOn": account.day.isoformat(), "amount": "7.00", "account": "341", "description": "PIX"}
    assert (await account.type(typed))["file"]["source"] == "TYPED"
    assert (await account.type(typed))["alreadyImported"] is True
    sent = bank_files.cnab(account.entry("9.00"), account.entry("11.00")).encode()
    headers = {"authorization": f"Bearer {account.world.token('finance')}", "content-type": "application/octet-stream"}
    answer = await gateway.client.post("/documents", content=sent, headers=headers)
    payload = await account._take({"documentId": answer.json()["id"]})
    assert (payload["errors"], payload["file"]["source"], payload["file"]["newEntryCount"]) == ([], "CNAB240", 2)
    assert [amount for amount, _ in await account.waiting()] == ["7.00", "9.00", "11.00"]


async def test_what_is_not_clear_is_left_to_a_person_who_can_take_it_back(account: Account) -> None:
    first, _ = await account.announce("S-1", "20.00")
    second, _ = await account.announce("S-2", "20.00")
    third, _ = await account.announce("S-3", "5.00")
    await account.counts(bank_files.ofx(account.entry("20.00"), account.entry("25.00")))
    assert await account.waiting() == [("20.00", 3), ("25.00", 3)]
    one, both = await account.waiting_ids()
    assert refusals(await account.match([one], [second, third])) == [("INVALID_AMOUNT", "entryIds", None)]
    assert refusals(await account.match([both], [first])) == [("INVALID_AMOUNT", "entryIds", None)]
    assert (await account.match([one], [first]))["entries"][0]["status"] == "MATCHED"
    matched = await account.match([both], [second, third])
    assert matched["entries"] == [
        {
            "id": both,
            "status": "MATCHED",
            "amount": "25.00",
            "waitingDays": None,
            "payer": {"ansCode": account.world.payer},
            "version": 2,
        }
    ]
    assert (await account.announced(), await account.waiting()) == ([], [])
    assert refusals(await account.match([one], [first])) == [("CONFLICT", "remittanceIds", None)]
    values = {"bankEntryId": both, "idempotencyKey": key()}
    back = await account.world.mutate("finance", "unmatchBankEntry", ENTRY, **values)
    assert [(each["status"], each["payer"], each["version"]) for each in back["entries"]] == [("WAITING", None, 3)]
    assert await account.announced() == [("S-2", 3), ("S-3", 3)]
    again = await account.world.mutate("finance", "unmatchBankEntry", ENTRY, bankEntryId=both, idempotencyKey=key())
    assert refusals(again) == [("CONFLICT", "bankEntryId", None)]
    assert await account.world.events(both) == ["BankEntryMatched", "BankEntryUnmatched"]


async def test_a_statement_that_comes_after_its_money_is_matched_and_frees_it_when_it_is_cancelled(
    account: Account,
) -> None:
    await account.counts(bank_files.ofx(account.entry("20.00"), account.entry("31.00", days=1)))
    paid, _ = await account.announce("S-1", "20.00", days=2)
    assert (await account.announced(), await account.waiting()) == ([], [("31.00", 2)])
    values = {"remittanceId": paid, "reason": "arquivo errado", "idempotencyKey": key()}
    assert (await account.world.mutate("finance", "cancelRemittance", "remittance { id }", **values))["errors"] == []
    assert (await account.announced(), await account.waiting()) == ([], [("20.00", 3), ("31.00", 2)])


async def test_a_payment_whose_day_is_corrected_is_matched_to_its_entry(account: Account) -> None:
    await account.counts(bank_files.ofx(account.entry("20.00")))
    paid, _ = await account.announce("S-1", "20.00", days=-10)
    assert (await account.announced(), await account.waiting()) == ([("S-1", 13)], [("20.00", 3)])
    for days in (1, 0):
        day = (account.day + timedelta(days=days)).isoformat()
        values = {"remittanceId": paid, "paidOn": day, "reason": "dia errado", "idempotencyKey": key()}
        done = await account.world.mutate("finance", "correctPaymentDate", "remittance { paidOn }", **values)
        assert (done["errors"], done["remittance"]) == ([], {"paidOn": day})
        assert (await account.announced(), await account.waiting()) == ([], [])


async def test_what_is_from_no_payer_is_dismissed_with_a_reason(account: Account) -> None:
    await account.counts(bank_files.ofx(account.entry("33.00")))
    (entry,) = await account.waiting_ids()
    values = {"bankEntryId": entry, "reason": "rendimento da aplicação", "idempotencyKey": key()}
    done = await account.world.mutate("finance", "dismissBankEntry", ENTRY, **values)
    assert [each["status"] for each in done["entries"]] == ["DISMISSED"]
    assert await account.waiting() == []
    replayed = await account.world.mutate("finance", "dismissBankEntry", "entries { dismissalReason }", **values)
    assert (replayed["replayed"], replayed["entries"]) == (True, [{"dismissalReason": "rendimento da aplicação"}])


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [
        ({"amount": "0.00"}, ("INVALID_AMOUNT", "content.entries.0.amount", None)),
        ({"bookedOn": "2999-01-01"}, ("INVALID_DATE", "content.entries.0.bookedOn", None)),
        ({"description": "x" * 201}, ("INVALID_INPUT", "content.entries.0.description", None)),
    ],
)
async def test_wrong_entries_are_refused(
    account: Account, entry: dict[str, str], refusal: tuple[str, str, str | None]
) -> None:
    payload = await account.type({"bookedOn": account.day.isoformat(), "amount": "1.00", **entry})
    assert refusals(payload) == [refusal]
    assert await account.waiting() == []


async def test_others_neither_see_nor_import_nor_match(account: Account, gateway: Gateway) -> None:
    paid, _ = await account.announce("S-1", "20.00")
    await account.counts(bank_files.ofx(account.entry("21.00")))
    (entry,) = await account.waiting_ids()
    stranger = gateway.token("finance", providers=["7654321"])
    for query in (WAITING, ANNOUNCED):
        answer = await gateway.gql(query, {"provider": account.world.provider}, token=stranger)
        assert next(iter(answer.data.values()))["totalCount"] == 0
    change = "mutation($input: MatchBankEntriesInput!) { matchBankEntries(input: $input) { errors { code field } } }"
    values = {"entryIds": [entry], "remittanceIds": [paid], "idempotencyKey": key()}
    answer = await gateway.gql(change, {"input": values}, token=stranger)
    assert answer.data["matchBankEntries"]["errors"] == [{"code": "NOT_FOUND", "field": ["remittanceIds"]}]
