"""The documented filters and orders of every list, as arguments of its field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from tests.scale.rows import CODES, PAYER, PROVIDER, day, identifier
from tests.scale.size import Size

DIRECTIONS: Final = ("ASC", "DESC")
PARTIES: Final = {
    "payerAnsCode": f'payerAnsCode: ["{PAYER}"]',
    "payers": f'payerAnsCode: ["{PAYER}", "100004"]',
    "payer of nothing": 'payerAnsCode: ["999999"]',
    "providerCnes": f'providerCnes: ["{PROVIDER}"]',
    "providers": f'providerCnes: ["{PROVIDER}", "1000004", "1000005"]',
}
EVERYBODY: Final = ("everybody", {"providers": ["*"]})
TWO_PROVIDERS: Final = ("two providers", {"providers": [PROVIDER, "1000004"]})


@dataclass(frozen=True)
class List:
    """A root field, or one of an object with the object's type before it (`Invoice.lines`): who asks, which fields, its
    filters by name and what it can be sorted by."""

    name: str
    role: str
    filters: Mapping[str, str]
    orders: tuple[str, ...] = ()
    nodes: str = "id"
    argument: str = "filter"
    """The argument that has the conditions; empty if they are arguments themselves."""
    scopes: tuple[tuple[str, dict[str, Any]], ...] = (EVERYBODY, TWO_PROVIDERS)
    parent: str = ""
    """The root field with the object."""

    def queries(self, *, is_every_order: bool) -> Iterator[tuple[str, str]]:
        """Name and document of each filter, and of each order; or of each filter in each order."""
        orders = ["", *[f"{each} {way}" for each, way in product(self.orders, DIRECTIONS)]]
        for (name, condition), order in product(self.filters.items(), orders):
            if is_every_order or not order or not condition:
                yield f"{self.name}({name}) {order}".strip(), self._document(condition, order)
        if "all" in self.filters:
            yield f"{self.name}(all backwards)", self._document("", "", "last: 20")

    def _document(self, condition: str, order: str, size: str = "first: 20") -> str:
        arguments = [size]
        if condition:
            arguments.append(f"{self.argument}: {{ {condition} }}" if self.argument else condition)
        if order:
            field, _, direction = order.partition(" ")
            arguments.append(f"orderBy: {{ field: {field}, direction: {direction} }}")
        page = f"{{ {self.name.rpartition('.')[2]}({', '.join(arguments)}) {{ nodes {{ {self.nodes} }} }} }}"
        return f"{{ {self.parent} {page} }}" if self.parent else page


def days(name: str, first: int, last: int) -> str:
    return f'{name}: {{ from: "{day(first)}", to: "{day(last)}" }}'


def times(name: str, first: int, last: int) -> str:
    return f'{name}: {{ from: "{day(first)}T00:00:00Z", to: "{day(last)}T00:00:00Z" }}'


def of_day(name: str) -> dict[str, str]:
    return {
        f"{name} of three days": days(name, 400, 402),
        f"{name} of a day": days(name, 400, 400),
        f"{name} of a week": days(name, 400, 406),
        f"{name} of a month": days(name, 400, 430),
        f"{name} of two years": days(name, 100, 830),
    }


def of_time(name: str) -> dict[str, str]:
    return {
        f"{name} of two days": times(name, 400, 402),
        f"{name} of a month": times(name, 400, 430),
        f"{name} of two years": times(name, 100, 830),
    }


def of_amount(name: str) -> dict[str, str]:
    return {name: f'{name}: {{ from: "500.00", to: "510.00" }}', f"{name} open": f'{name}: {{ from: "10.00" }}'}


def words(name: str, *values: str) -> dict[str, str]:
    return {f"{name} {value}": f"{name}: [{value}]" for value in values}


def lists(size: Size) -> list[List]:
    """Every list that grows with the claims."""
    half = size.claims // 2
    claims = List(
        "claims",
        "reviewer",
        {
            "all": "",
            "ids": f'ids: ["{identifier("clm", half)}"]',
            **words("status", "DRAFT", "SUBMITTED", "APPROVED", "DENIED, PARTIALLY_APPROVED"),
            **words("type", "SP_SADT", "INDIVIDUAL_FEES", "DENTAL_TREATMENT"),
            **PARTIES,
            "patientId": f'patientId: "{identifier("pat", 1)}"',
            "providerClaimNumber": f'providerClaimNumber: "N{half}"',
            "payerClaimNumber": f'payerClaimNumber: "P{half}"',
            **of_day("serviceDate"),
            **of_time("createdAt"),
            **of_time("submittedAt"),
            **of_amount("claimedAmount"),
            "denialCode": f'denialCode: "{CODES[7]}"',
            "inDispute": "inDispute: true",
            "not inDispute": "inDispute: false",
            "invoiced": "invoiced: true",
            "not invoiced": "invoiced: false",
        },
        ("CREATED_AT", "SERVICE_DATE", "CLAIMED_AMOUNT"),
    )
    denials = List(
        "denials",
        "reviewer",
        {
            "all": "",
            "ids": f'ids: ["{identifier("dnl", 7)}"]',
            **words("status", "OPEN", "UPHELD", "OPEN, APPEALED"),
            **PARTIES,
            "code": f'code: ["{CODES[7]}"]',
            "codes": f'code: ["{CODES[7]}", "{CODES[8]}"]',
            **of_day("appealDeadline"),
            **of_time("createdAt"),
            **of_amount("amount"),
            "recoveryInvoiced": "recoveryInvoiced: true",
            "not recoveryInvoiced": "recoveryInvoiced: false",
        },
        ("APPEAL_DEADLINE", "CREATED_AT", "AMOUNT"),
    )
    invoices = List(
        "invoices",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("inv", 7)}"]',
            **words("status", "DRAFT", "SETTLED", "CANCELLED", "ISSUED, PARTIALLY_SETTLED"),
            **PARTIES,
            "number": "number: [77]",
            "billingMonth": 'billingMonth: ["2025-03"]',
            **of_day("dueDate"),
            **of_time("createdAt"),
            **of_amount("totalAmount"),
            "overdue": "overdue: true",
            "not overdue": "overdue: false",
            "inDispute": "inDispute: true",
            "not inDispute": "inDispute: false",
        },
        ("CREATED_AT", "TOTAL_AMOUNT"),
    )
    settlements = List(
        "settlements",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("stl", 7)}"]',
            **PARTIES,
            "invoiceId": f'invoiceId: "{identifier("inv", 7)}"',
            **words("method", "PIX", "BANK_TRANSFER", "CHECK"),
            **of_day("paidOn"),
            **of_time("createdAt"),
            **of_amount("amount"),
        },
        ("CREATED_AT", "PAID_ON", "AMOUNT"),
    )
    statements = {
        "all": "",
        "ids": f'ids: ["{identifier("rem", 7)}"]',
        **PARTIES,
        **words("status", "IMPORTED", "POSTED", "CANCELLED"),
        **words("source", "EVENT", "TYPED"),
        "statementNumber": 'statementNumber: "77"',
        **of_day("paidOn"),
        **of_time("createdAt"),
    }
    rare = words("source", "SPREADSHEET")
    remittances = List("remittances", "finance", statements | rare, ("CREATED_AT",))
    unmatched = List("unmatchedRemittanceLines", "finance", statements, ("CREATED_AT",))
    batches = List(
        "batches",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("bat", 7)}"]',
            **PARTIES,
            **words("status", "OPEN", "RECEIVED", "REJECTED, CANCELLED"),
            **words("type", "SP_SADT", "CONSULTATION", "DENTAL_TREATMENT"),
            "number": "number: [77]",
            "protocolNumber": 'protocolNumber: "R77"',
            **of_time("createdAt"),
        },
        ("CREATED_AT", "NUMBER"),
    )
    eligibility = List(
        "eligibilityHistory",
        "reviewer",
        {
            "all": "",
            "ids": f'ids: ["{identifier("elg", 7)}"]',
            **PARTIES,
            "patientId": f'patientId: "{identifier("pat", 1)}"',
            **words("outcome", "ELIGIBLE", "UNDETERMINED"),
            **of_day("serviceDate"),
            **of_time("answeredAt"),
        },
        ("ANSWERED_AT", "SERVICE_DATE"),
    )
    contracts = List(
        "contracts",
        "reviewer",
        {"all": "", "ids": f'ids: ["{identifier("ctr", 7)}"]', **PARTIES},
        ("PROVIDER_CNES", "CREATED_AT", "UPDATED_AT"),
    )
    patients = List(
        "patients",
        "reviewer",
        {
            "card": 'cardNumber: "10000007"',
            "card of a payer": f'cardNumber: "10000007", payerAnsCode: "{PAYER}"',
            "cpf": 'cpf: "00000000191"',
            "birthDate": 'birthDate: "1940-01-08", search: "patient"',
            "active birthDate": 'birthDate: "1940-01-08", isActive: true',
        },
        argument="",
    )
    look_ups = [
        List(
            name,
            "reviewer",
            {"all": "", "search": 'search: "clinic"', "active": "isActive: true"},
            argument="",
            nodes=nodes,
        )
        for name, nodes in (("payers", "name"), ("providers", "name"))
    ]
    practitioners = List(
        "practitioners",
        "reviewer",
        {
            "all": "",
            "search": 'search: "doctor 12"',
            "search of nobody": 'search: "nobody"',
            "registered": "isRegistered: true",
        },
        argument="",
        nodes="name number",
        scopes=(EVERYBODY, TWO_PROVIDERS, ("a payer", {"providers": ["*"], "payer": PAYER})),
    )
    mine = List(
        "myAccessLog",
        "patient",
        {"all": ""},
        ("AT",),
        scopes=(("a patient", {"patient": identifier("pat", 0)}),),
        nodes="at",
    )
    emergencies = List("emergencyAccesses", "admin", {"all": ""}, ("GRANTED_AT",))
    return [
        claims,
        denials,
        invoices,
        settlements,
        remittances,
        unmatched,
        batches,
        eligibility,
        contracts,
        patients,
        *look_ups,
        practitioners,
        mine,
        emergencies,
    ]
