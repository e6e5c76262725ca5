"""What documents are by their first bytes, and which steps an import job takes."""

import pytest

from app.domain import imports
from app.domain.documents import DocumentKind, kind_of
from app.domain.errors import BillingError
from app.domain.imports import ImportJobAction as A
from app.domain.imports import ImportJobStatus as S

STEPS = {
    (S.QUEUED, A.BEGIN): S.RUNNING,
    (S.QUEUED, A.FAIL): S.FAILED,
    (S.QUEUED, A.CANCEL): S.CANCELLED,
    (S.RUNNING, A.FINISH): S.DONE,
    (S.RUNNING, A.FAIL): S.FAILED,
    (S.RUNNING, A.CANCEL): S.CANCELLED,
}


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"<?xml version='1.0'?>", DocumentKind.XML),
        (b"\xef\xbb\xbf \r\n<lote>", DocumentKind.XML),
        ("\ufeff<lote>".encode("utf-16-le"), DocumentKind.XML),
        ("\ufeff<lote>".encode("utf-16-be"), DocumentKind.XML),
        (b"PK\x03\x04....", DocumentKind.ZIP),
        (b"PK\x05\x06....", DocumentKind.ZIP),
        (b"PK", DocumentKind.UNKNOWN),
        (b"%PDF-1.7", DocumentKind.PDF),
        (b"\x89PNG\r\n\x1a\n....", DocumentKind.PNG),
        (b"\xff\xd8\xff\xe0....", DocumentKind.JPEG),
        (b"\xff\xd8", DocumentKind.UNKNOWN),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", DocumentKind.XLSX),
        (b"PK\x03\x04" + bytes(26) + b"docProps/app.xml", DocumentKind.XLSX),
        ("Demonstrativo;;\r\nGuia;Valor pago".encode("cp1252"), DocumentKind.CSV),
        (b"\xef\xbb\xbfGuia\tPago\n", DocumentKind.CSV),
        (b"a;b\0", DocumentKind.UNKNOWN),
        (b"34100000         2112223330001", DocumentKind.UNKNOWN),
        (b"", DocumentKind.UNKNOWN),
    ],
)
def test_the_first_bytes_say_what_a_document_is(start: bytes, kind: DocumentKind) -> None:
    assert kind_of(start) is kind


@pytest.mark.parametrize("status", S)
@pytest.mark.parametrize("action", A)
def test_an_import_job_takes_exactly_the_steps_of_its_table(status: S, action: A) -> None:
    if (status, action) in STEPS:
        assert imports.next_status(status, action) is STEPS[status, action]
    else:
        with pytest.raises(BillingError) as refused:
            imports.next_status(status, action)
        assert refused.value.code == "CONFLICT"
