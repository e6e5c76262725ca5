"""The rows of bank accounts, unapplied credits, debits and credits beside the claims, and batches of appeals."""

from typing import Final

from tests.scale.expressions import PAYERS, PROVIDERS, START, at, chance, first, id_of, insert, one_of, payer, provider

ANSWERED: Final = ("ANSWERED",) * 7 + ("SENT", "REJECTED", "CANCELLED")
PROBLEMS: Final = ("UNKNOWN_CLAIM", "UNKNOWN_CLAIM", "OVERPAID", "AMBIGUOUS", "UNKNOWN_ITEM")
EXPLAINED: Final = ("ACCEPTED", "LINKED", "CREDITED", "WITHDRAWN")


def statements(entries: int, remittances: int) -> list[str]:
    """So many entries of banks, of which some are the payments of so many statements; with each statement a debit or
    credit beside its claims and a credit that nobody gets, with every second one a batch of appeals."""
    return [*_banks(entries, remittances), *_beside(remittances), _appeals(remittances // 2), _prices()]


def of_waiting(is_waiting: str, lines: int) -> dict[str, str]:
    """What a line of a statement has while it waits for a person."""
    values = {
        "problem": one_of("problem", PROBLEMS),
        "waiting_since": at(lines),
        "assigned_to": f"IF({chance('assigned', 3)} = 0, CONCAT('person ', {chance('person', 11)}), NULL)",
        "set_aside_until": f"IF({chance('aside', 7)} = 0, '2099-01-01', NULL)",
        "reason_code": one_of("reason", ("1705", "1801", "2006")),
    }
    return {name: f"IF({is_waiting}, {value}, NULL)" for name, value in values.items()}


def _banks(entries: int, remittances: int) -> list[str]:
    file = {
        "id": id_of("bkf"),
        "provider_cnes": "CAST(1000000 + n AS CHAR)",
        "source": "'OFX'",
        "digest": "MD5(n)",
        "entry_count": "1",
        "new_entry_count": "1",
        "matched_entry_count": "1",
        "created_by": "'test'",
        "created_at": f"'{START}'",
    }
    of_payer = f"n MOD {entries // remittances} = 0 AND n < {entries * 95 // 100}"
    entry = {
        "id": id_of("bke"),
        "file_id": id_of("bkf", chance("provider", PROVIDERS)),
        "provider_cnes": provider(),
        "payer_ans": f"IF({of_payer}, {payer()}, NULL)",
        "status": f"IF({of_payer}, 'MATCHED', IF(n < {entries * 95 // 100}, 'DISMISSED', 'WAITING'))",
        "account": "'1'",
        "booked_on": f"DATE({at(entries)})",
        "direction": one_of("direction", ("CREDIT", "CREDIT", "DEBIT")),
        "amount_cents": f"(100 + {chance('bank', 1_000_000)})",
        "document": "''",
        "description": "''",
        "identity": "MD5(n)",
        "match_id": f"IF({of_payer}, {id_of('mat')}, NULL)",
        "version": "1",
        "changed_by": "'test'",
        "created_at": at(entries),
        "changed_at": at(entries),
    }
    match = {
        "id": id_of("bmt"),
        "match_id": id_of("mat", f"(n * {entries // remittances})"),
        "remittance_id": id_of("rem"),
        "active_remittance_id": id_of("rem"),
        "net_cents": "1000",
        "created_by": "'test'",
        "created_at": at(remittances),
    }
    return [
        insert("bank_files", file, first(PROVIDERS)),
        insert("bank_entries", entry, first(entries)),
        insert("bank_matches", match, first(remittances * 95 // 100)),
    ]


def _beside(remittances: int) -> list[str]:
    """What statements have beside their claims."""
    is_new = f"n >= {remittances * 95 // 100}"
    adjustment = {
        "id": id_of("rma"),
        "remittance_id": id_of("rem", "n"),
        "sequence": "1",
        "direction": one_of("direction", ("DEBIT", "DEBIT", "CREDIT")),
        "level": "'STATEMENT'",
        "description": "'tarifa'",
        "amount_cents": "100",
        "status": f"IF({is_new}, {one_of('new', ('OPEN', 'OPEN', 'DISPUTED'))}, {one_of('old', EXPLAINED)})",
    }
    credit = {
        "id": id_of("crd"),
        "provider_cnes": provider(),
        "payer_ans": payer(),
        "remittance_id": id_of("rem"),
        "amount_cents": "100",
        "used_cents": f"IF({is_new}, 40, 100)",
        "paid_on": f"DATE({at(remittances)})",
        "version": "1",
        "created_by": "'test'",
        "created_at": at(remittances),
    }
    return [
        insert("remittance_adjustments", adjustment, first(remittances)),
        insert("unapplied_credits", credit, first(remittances)),
    ]


def _appeals(batches: int) -> str:
    is_open = f"n >= {batches * 95 // 100}"
    batch = {
        "id": id_of("apb"),
        "number": "n",
        "provider_cnes": provider(),
        "payer_ans": payer(),
        "contested_protocol": "'1'",
        "tiss_version": "'4.03.00'",
        "status": f"IF({is_open}, 'OPEN', {one_of('batch', ANSWERED)})",
        "denial_count": "1",
        "total_cents": "100",
        "version": "1",
        "created_by": "'test'",
        "created_at": at(batches),
        "changed_at": at(batches),
    }
    return insert("appeal_batches", batch, first(batches))


def _prices() -> str:
    """What each contract pays for the item of claims, which every tenth claim or so bills too low."""
    price = {
        "id": id_of("prb"),
        "contract_id": id_of("ctr"),
        "code_system": "'22'",
        "code": "'10101012'",
        "unit_price_cents": "50000",
        "valid_from": f"'{START}'",
        "needs_authorization": "0",
    }
    return insert("contract_prices", price, first(PROVIDERS * PAYERS))
