"""The largest calls about bank accounts."""

from datetime import timedelta

from app.domain.bank import ENTRIES_MAX
from app.resolvers.paging import PAGE_MAX
from tests import bank_files
from tests.factories import key, today
from tests.hostile.largest_data import Big, Call

FILE = "file { id entryCount newEntryCount }"
ENTRY = "entries { id status amount waitingDays file { id } }"
FIELDS = "id amount bookedOn waitingDays account document description payer { name } file { id source }"


async def import_file(big: Big) -> Call:
    entries = [(today(), f"{number}.00", "TED OPERADORA") for number in range(1, ENTRIES_MAX // 4)]
    whole = bank_files.ofx(*entries)
    end = whole[whole.rindex("</STMTTRN>") + len("</STMTTRN>") :]
    content = {"text": whole[: 100_000 - len(end)].rpartition("<STMTTRN>")[0] + end}
    values = {"providerCnes": big.world.provider, "content": content, "idempotencyKey": key()}
    return big.change("finance", "importBankFile", FILE, '"entryCount":', 1, **values)


async def _entries(big: Big, *amounts: str) -> list[str]:
    """The ids of new entries, the amounts of which no other has."""
    entries = [{"bookedOn": today().isoformat(), "amount": each, "account": key()} for each in amounts]
    values = {"providerCnes": big.world.provider, "content": {"entries": entries}, "idempotencyKey": key()}
    assert (await big.world.mutate("finance", "importBankFile", FILE, **values))["errors"] == []
    bounds = f'amount: {{ from: "{amounts[0]}", to: "{amounts[-1]}" }}, status: [WAITING]'
    query = f"{{ bankEntries(filter: {{ {bounds} }}, first: 100) {{ nodes {{ id }} }} }}"
    return [each["id"] for each in (await big.world.call("finance", query))["bankEntries"]["nodes"]]


async def entries_page(big: Big) -> Call:
    await _entries(big, *[f"{1_000 + number}.00" for number in range(PAGE_MAX)])
    query = f"{{ bankEntries(first: 100) {{ totalCount nodes {{ {FIELDS} }} }} }}"
    return big.read(query, '"bookedOn":', PAGE_MAX, role="finance")


async def announced_page(big: Big) -> Call:
    for _ in range(3):
        await _announced(big, "3000.00")
    shown = "statementNumber threeWayMatch { status postedAmount announcedAmount receivedAmount waitingDays }"
    return big.read(
        f"{{ announcedPayments(first: 100) {{ nodes {{ {shown} }} }} }}", '"waitingDays":', 3, role="finance"
    )


async def _announced(big: Big, amount: str) -> str:
    """A statement that announces a payment, of a day on which no entry is."""
    lines = [{"providerClaimNumber": "NENHUMA", "paidAmount": amount}]
    parties = {"payer": big.world.payer, "provider": big.world.provider}
    paid = {"statementNumber": key()[:20], "paidOn": (today() - timedelta(days=30)).isoformat(), "lines": lines}
    done = await big.world.mutate(
        "finance", "importRemittance", "remittance { id }", **parties, **paid, idempotencyKey=key()
    )
    return str(done["remittance"]["id"])


async def match_entries(big: Big) -> Call:
    (entry,) = await _entries(big, "2000.01")
    values = {"entryIds": [entry], "remittanceIds": [await _announced(big, "2000.01")], "idempotencyKey": key()}
    return big.change("finance", "matchBankEntries", ENTRY, '"status":', 1, **values)


async def unmatch_entry(big: Big) -> Call:
    (entry,) = await _entries(big, "2000.02")
    values = {"entryIds": [entry], "remittanceIds": [await _announced(big, "2000.02")], "idempotencyKey": key()}
    assert (await big.world.mutate("finance", "matchBankEntries", ENTRY, **values))["errors"] == []
    return big.change("finance", "unmatchBankEntry", ENTRY, '"status":', 1, bankEntryId=entry, idempotencyKey=key())


async def dismiss_entry(big: Big) -> Call:
    (entry,) = await _entries(big, "2000.03")
    values = {"bankEntryId": entry, "reason": "x" * 500, "idempotencyKey": key()}
    return big.change("finance", "dismissBankEntry", ENTRY, '"status":', 1, **values)
