"""Which files can be attached to an appeal: by their content, and only if they do nothing when they are opened."""

import pytest

from app.domain.attachments import ACTIVE, BROKEN, INFLATED_MAX, UNREADABLE, failure
from app.domain.documents import DocumentKind, kind_of
from tests.files import JPEG, PNG, pdf

SCRIPT = b"5 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n"
OBJECTS = b"/Type /ObjStm /Filter /FlateDecode"
HIDDEN = OBJECTS.replace(b"ObjStm", b"Obj#53tm")


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        (pdf(), DocumentKind.PDF, None),
        (pdf(packed=b"BT (Laudo) Tj ET"), DocumentKind.PDF, None),
        (pdf(packed=b"<< /Type /Font >>", described=OBJECTS), DocumentKind.PDF, None),
        (PNG, DocumentKind.PNG, None),
        (JPEG, DocumentKind.JPEG, None),
        (pdf(SCRIPT), DocumentKind.PDF, ACTIVE),
        (pdf(SCRIPT.replace(b"JavaScript", b"J#61vaScript")), DocumentKind.PDF, ACTIVE),
        (pdf(b"5 0 obj\n<< /S /Launch /F (cmd.exe) >>\nendobj\n"), DocumentKind.PDF, ACTIVE),
        (pdf(b"5 0 obj\n<< /Names << /EmbeddedFiles 6 0 R >> >>\nendobj\n"), DocumentKind.PDF, ACTIVE),
        (pdf(packed=SCRIPT, described=OBJECTS), DocumentKind.PDF, ACTIVE),
        (pdf(packed=SCRIPT, described=HIDDEN), DocumentKind.PDF, ACTIVE),
        (pdf(packed=SCRIPT, described=OBJECTS + b" /DecodeParms << /Predictor 12 >>"), DocumentKind.PDF, UNREADABLE),
        (pdf(packed=b"", described=HIDDEN + b" /DecodeParms << /Predictor 12 >>"), DocumentKind.PDF, UNREADABLE),
        (
            pdf(packed=SCRIPT, described=b"/Type /ObjStm /Filter [/ASCII85Decode /FlateDecode]"),
            DocumentKind.PDF,
            UNREADABLE,
        ),
        (pdf(b"5 0 obj\n<< /Encrypt 6 0 R >>\nendobj\n"), DocumentKind.PDF, UNREADABLE),
        (pdf(packed=b"\0" * (INFLATED_MAX + 1)), DocumentKind.PDF, UNREADABLE),
        (pdf()[:-6], DocumentKind.PDF, BROKEN),
        (PNG + b"%PDF-1.5", DocumentKind.PNG, BROKEN),
        (JPEG[:-2], DocumentKind.JPEG, BROKEN),
        (b"<html>", DocumentKind.XML, "attach a PDF, PNG or JPEG file"),
        (b"MZ\x90", DocumentKind.UNKNOWN, "attach a PDF, PNG or JPEG file"),
    ],
)
def test_a_file_is_what_its_bytes_say_and_does_nothing(content: bytes, kind: DocumentKind, reason: str | None) -> None:
    assert (kind_of(content[:64]), failure(content, kind)) == (kind, reason)
