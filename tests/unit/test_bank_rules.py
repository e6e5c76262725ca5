"""Bank files as banks write them, and which payment an entry is."""

from datetime import date, timedelta

import pytest

from app.domain import bank_files
from app.domain.bank import (
    TRANSITIONS,
    Announced,
    BankAction,
    BankDirection,
    BankEntryStatus,
    BankLine,
    BankSource,
    choose,
    digest_of,
    identities,
    next_status,
)
from app.domain.errors import BillingError
from app.domain.money import Cents
from tests import bank_files as written

DAY = date(2026, 11, 20)
ENTRIES = ((DAY, "93.85", "TED OPERADORA & CIA"), (DAY, "-10.00", "TARIFA"), (DAY + timedelta(days=1), "93.85", "PIX"))
CREDIT, DEBIT = BankDirection.CREDIT, BankDirection.DEBIT


def _facts(text: str) -> list[tuple[date, BankDirection, int, str]]:
    found = bank_files.read(text.encode())
    return [(line.booked_on, line.direction, line.amount, line.description) for line in found.lines]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (written.ofx(*ENTRIES), BankSource.OFX),
        (written.ofx(*ENTRIES, comma=True), BankSource.OFX),
        (written.ofx_xml(*ENTRIES).replace("& CIA", "&amp; CIA"), BankSource.OFX),
        (written.cnab(*ENTRIES), BankSource.CNAB240),
    ],
    ids=["sgml", "comma", "xml", "cnab"],
)
def test_every_format_is_read_to_the_same_entries(text: str, source: BankSource) -> None:
    assert bank_files.read(text.encode()).source is source
    assert _facts(text) == [
        (DAY, CREDIT, 93_85, "TED OPERADORA & CIA"),
        (DAY, DEBIT, 10_00, "TARIFA"),
        (DAY + timedelta(days=1), CREDIT, 93_85, "PIX"),
    ]


def test_account_and_document_are_read() -> None:
    (of_ofx, *_), (of_cnab, *_) = (
        bank_files.read(each.encode()).lines for each in (written.ofx(*ENTRIES), written.cnab(*ENTRIES))
    )
    assert (of_ofx.account, of_ofx.document) == ("341/1123456", "20261120001")
    assert (of_cnab.account, of_cnab.document) == ("341/1/1234565", "DOC778")


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("1.234,56", 1_234_56),
        ("1,234.56", 1_234_56),
        ("+93,8", 93_80),
        ("100", 100_00),
        ("-0,01", -1),
        ("1.234.567", 1_234_567_00),
        ("93.8500", 93_85),
    ],
)
def test_amounts_are_read_as_banks_write_them(amount: str, cents: int) -> None:
    ((_, direction, found, _),) = _facts(written.ofx((DAY, amount, "TED")))
    assert (direction, found) == (CREDIT if cents > 0 else DEBIT, abs(cents))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", "the file is neither OFX nor CNAB 240: export it from the bank again"),
        (written.ofx((DAY, "1e9", "TED")), "entry 1 has no amount or no day that can be read"),
        # A thousand times as much, or not.
        (written.ofx((DAY, "93.850", "TED")), "entry 1 has no amount or no day that can be read"),
        (written.ofx((DAY, "12345.678", "TED")), "entry 1 has no amount or no day that can be read"),
        (written.ofx((DAY, "9" * 5_000, "TED")), "entry 1 has no amount or no day that can be read"),
        (
            written.ofx(*ENTRIES).partition("</STMTTRN></BANKTRANLIST>")[0],
            "the file is cut off: it does not end with </OFX>, export it from the bank again",
        ),
        (
            written.cnab(*ENTRIES, sums=("10.00", "187.71")),
            "record 6 says other sums than those of its entries: export the file from the bank again",
        ),
        (written.ofx((DAY, "", "TED")), "entry 1 has no amount or no day that can be read"),
        (
            written.cnab(*ENTRIES, counted=9),
            "the file is cut off: its last record does not count the records before it",
        ),
        (
            "\n".join(written.cnab(*ENTRIES).splitlines()[:-1]),
            "the file is cut off: its last record does not count the records before it",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_whole(text: str, message: str) -> None:
    with pytest.raises(BillingError) as refused:
        bank_files.read(text.encode())
    assert refused.value.message == message


def test_the_sums_of_a_lot_are_those_of_its_entries() -> None:
    assert len(bank_files.read(written.cnab(*ENTRIES, sums=("10.00", "187.70")).encode()).lines) == len(ENTRIES)


def test_segments_of_other_services_are_no_entries() -> None:
    assert bank_files.read(written.cnab(*ENTRIES, service="01").encode()).lines == ()


def test_an_entry_has_the_same_identity_in_every_encoding_and_period() -> None:
    whole = bank_files.read(written.ofx(*ENTRIES, *ENTRIES).encode()).lines
    again = bank_files.read(written.ofx_xml(*ENTRIES, *ENTRIES).replace("&", "ç").encode("cp1252")).lines
    assert identities(whole) == identities(again)
    assert len(set(identities(whole))) == len(whole) == 6
    # Each day's first three are known when the second half comes.
    assert identities(whole)[:3] == identities(whole[:3])
    assert digest_of(identities(whole)) == digest_of(reversed(identities(again)))


def test_an_entry_is_the_only_payment_of_its_amount_nearby() -> None:
    line = BankLine(DAY, CREDIT, Cents(93_85), description="TED 778")
    near = Announced("near", DAY - timedelta(days=1), Cents(93_85), None)
    same = Announced("same", DAY, Cents(93_85), None)
    named = Announced("named", DAY - timedelta(days=5), Cents(93_85), "778")
    far = Announced("far", DAY - timedelta(days=6), Cents(93_85), "778")
    other = Announced("other", DAY, Cents(93_86), "778")
    chosen = [
        choose(line, payments)
        for payments in ([near], [near, same], [near, same, named], [same, same], [far], [other], [])
    ]
    assert chosen == [near, same, named, None, None, None, None]
    assert choose(BankLine(DAY, DEBIT, Cents(93_85)), [same]) is None


@pytest.mark.parametrize("status", BankEntryStatus)
@pytest.mark.parametrize("action", BankAction)
def test_only_the_steps_of_the_table_are_allowed(status: BankEntryStatus, action: BankAction) -> None:
    if (status, action) in TRANSITIONS:
        assert next_status(status, action) is TRANSITIONS[status, action]
    else:
        with pytest.raises(BillingError):
            next_status(status, action)
