"""The rows that every server reads: 20 providers whose claims alternate, with items, denials, invoices and settlements.

They are the same in every run but for the days, which count back from today.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, create_engine, insert, make_url, text

from app.db import reference_tables as reference
from app.db import tables
from app.domain import ids
from app.domain.claims import ClaimStatus, ClaimType
from app.domain.denials import DenialStatus
from app.domain.identifiers import check_digits_of_cpf
from app.domain.invoices import InvoiceLineKind, InvoiceStatus
from app.domain.settlements import PaymentMethod, SettlementStatus
from tests.factories import today

PROVIDERS: Final = tuple(f"{2_000_001 + number}" for number in range(20))
SEEN: Final = PROVIDERS[:2]
"""The providers of the caller's token."""
CODES: Final = (("22", "10101012", 150_00), ("22", "40304361", 18_50), ("22", "40301630", 12_00))
_PAYERS: Final = tuple(f"{400_001 + number}" for number in range(4))
PATIENTS: Final = 1_000
_LINES_MAX: Final = 5
_BATCH: Final = 5_000
_STATUSES: Final = (
    ClaimStatus.DRAFT,
    *(ClaimStatus.SUBMITTED,) * 3,
    ClaimStatus.UNDER_REVIEW,
    *(ClaimStatus.APPROVED,) * 4,
    ClaimStatus.PARTIALLY_APPROVED,
)
_DECIDED: Final = {ClaimStatus.APPROVED, ClaimStatus.PARTIALLY_APPROVED}
_DENIED_CENTS: Final = 6_00
_ACTOR: Final = "benchmark"
Row = dict[str, Any]


def payer_of(patient: int) -> str:
    """The payer of this patient."""
    return _PAYERS[patient % len(_PAYERS)]


def card_of(patient: int) -> str:
    """The card of this patient."""
    return f"{900_000 + patient}"


@dataclass
class _Bill:
    """An invoice under way, and its lines."""

    row: Row
    lines: list[Row] = field(default_factory=list)


@dataclass
class Books:
    """Rows by table, in an order that foreign keys allow."""

    claims: int
    day: date = field(default_factory=today)
    rows: dict[Table, list[Row]] = field(default_factory=dict)
    _open: dict[tuple[str, str], _Bill] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PROVIDERS, 0))

    def __post_init__(self) -> None:
        self.start = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC) - timedelta(days=40)

    def fill(self) -> None:
        """Make all rows."""
        for table, rows in (
            (reference.payers, [_payer(code) for code in _PAYERS]),
            (reference.providers, [_provider(cnes) for cnes in PROVIDERS]),
            (reference.contracts, list(self._contracts())),
            (reference.contract_prices, list(self._prices())),
            (reference.patients, [_patient(number) for number in range(PATIENTS)]),
            (reference.coverages, [_coverage(number, self.day) for number in range(PATIENTS)]),
        ):
            self.rows[table] = rows
        for table in _BILLING:
            self.rows[table] = []
        for number in range(self.claims):
            self._add_claim(number)
        for bill in list(self._open.values()):
            self._close(bill)
        for provider in self.rows[reference.providers]:
            provider["last_invoice_number"] = self._numbers[provider["cnes"]]

    def _contracts(self) -> Iterator[Row]:
        for place, (cnes, ans) in enumerate((cnes, ans) for cnes in PROVIDERS for ans in _PAYERS):
            days = {"submission_window_days": 3650, "appeal_deadline_days": 365, "payment_term_days": 30}
            named = {"id": _id(ids.CONTRACT, place), "provider_cnes": cnes, "payer_ans": ans, "ends_on": None}
            yield {**named, **days, "version": 1, "updated_by": _ACTOR, "updated_at": self.start}

    def _prices(self) -> Iterator[Row]:
        for place in range(len(PROVIDERS) * len(_PAYERS)):
            for turn, (system, code, cents) in enumerate(CODES):
                yield {
                    "id": _id(ids.PRICE, place * len(CODES) + turn),
                    "contract_id": _id(ids.CONTRACT, place),
                    "code_system": system,
                    "code": code,
                    "unit_price_cents": cents,
                    "valid_from": self.day - timedelta(days=730),
                    "valid_to": None,
                    "quantity_max": None,
                    "needs_authorization": False,
                }

    def _add_claim(self, number: int) -> None:
        provider, patient = PROVIDERS[number % len(PROVIDERS)], number * 7 % PATIENTS
        status = _STATUSES[number // len(PROVIDERS) % len(_STATUSES)]
        denied = _DENIED_CENTS if status is ClaimStatus.PARTIALLY_APPROVED else 0
        claim = self._claim(number, provider, patient, status, denied)
        self.rows[tables.claims].append(claim)
        for sequence, code in enumerate(CODES, start=1):
            item = _item(claim, sequence, code, denied if sequence == len(CODES) else 0)
            self.rows[tables.claim_items].append(item)
        if denied:
            self.rows[tables.denials].append(self._denial(number, claim))
        if status in _DECIDED:
            self._bill(claim)

    def _claim(self, number: int, provider: str, patient: int, status: ClaimStatus, denied: int) -> Row:
        created = self.start + timedelta(seconds=number, microseconds=number % 1_000)
        total = sum(cents for _, _, cents in CODES)
        is_decided = status in _DECIDED
        return {
            "id": _id(ids.CLAIM, number),
            "type": ClaimType.SP_SADT,
            "status": status,
            "provider_cnes": provider,
            "payer_ans": payer_of(patient),
            "patient_id": _id(ids.PATIENT, patient),
            "provider_claim_number": f"B{number:09d}",
            "card_number": card_of(patient),
            "service_date": self.start.date(),
            "diagnosis_codes": (),
            "claimed_cents": total,
            "processed_cents": total if is_decided else None,
            "approved_cents": total - denied if is_decided else None,
            "denied_cents": denied if is_decided else None,
            "version": 1,
            "created_by": _ACTOR,
            "created_at": created,
            "submitted_at": None if status is ClaimStatus.DRAFT else created,
            "decided_at": created if is_decided else None,
        }

    def _denial(self, number: int, claim: Row) -> Row:
        return {
            "id": _id(ids.DENIAL, number),
            "claim_id": claim["id"],
            "item_id": _item_id(claim, len(CODES)),
            "code": "1705",
            "amount_cents": _DENIED_CENTS,
            "status": DenialStatus.OPEN,
            "created_at": claim["created_at"],
            # Late enough that no sweep of a gateway changes it while it is measured.
            "appeal_deadline": self.day + timedelta(days=365),
        }

    def _bill(self, claim: Row) -> None:
        key = claim["provider_cnes"], claim["payer_ans"]
        bill = self._open.get(key) or self._open.setdefault(key, self._new_bill(claim))
        line = {
            "id": _id(ids.LINE, int(claim["id"][4:])),
            "invoice_id": bill.row["id"],
            "kind": InvoiceLineKind.CLAIM,
            "claim_id": claim["id"],
            "billed_claim_id": claim["id"],
            "amount_cents": claim["approved_cents"],
            "debited_cents": 0,
            "settled_cents": 0,
        }
        bill.lines.append(line)
        bill.row["total_cents"] += claim["approved_cents"]
        if len(bill.lines) == _LINES_MAX:
            self._close(self._open.pop(key))

    def _new_bill(self, claim: Row) -> _Bill:
        provider, created = claim["provider_cnes"], claim["created_at"]
        self._numbers[provider] += 1
        number = PROVIDERS.index(provider) * 1_000_000 + self._numbers[provider]
        named = {"id": _id(ids.INVOICE, number), "provider_cnes": provider, "payer_ans": claim["payer_ans"]}
        amounts = {"number": self._numbers[provider], "total_cents": 0, "settled_cents": 0, "version": 1}
        dates = {"billing_month": created.strftime("%Y%m"), "due_date": self.day + timedelta(days=30)}
        rest = {"status": InvoiceStatus.ISSUED, "created_by": _ACTOR, "created_at": created, "issued_at": created}
        return _Bill({**named, **amounts, **dates, **rest})

    def _close(self, bill: _Bill) -> None:
        """The first invoice is not paid, the second partly, the third in full, and so on."""
        paid = bill.lines[: (0, 1, len(bill.lines))[bill.row["number"] % 3]]
        for line in paid:
            line["settled_cents"] = line["amount_cents"]
        bill.row["settled_cents"] = sum(line["amount_cents"] for line in paid)
        if paid:
            is_whole = bill.row["settled_cents"] == bill.row["total_cents"]
            bill.row["status"] = InvoiceStatus.SETTLED if is_whole else InvoiceStatus.PARTIALLY_SETTLED
            self._pay(bill.row, paid)
        self.rows[tables.invoices].append(bill.row)
        self.rows[tables.invoice_lines].extend(bill.lines)

    def _pay(self, invoice: Row, lines: Sequence[Row]) -> None:
        suffix = invoice["id"][4:]
        payment = {
            "id": f"{ids.SETTLEMENT}_{suffix}",
            "invoice_id": invoice["id"],
            "provider_cnes": invoice["provider_cnes"],
            "payer_ans": invoice["payer_ans"],
            "status": SettlementStatus.CONFIRMED,
            "amount_cents": invoice["settled_cents"],
            "paid_on": self.day,
            "method": PaymentMethod.BANK_TRANSFER,
            "event_id": f"{ids.EVENT}_{suffix}",
            "created_by": _ACTOR,
            "created_at": invoice["created_at"],
        }
        self.rows[tables.settlements].append(payment)
        for line in lines:
            shares = {"settlement_id": payment["id"], "line_id": line["id"], "amount_cents": line["amount_cents"]}
            self.rows[tables.allocations].append({"id": f"{ids.ALLOCATION}_{line['id'][4:]}", **shares})


_BILLING: Final = (
    *(tables.claims, tables.claim_items, tables.denials),
    *(tables.invoices, tables.invoice_lines, tables.settlements, tables.allocations),
)


def _id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:026d}"


def _item_id(claim: Row, sequence: int) -> str:
    return f"{ids.ITEM}_{claim['id'][-24:]}{sequence:02d}"


def _payer(ans: str) -> Row:
    days = {"submission_window_days": 3650, "appeal_deadline_days": 365, "payment_term_days": 30}
    return {"ans_code": ans, "name": f"Operadora {ans}", **days, "is_answering": True}


def _provider(cnes: str) -> Row:
    return {"cnes": cnes, "name": f"Clínica {cnes}", "tax_id": "11222333000181", "last_invoice_number": 0}


def _patient(number: int) -> Row:
    base = f"{200_000_000 + number * 37:09d}"
    person = {"id": _id(ids.PATIENT, number), "name": f"Maria Exemplo {number}", "birth_date": date(1980, 1, 1)}
    return {**person, "cpf": base + check_digits_of_cpf(base)}


def _coverage(number: int, day: date) -> Row:
    return {
        "id": _id(ids.COVERAGE, number),
        "patient_id": _id(ids.PATIENT, number),
        "payer_ans": payer_of(number),
        "plan_name": "Plano Exemplo",
        "card_number": card_of(number),
        "starts_on": date(2015, 1, 1),
        "card_valid_until": day + timedelta(days=365),
    }


def _item(claim: Row, sequence: int, code: tuple[str, str, int], denied: int) -> Row:
    system, number, cents = code
    is_decided = claim["processed_cents"] is not None
    return {
        "id": _item_id(claim, sequence),
        "claim_id": claim["id"],
        "sequence": sequence,
        "code_system": system,
        "code": number,
        "description": f"Procedimento {number}",
        "performed_on": claim["service_date"],
        "quantity": 10_000,
        "unit_price_cents": cents,
        "factor": 100,
        "total_cents": cents,
        "processed_cents": cents if is_decided else None,
        "approved_cents": cents - denied if is_decided else None,
        "denied_cents": denied if is_decided else None,
    }


def fill(url: str, claims: int) -> None:
    """Insert the rows into the migrated database of this URL, and let the server count them."""
    engine = create_engine(make_url(url).set(drivername="mysql+pymysql"))
    try:
        with engine.begin() as connection:
            _insert_all(connection, claims)
        _analyse(engine)
    finally:
        engine.dispose()


def _insert_all(connection: Connection, claims: int) -> None:
    books = Books(claims)
    books.fill()
    for table, rows in books.rows.items():
        for start in range(0, len(rows), _BATCH):
            connection.execute(insert(table), rows[start : start + _BATCH])


def _analyse(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in _BILLING:
            connection.execute(text(f"ANALYZE TABLE {table.name}")).all()
