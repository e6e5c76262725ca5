"""The endpoints of invoices."""

from typing import Final

from app.rest.claims import MONEY, PAYER, PROVIDER
from app.rest.endpoint import Endpoint, Form, Operation
from app.rest.kinds import DATE, TEXT, ListOf, Member, OneOf, Text
from app.rest.pages import PAGE

STATUSES: Final = ("DRAFT", "ISSUED", "PARTIALLY_SETTLED", "SETTLED", "CANCELLED")
METHODS: Final = ("BANK_TRANSFER", "PIX", "BOLETO", "CHECK", "OFFSET")
INVOICE: Final = (
    "id number status version billing_month: billingMonth provider_id: provider { value: cnes } "
    "payer_id: payer { value: ansCode } amount: totalAmount settled_amount: settledAmount due_amount: dueAmount "
    "due_date: dueDate created_at: createdAt issued_at: issuedAt"
)
SETTLEMENT: Final = "id status amount paid_on: paidOn method statement_number: statementNumber created_at: createdAt"
_ERRORS: Final = "errors { code message field tissCode tissDescription } replayed"

CREATE: Final = Form(
    Operation(
        "mutation CreateInvoice($input: CreateInvoiceInput!) { createInvoice(input: $input) { "
        f"invoice {{ {INVOICE} }} {_ERRORS} }} }}",
        result="invoice",
        key="required",
        is_mutation=True,
    ),
    (
        Member("provider_id", "providerCnes", PROVIDER, "Provider, by CNES", is_required=True),
        Member("payer_id", "payerAnsCode", PAYER, "Payer, by registro ANS", is_required=True),
        Member("billing_month", "billingMonth", Text({"examples": ["2026-11"]}), "Competência", is_required=True),
        Member(
            "claim_ids", "claimIds", ListOf(TEXT, 100), "Approved claims, whose amounts are billed", is_required=True
        ),
    ),
)
SETTLE: Final = Form(
    Operation(
        "mutation SettleInvoice($input: SettleInvoiceInput!) { settleInvoice(input: $input) { "
        f"settlement {{ {SETTLEMENT} invoice {{ {INVOICE} }} }} {_ERRORS} }} }}",
        result="settlement",
        key="required",
        is_mutation=True,
    ),
    (
        Member("paid_on", "paidOn", DATE, "Day of payment", is_required=True),
        Member("amount", "amount", MONEY, "Paid amount; by default what is due"),
        Member("method", "method", OneOf(METHODS), "Payment method", default="BANK_TRANSFER"),
        Member("bank_reference", "bankReference", TEXT, "The bank's reference, up to 60 characters"),
        Member("statement_number", "statementNumber", TEXT, "Number of the payer's statement"),
    ),
    id_path="invoiceId",
)

ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/invoices/",
        "Create a draft invoice for approved claims",
        (CREATE,),
        "Invoice",
        201,
        location="/invoices/",
    ),
    Endpoint(
        "GET",
        "/invoices/{id}",
        "An invoice with its settlements",
        (
            Form(
                Operation(
                    f"query Invoice($id: ID!) {{ invoice(id: $id) {{ {INVOICE} "
                    f"settlements(first: 100) {{ nodes {{ {SETTLEMENT} }} }} }} }}"
                ),
                id_path="id",
            ),
        ),
        "InvoiceDetails",
    ),
    Endpoint(
        "GET",
        "/invoices/",
        "Invoices, newest first",
        (
            Form(
                Operation(
                    "query Invoices($filter: InvoiceFilterInput, $first: Int!, $after: String) { "
                    "invoices(filter: $filter, first: $first, after: $after) { "
                    f"nodes {{ {INVOICE} }} pageInfo {{ hasNextPage endCursor }} }} }}"
                ),
                (Member("status", "filter.status.0", OneOf(STATUSES), "Status"), *PAGE),
            ),
        ),
        "Invoices",
        is_list=True,
    ),
    Endpoint("POST", "/invoices/{id}/settle", "Record a payment, in full or in part", (SETTLE,), "Settlement", 201),
)
