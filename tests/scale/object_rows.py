"""The rows of lists on objects: an invoice with many lines, and an import with many results."""

from typing import Final

from tests.scale.expressions import START, chance, first, id_of, insert, one_of

OUTCOMES: Final = ("TAKEN",) * 9 + ("TAKEN_WITH_WARNINGS",)
ACTOR: Final = '{"subject":"test","door":"GRAPHQL","data_scope":{},"purpose":"HPAYMT","request_id":""}'


def statements(lines: int, results: int) -> list[str]:
    """So many lines of invoice 7, and so many results of job 0; one in a hundred is a debit, or refused. As many other
    invoices have a line that bills no claim."""
    line = {
        "id": id_of("lnx"),
        "invoice_id": id_of("inv", "7"),
        "kind": f"IF({chance('debit', 100)} = 0, 'DEBIT', 'CLAIM')",
        "claim_id": id_of("clm"),
        "amount_cents": "100",
        "created_at": f"'{START}'",
    }
    other = {
        "id": id_of("lny"),
        "invoice_id": id_of("inv"),
        "kind": one_of("adjusted", ("CREDIT", "DEBIT", "RECOVERY")),
        "amount_cents": "100",
        "created_at": f"'{START}'",
    }
    document = {
        "id": id_of("doc"),
        "digest": "MD5(n)",
        "size": "1",
        "kind": "'ZIP'",
        "created_by": "'test'",
        "created_at": f"'{START}'",
    }
    job = {
        "id": id_of("job"),
        "document_id": id_of("doc"),
        "status": "'DONE'",
        "actor": f"'{ACTOR}'",
        **dict.fromkeys(("total", "taken", "warned", "unchanged", "refused", "lote", "guide"), "0"),
        "failures": "'[]'",
        "created_by": "'test'",
        "created_at": f"'{START}'",
    }
    result = {
        "id": id_of("res"),
        "job_id": id_of("job", "0"),
        "position": "n + 1",
        "number": "CONCAT('N', n)",
        "outcome": f"IF({chance('refused', 100)} = 0, 'REFUSED', {one_of('outcome', OUTCOMES)})",
        "failures": "'[]'",
        "warnings": "'[]'",
    }
    return [
        insert("invoice_lines", line, first(lines)),
        insert("invoice_lines", other, first(lines)),
        insert("documents", document, first(1)),
        insert("import_jobs", job, first(1)),
        insert("import_results", result, first(results)),
    ]
