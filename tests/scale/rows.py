"""A database of many claims and everything around them, written by a few statements within the server.

Row number n of a table is made from n alone: amounts, days and parties by checksums of it, times in its order. So the
data are the same in every run, whatever their size.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.engine import Database

PROVIDERS: Final = 20
PAYERS: Final = 10
PROVIDER: Final = "1000003"
PAYER: Final = "100003"
START: Final = "2024-01-01"
DAYS: Final = 1_095
"""The claims are of three years."""
PRICES: Final = 10_000
CLOSED: Final = ("APPROVED", "APPROVED", "APPROVED", "APPROVED", "PARTIALLY_APPROVED", "DENIED", "CANCELLED")
OPEN: Final = ("SUBMITTED", "SUBMITTED", "UNDER_REVIEW", "PENDING_INFORMATION")
NEW: Final = ("DRAFT", "ISSUED", "ISSUED", "PARTIALLY_SETTLED")
POSTING: Final = ("IMPORTED", "PARTIALLY_POSTED")
TYPES: Final = ("SP_SADT", "SP_SADT", "SP_SADT", "CONSULTATION", "ADMISSION_SUMMARY", "INDIVIDUAL_FEES")
ANSWERED: Final = ("ACCEPTED", "EXPIRED", "OVERTURNED", "UPHELD", "PARTIALLY_OVERTURNED")
METHODS: Final = ("BANK_TRANSFER", "BANK_TRANSFER", "BANK_TRANSFER", "PIX", "BOLETO")
CODES: Final = tuple(str(1_701 + number * 3) for number in range(60))
SECONDS_MAX: Final = 1_200
_DIGITS: Final = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))


@dataclass(frozen=True)
class Size:
    """How many rows there are of each kind, for so many claims."""

    claims: int

    @property
    def patients(self) -> int:
        return self.claims // 10

    @property
    def denials(self) -> int:
        return self.claims // 4

    @property
    def invoices(self) -> int:
        return self.claims // 4

    @property
    def settlements(self) -> int:
        return self.claims // 2

    @property
    def remittances(self) -> int:
        return self.claims // 20


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
        await run(connection, _numbers(max(size.claims, PRICES)))
        for statement in (*_parties(size), *_claims(size), *_money(size), *_statements(size), *_logs(size, person)):
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


def _numbers(count: int) -> str:
    places = [f"({_DIGITS}) d{place}" for place in range(len(str(count - 1)))]
    value = " + ".join(f"d{place}.d * {10**place}" for place in range(len(places)))
    return f"INSERT INTO numbers SELECT {value} FROM {', '.join(places)} WHERE {value} < {count}"


def _id(prefix: str, number: str = "n") -> str:
    return f"CONCAT('{prefix}_', LPAD({number}, 26, '0'))"


def _chance(name: str, of: int) -> str:
    """A number from 0 to below `of`, the same for each n; another `name` gives others."""
    return f"(CRC32(CONCAT('{name}', n)) MOD {of})"


def _one_of(name: str, values: tuple[str, ...], number: str = "n") -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"ELT(1 + CRC32(CONCAT('{name}', {number})) MOD {len(values)}, {listed})"


def _at(rows: int, number: str = "n") -> str:
    """The time of row n of so many, in the order of n."""
    return f"TIMESTAMPADD(SECOND, FLOOR({number} * {DAYS * 86_400 / rows}), '{START} 00:00:00')"


def _insert(table: str, values: dict[str, str], source: str) -> str:
    # ruff: noqa: S608 - constants of this file
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {source}"


def _first(count: int) -> str:
    return f"numbers WHERE n < {count}"


def _provider(number: str = "n") -> str:
    return f"CAST(1000000 + CRC32(CONCAT('provider', {number})) MOD {PROVIDERS} AS CHAR)"


def _payer(number: str = "n") -> str:
    return f"CAST(100000 + CRC32(CONCAT('payer', {number})) MOD {PAYERS} AS CHAR)"


def _parties(size: Size) -> list[str]:
    pair = {
        "provider_cnes": f"CAST(1000000 + n DIV {PAYERS} AS CHAR)",
        "payer_ans": f"CAST(100000 + n MOD {PAYERS} AS CHAR)",
    }
    terms = {"submission_window_days": "60", "appeal_deadline_days": "30", "payment_term_days": "30"}
    return [
        _insert(
            "payers",
            {"ans_code": "CAST(100000 + n AS CHAR)", "name": "CONCAT('Payer ', n)", **terms, "is_answering": "1"},
            _first(PAYERS),
        ),
        _insert(
            "providers",
            {
                "cnes": "CAST(1000000 + n AS CHAR)",
                "name": "CONCAT('Clinic ', n)",
                "tax_id": "LPAD(n, 14, '0')",
                "last_invoice_number": "0",
            },
            _first(PROVIDERS),
        ),
        _insert(
            "contracts",
            {"id": _id("ctr"), **pair, **terms, "version": "1", "updated_by": "'test'", "updated_at": f"'{START}'"},
            _first(PROVIDERS * PAYERS),
        ),
        _insert(
            "contract_prices",
            {
                "id": _id("prc"),
                "contract_id": f"'{identifier('ctr', 0)}'",
                "code_system": "'22'",
                "code": "CAST(10000000 + n AS CHAR)",
                "unit_price_cents": "100",
                "valid_from": f"'{START}'",
                "needs_authorization": "0",
            },
            _first(PRICES),
        ),
        _insert(
            "patients",
            {
                "id": _id("pat"),
                "name": "CONCAT('Patient ', n)",
                "cpf": "LPAD(n, 11, '0')",
                "birth_date": "'1980-01-01'",
            },
            _first(size.patients),
        ),
        _insert(
            "coverages",
            {
                "id": _id("cov"),
                "patient_id": _id("pat"),
                "payer_ans": _payer(),
                "plan_name": "'Plan'",
                "card_number": "CAST(10000000 + n AS CHAR)",
                "starts_on": f"'{START}'",
            },
            _first(size.patients),
        ),
        _insert(
            "emergency_accesses",
            {
                "id": _id("emg"),
                "actor": "CONCAT('actor', n)",
                "patient_id": _id("pat"),
                "reason": "'urgent'",
                "granted_at": _at(size.patients),
                "expires_at": _at(size.patients),
                "serial": "1",
            },
            _first(size.patients),
        ),
    ]


def _claims(size: Size) -> list[str]:
    is_open = f"n >= {size.claims * 95 // 100}"
    status = f"IF({is_open}, {_one_of('open', OPEN)}, {_one_of('closed', CLOSED)})"
    cents = f"(1000 + {_chance('cents', 500_000)})"
    claim = {
        "id": _id("clm"),
        "type": _one_of("type", TYPES),
        "status": f"IF({_chance('draft', 1_000)} = 0, 'DRAFT', {status})",
        "provider_cnes": _provider(),
        "payer_ans": _payer(),
        "patient_id": _id("pat", _chance("patient", size.patients)),
        "provider_claim_number": "CONCAT('N', n)",
        "payer_claim_number": f"IF({is_open}, NULL, CONCAT('P', n))",
        "card_number": "CAST(10000000 + n AS CHAR)",
        "practitioner_name": f"CONCAT('Doctor ', {_chance('doctor', 500)})",
        "practitioner_council": "'06'",
        "practitioner_number": f"CAST({_chance('doctor', 500)} AS CHAR)",
        "practitioner_state": "'35'",
        "practitioner_cbo": "'225125'",
        "service_date": f"DATE(TIMESTAMPADD(DAY, -{_chance('days', 20)}, {_at(size.claims)}))",
        "diagnosis_codes": "''",
        "claimed_cents": cents,
        "processed_cents": f"IF({is_open}, NULL, {cents})",
        "approved_cents": f"IF({is_open}, NULL, {cents})",
        "denied_cents": f"IF({is_open}, NULL, 0)",
        "version": "1",
        "created_by": "'test'",
        "created_at": _at(size.claims),
        "submitted_at": f"TIMESTAMPADD(HOUR, {_chance('hours', 48)}, {_at(size.claims)})",
    }
    item = {
        "id": _id("itm"),
        "claim_id": _id("clm"),
        "sequence": "1",
        "code_system": "'22'",
        "code": "'10101012'",
        "description": "'Consultation'",
        "performed_on": f"DATE({_at(size.claims)})",
        "quantity": "10000",
        "unit_price_cents": cents,
        "factor": "100",
        "total_cents": cents,
    }
    number = "(n * 4)"
    is_late = f"n >= {size.denials * 85 // 100}"
    denial = {
        "id": _id("dnl"),
        "claim_id": _id("clm", number),
        "item_id": _id("itm", number),
        "code": _one_of("code", CODES),
        "amount_cents": f"(100 + {_chance('denied', 100_000)})",
        "status": f"IF({is_late}, {_one_of('late', ('OPEN', 'APPEALED'))}, {_one_of('answered', ANSWERED)})",
        "created_at": _at(size.denials),
        "appeal_deadline": f"DATE(TIMESTAMPADD(DAY, 30 + {_chance('deadline', 30)}, {_at(size.denials)}))",
    }
    step = {
        "id": _id("hst"),
        "claim_id": _id("clm", f"IF(n < {size.claims // 100}, 0, n)"),
        "action": "'SUBMIT'",
        "status": "'SUBMITTED'",
        "version": "1",
        "claimed_cents": "100",
        "actor": "'test'",
        "at": _at(size.claims),
    }
    return [
        _insert("claims", claim, _first(size.claims)),
        _insert("claim_items", item, _first(size.claims)),
        _insert("denials", denial, _first(size.denials)),
        _insert("claim_history", step, _first(size.claims)),
    ]


def _money(size: Size) -> list[str]:
    is_new = f"n >= {size.invoices * 95 // 100}"
    closed = f"IF({_chance('cancelled', 50)} = 0, 'CANCELLED', 'SETTLED')"
    invoice = {
        "id": _id("inv"),
        "number": "n",
        "provider_cnes": _provider(),
        "payer_ans": _payer(),
        "billing_month": f"DATE_FORMAT({_at(size.invoices)}, '%%Y%%m')",
        "status": f"IF({is_new}, {_one_of('new', NEW)}, {closed})",
        "total_cents": f"(1000 + {_chance('total', 1_000_000)})",
        "settled_cents": "0",
        "due_date": f"DATE(TIMESTAMPADD(DAY, 30 + {_chance('due', 10)}, {_at(size.invoices)}))",
        "version": "1",
        "created_by": "'test'",
        "created_at": _at(size.invoices),
    }
    line = {
        "id": _id("lin"),
        "invoice_id": _id("inv", "(n DIV 4)"),
        "kind": "'CLAIM'",
        "claim_id": _id("clm"),
        "billed_claim_id": f"IF(n < {size.claims * 95 // 100}, {_id('clm')}, NULL)",
        "billed_denial_id": f"IF(n < {size.denials // 2}, {_id('dnl')}, NULL)",
        "amount_cents": "1000",
        "created_at": _at(size.claims),
    }
    settlement = {
        "id": _id("stl"),
        "invoice_id": _id("inv", "(n DIV 2)"),
        "provider_cnes": _provider("n DIV 2"),
        "payer_ans": _payer("n DIV 2"),
        "status": "'CONFIRMED'",
        "amount_cents": f"(100 + {_chance('paid', 1_000_000)})",
        "paid_on": f"DATE(TIMESTAMPADD(DAY, -{_chance('paid on', 10)}, {_at(size.settlements)}))",
        "method": _one_of("method", METHODS),
        "statement_number": "CAST(n AS CHAR)",
        "event_id": _id("evt"),
        "created_by": "'test'",
        "created_at": _at(size.settlements),
    }
    allocation = {"id": _id("alc"), "settlement_id": _id("stl"), "line_id": _id("lin"), "amount_cents": "100"}
    return [
        _insert("invoices", invoice, _first(size.invoices)),
        _insert("invoice_lines", line, _first(size.claims)),
        _insert("settlements", settlement, _first(size.settlements)),
        _insert("allocations", allocation, _first(size.settlements)),
    ]


def _statements(size: Size) -> list[str]:
    remittance = {
        "id": _id("rem"),
        "payer_ans": _payer(),
        "provider_cnes": _provider(),
        "statement_number": "CAST(n AS CHAR)",
        "source": _one_of("source", ("EVENT", "EVENT", "TISS", "TYPED")),
        "status": f"IF(n >= {size.remittances * 98 // 100}, {_one_of('open', POSTING)}, 'POSTED')",
        "paid_on": f"DATE(TIMESTAMPADD(DAY, -{_chance('paid on', 5)}, {_at(size.remittances)}))",
        "method": _one_of("method", METHODS),
        "paid_cents": "1000",
        "denied_cents": "0",
        "content_hash": "''",
        "created_by": "'test'",
        "created_at": _at(size.remittances),
    }
    line = {
        "id": _id("rml"),
        "remittance_id": _id("rem", f"(n * {size.remittances} DIV {size.claims // 2})"),
        "sequence": "n",
        "provider_claim_number": "CONCAT('N', n)",
        "paid_cents": "100",
        "denials": "'[]'",
        "status": f"IF({_chance('unmatched', 50)} = 0, 'UNMATCHED', 'POSTED')",
    }
    return [
        _insert("remittances", remittance, _first(size.remittances)),
        _insert("remittance_lines", line, _first(size.claims // 2)),
    ]


def _logs(size: Size, person: str) -> list[str]:
    check = {
        "id": _id("elg"),
        "payer_ans": _payer(),
        "provider_cnes": _provider(),
        "patient_id": _id("pat", _chance("patient", size.patients)),
        "card_number": "CAST(10000000 + n AS CHAR)",
        "service_date": f"DATE(TIMESTAMPADD(DAY, {_chance('days', 20)}, {_at(size.claims // 2)}))",
        "outcome": _one_of("outcome", ("ELIGIBLE",) * 8 + ("NOT_ELIGIBLE", "UNDETERMINED")),
        "reasons": "''",
        "source": "'PAYER'",
        "asked_payer_at": _at(size.claims // 2),
        "answered_at": _at(size.claims // 2),
        "created_by": "'test'",
    }
    entry = {
        "id": _id("aud"),
        "at": _at(size.claims // 2),
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
    pseudonym = f"IF(n MOD 10 = 0, '{person}', MD5({_chance('person', size.patients)}))"
    row = {"entry_id": _id("aud"), "person": pseudonym, "at": _at(size.claims // 2), "data_classes": "''"}
    return [
        _insert("eligibility_checks", check, _first(size.claims // 2)),
        _insert("access_log_entries", entry, _first(size.claims // 2)),
        _insert("access_log_persons", row, _first(size.claims // 2)),
    ]
