"""A database of many claims and everything around them, written by a few statements within the server.

Row number n of a table is made from n alone: amounts, days and parties by checksums of it, times in its order. So the
data are the same in every run, whatever their size.
"""

from datetime import date, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database
from tests.scale import batch_rows, further_rows, object_rows
from tests.scale.batch_rows import TYPES
from tests.scale.expressions import (
    PAYERS,
    PROVIDERS,
    START,
    at,
    chance,
    first,
    id_of,
    insert,
    numbers,
    one_of,
    payer,
    provider,
)
from tests.scale.size import Size

PROVIDER: Final = "1000003"
PAYER: Final = "100003"
PRICES: Final = 10_000
CLOSED: Final = ("APPROVED", "APPROVED", "APPROVED", "APPROVED", "PARTIALLY_APPROVED", "DENIED", "CANCELLED")
OPEN: Final = ("SUBMITTED", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION")
NEW: Final = ("DRAFT", "ISSUED", "ISSUED", "PARTIALLY_SETTLED")
UNPAID: Final = ("ISSUED", "ISSUED", "PARTIALLY_SETTLED")
POSTING: Final = ("IMPORTED", "PARTIALLY_POSTED")
ANSWERED: Final = ("ACCEPTED", "EXPIRED", "OVERTURNED", "UPHELD", "PARTIALLY_OVERTURNED")
METHODS: Final = ("BANK_TRANSFER", "BANK_TRANSFER", "BANK_TRANSFER", "PIX", "BOLETO")
CODES: Final = tuple(str(1_701 + number * 3) for number in range(60))
OUTCOMES: Final = ("ELIGIBLE",) * 9 + ("NOT_ELIGIBLE",)
SECONDS_MAX: Final = 1_200
DOCTORS: Final = 500


def identifier(prefix: str, number: int) -> str:
    """The id of the row with this number."""
    return f"{prefix}_{number:026d}"


def day(number: int) -> str:
    """The day so many days after the first one."""
    return (date.fromisoformat(START) + timedelta(days=number)).isoformat()


async def fill(database: Database, size: Size, person: str) -> None:
    """Insert everything; `person` is the pseudonym under which the first patient is in the access log."""

    async def work(connection: AsyncConnection) -> None:
        # Every statement is right by construction, and checks of each row would take half of the time.
        await run(connection, "SET foreign_key_checks = 0, unique_checks = 0")
        await run(connection, "/*M!100303 SET max_statement_time = 0 */")
        await run(connection, "CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
        await run(connection, numbers(max(size.claims, PRICES)))
        for statement in (
            *_parties(size),
            *_claims(size),
            *_money(size),
            *_statements(size),
            *batch_rows.statements(size.batches, size.claims),
            *further_rows.statements(size.claims // 2, size.remittances),
            *object_rows.statements(size.invoice_lines, size.import_results),
            *_logs(size, person),
            _books(),
        ):
            await run(connection, statement)
            await run(connection, "COMMIT")
        names = (await connection.execute(text("SHOW TABLES"))).scalars().all()
        for name in names:
            await run(connection, f"ANALYZE TABLE {name}")

    async def run(connection: AsyncConnection, statement: str) -> None:
        await connection.exec_driver_sql(statement)

    try:
        await database.transact(work, seconds=SECONDS_MAX)
    finally:
        # Its sessions have no checks any more.
        await database.dispose()


def _parties(size: Size) -> list[str]:
    pair = {
        "provider_cnes": f"CAST(1000000 + n DIV {PAYERS} AS CHAR)",
        "payer_ans": f"CAST(100000 + n MOD {PAYERS} AS CHAR)",
    }
    terms = {"submission_window_days": "60", "appeal_deadline_days": "30", "payment_term_days": "30"}
    return [
        insert(
            "payers",
            {"ans_code": "CAST(100000 + n AS CHAR)", "name": "CONCAT('Payer ', n)", **terms, "is_answering": "1"},
            first(PAYERS),
        ),
        insert(
            "providers",
            {
                "cnes": "CAST(1000000 + n AS CHAR)",
                "name": "CONCAT('Clinic ', n)",
                "tax_id": "LPAD(n, 14, '0')",
                "last_invoice_number": "0",
            },
            first(PROVIDERS),
        ),
        insert(
            "contracts",
            {"id": id_of("ctr"), **pair, **terms, "version": "1", "updated_by": "'test'", "updated_at": f"'{START}'"},
            first(PROVIDERS * PAYERS),
        ),
        insert(
            "contract_prices",
            {
                "id": id_of("prc"),
                "contract_id": f"'{identifier('ctr', 0)}'",
                "code_system": "'22'",
                "code": "CAST(10000000 + n AS CHAR)",
                "unit_price_cents": "100",
                "valid_from": f"'{START}'",
                "needs_authorization": "0",
            },
            first(PRICES),
        ),
        insert(
            "patients",
            {
                "id": id_of("pat"),
                "name": "CONCAT('Patient ', n)",
                "cpf": "LPAD(n, 11, '0')",
                "birth_date": "DATE_ADD('1940-01-01', INTERVAL MOD(n, 20000) DAY)",
            },
            first(size.patients),
        ),
        insert(
            "coverages",
            {
                "id": id_of("cov"),
                "patient_id": id_of("pat"),
                "payer_ans": payer(),
                "plan_name": "'Plan'",
                "card_number": "CAST(10000000 + n AS CHAR)",
                "starts_on": f"'{START}'",
            },
            first(size.patients),
        ),
        insert(
            "emergency_accesses",
            {
                "id": id_of("emg"),
                "actor": "CONCAT('actor', n)",
                "patient_id": id_of("pat"),
                "reason": "'urgent'",
                "granted_at": at(size.patients),
                "expires_at": at(size.patients),
                "serial": "1",
            },
            first(size.patients),
        ),
    ]


def _claims(size: Size) -> list[str]:
    is_open = f"n >= {size.claims * 95 // 100}"
    status = f"IF({is_open}, {one_of('open', OPEN)}, {one_of('closed', CLOSED)})"
    cents = f"(1000 + {chance('cents', 500_000)})"
    claim = {
        "id": id_of("clm"),
        "type": one_of("type", TYPES),
        "status": f"IF({chance('draft', 1_000)} = 0, 'DRAFT', {status})",
        "provider_cnes": provider(),
        "payer_ans": payer(),
        "patient_id": id_of("pat", chance("patient", size.patients)),
        "provider_claim_number": "CONCAT('N', n)",
        "payer_claim_number": f"IF({is_open}, NULL, CONCAT('P', n))",
        "card_number": "CAST(10000000 + n AS CHAR)",
        "practitioner_name": f"CONCAT('Doctor ', {chance('doctor', DOCTORS)})",
        "practitioner_council": "'06'",
        "practitioner_number": f"CAST({chance('doctor', DOCTORS)} AS CHAR)",
        "practitioner_state": "'35'",
        "practitioner_cbo": "'225125'",
        "service_date": f"DATE(TIMESTAMPADD(DAY, -{chance('days', 20)}, {at(size.claims)}))",
        "diagnosis_codes": "''",
        "claimed_cents": cents,
        "processed_cents": f"IF({is_open}, NULL, {cents})",
        "approved_cents": f"IF({is_open}, NULL, {cents})",
        "denied_cents": f"IF({is_open}, NULL, 0)",
        "version": "1",
        "created_by": "'test'",
        "created_at": at(size.claims),
        "submitted_at": f"TIMESTAMPADD(HOUR, {chance('hours', 48)}, {at(size.claims)})",
    }
    item = {
        "id": id_of("itm"),
        "claim_id": id_of("clm"),
        "sequence": "1",
        "code_system": "'22'",
        "code": "'10101012'",
        "description": "'Consultation'",
        "performed_on": f"DATE({at(size.claims)})",
        "quantity": "10000",
        "unit_price_cents": cents,
        "factor": "100",
        "total_cents": cents,
        "approved_cents": cents,
        "denied_cents": "0",
    }
    number = "(n * 4)"
    is_late = f"n >= {size.denials * 85 // 100}"
    days = chance("deadline", 30)
    denial = {
        "id": id_of("dnl"),
        "claim_id": id_of("clm", number),
        "item_id": id_of("itm", number),
        "code": one_of("code", CODES),
        "amount_cents": f"(100 + {chance('denied', 100_000)})",
        "status": f"IF({is_late}, {one_of('late', ('OPEN', 'APPEALED'))}, {one_of('answered', ANSWERED)})",
        "created_at": at(size.denials),
        # Far in the future while it is open: the sweep would expire the others while tests read.
        "appeal_deadline": f"DATE(TIMESTAMPADD(DAY, IF({is_late}, 3680, 30) + {days}, {at(size.denials)}))",
    }
    step = {
        "id": id_of("hst"),
        "claim_id": id_of("clm", f"IF(n < {size.claims // 100}, 0, n)"),
        "action": "'SUBMIT'",
        "status": "'SUBMITTED'",
        "version": "1",
        "claimed_cents": "100",
        "actor": "'test'",
        "at": at(size.claims),
    }
    return [
        insert("claims", claim, first(size.claims)),
        insert("claim_items", item, first(size.claims)),
        insert("denials", denial, first(size.denials)),
        insert("claim_history", step, first(size.claims)),
    ]


def _money(size: Size) -> list[str]:
    is_new = f"n >= {size.invoices * 95 // 100}"
    # One of a hundred is never paid.
    paid = f"IF({chance('late', 100)} = 0, {one_of('unpaid', UNPAID)}, 'SETTLED')"
    closed = f"IF({chance('cancelled', 50)} = 0, 'CANCELLED', {paid})"
    invoice = {
        "id": id_of("inv"),
        "number": "n",
        "provider_cnes": provider(),
        "payer_ans": payer(),
        "billing_month": f"DATE_FORMAT({at(size.invoices)}, '%%Y%%m')",
        "status": f"IF({is_new}, {one_of('new', NEW)}, {closed})",
        "total_cents": f"(1000 + {chance('total', 1_000_000)})",
        "settled_cents": "0",
        "due_date": f"DATE(TIMESTAMPADD(DAY, 30 + {chance('due', 10)}, {at(size.invoices)}))",
        "version": "1",
        "created_by": "'test'",
        "created_at": at(size.invoices),
    }
    line = {
        "id": id_of("lin"),
        "invoice_id": id_of("inv", "(n DIV 4)"),
        "kind": "'CLAIM'",
        "claim_id": id_of("clm"),
        "billed_claim_id": f"IF(n < {size.claims * 95 // 100}, {id_of('clm')}, NULL)",
        "billed_denial_id": f"IF(n < {size.denials // 2}, {id_of('dnl')}, NULL)",
        "amount_cents": "1000",
        "created_at": at(size.claims),
    }
    settlement = {
        "id": id_of("stl"),
        "invoice_id": id_of("inv", "(n DIV 2)"),
        "provider_cnes": provider("n DIV 2"),
        "payer_ans": payer("n DIV 2"),
        "status": "'CONFIRMED'",
        "amount_cents": f"(100 + {chance('paid', 1_000_000)})",
        "paid_on": f"DATE(TIMESTAMPADD(DAY, -{chance('paid on', 10)}, {at(size.settlements)}))",
        "method": one_of("method", METHODS),
        "statement_number": "CAST(n AS CHAR)",
        "event_id": id_of("evt"),
        "created_by": "'test'",
        "created_at": at(size.settlements),
    }
    allocation = {"id": id_of("alc"), "settlement_id": id_of("stl"), "line_id": id_of("lin"), "amount_cents": "100"}
    return [
        insert("invoices", invoice, first(size.invoices)),
        insert("invoice_lines", line, first(size.claims)),
        insert("settlements", settlement, first(size.settlements)),
        insert("allocations", allocation, first(size.settlements)),
    ]


def _statements(size: Size) -> list[str]:
    remittance = {
        "id": id_of("rem"),
        "payer_ans": payer(),
        "provider_cnes": provider(),
        "statement_number": "CAST(n AS CHAR)",
        "source": one_of("source", ("EVENT", "EVENT", "TISS", "TYPED")),
        "status": f"IF(n >= {size.remittances * 98 // 100}, {one_of('open', POSTING)}, 'POSTED')",
        "paid_on": f"DATE(TIMESTAMPADD(DAY, -{chance('paid on', 5)}, {at(size.remittances)}))",
        "method": one_of("method", METHODS),
        "paid_cents": "1000",
        "denied_cents": "0",
        "content_hash": "''",
        "created_by": "'test'",
        "created_at": at(size.remittances),
    }
    is_waiting = f"{chance('unmatched', 50)} = 0"
    line = {
        "id": id_of("rml"),
        "remittance_id": id_of("rem", f"(n * {size.remittances} DIV {size.claims // 2})"),
        "sequence": "n",
        "provider_claim_number": "CONCAT('N', n)",
        "paid_cents": "100",
        "denials": "'[]'",
        "status": f"IF({is_waiting}, 'UNMATCHED', 'POSTED')",
        **further_rows.of_waiting(is_waiting, size.claims // 2),
    }
    return [
        insert("remittances", remittance, first(size.remittances)),
        insert("remittance_lines", line, first(size.claims // 2)),
    ]


def _logs(size: Size, person: str) -> list[str]:
    check = {
        "id": id_of("elg"),
        "payer_ans": payer(),
        "provider_cnes": provider(),
        "patient_id": id_of("pat", chance("patient", size.patients)),
        "card_number": "CAST(10000000 + n AS CHAR)",
        "service_date": f"DATE(TIMESTAMPADD(DAY, {chance('days', 20)}, {at(size.claims // 2)}))",
        "outcome": f"IF({chance('unknown', 500)} = 0, 'UNDETERMINED', {one_of('outcome', OUTCOMES)})",
        "reasons": "''",
        "source": "'PAYER'",
        "asked_payer_at": at(size.claims // 2),
        "answered_at": at(size.claims // 2),
        "created_by": "'test'",
    }
    entry = {
        "id": id_of("aud"),
        "at": at(size.claims // 2),
        "door": "'GRAPHQL'",
        "kind": "'READ'",
        "actor": "'test'",
        "roles": "'biller'",
        "purpose": "'HPAYMT'",
        "operation": "'Claims'",
        "decision": "'ALLOWED'",
        "data_classes": "''",
        "persons": "1",
        "request_id": "''",
        "writer": "''",
        "digest": "''",
    }
    pseudonym = f"IF(n MOD 10 = 0, '{person}', MD5({chance('person', size.patients)}))"
    row = {"entry_id": id_of("aud"), "person": pseudonym, "at": at(size.claims // 2), "data_classes": "''"}
    return [
        insert("eligibility_checks", check, first(size.claims // 2)),
        insert("access_log_entries", entry, first(size.claims // 2)),
        insert("access_log_persons", row, first(size.claims // 2)),
    ]


def _books() -> str:
    """The months as if somebody were adding them up until tomorrow: sweeps would add up all claims while tests ask."""
    month = {
        "month": "CAST(PERIOD_ADD(202312, n) AS CHAR)",
        "taken_at": "TIMESTAMPADD(DAY, 1, UTC_TIMESTAMP())",
        "proven_at": "UTC_TIMESTAMP()",
    }
    return insert("book_months", month, "numbers WHERE PERIOD_ADD(202312, n) <= DATE_FORMAT(UTC_DATE(), '%%Y%%m') + 1")
