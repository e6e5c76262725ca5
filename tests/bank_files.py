"""Statements of bank accounts as banks write them."""

from datetime import date

OFX_1_HEADER = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
ENCODING:USASCII
CHARSET:1252

"""
OFX_2_HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE"?>\n'
Entry = tuple[date, str, str]
"""Day, amount with its sign, and what the bank writes."""


def ofx(*entries: Entry, account: str = "0001123456", comma: bool = False) -> str:
    """OFX 1.x: SGML, whose elements do not end."""
    return OFX_1_HEADER + _ofx(entries, account, end=False, comma=comma)


def ofx_xml(*entries: Entry, account: str = "0001123456") -> str:
    """OFX 2.x: XML."""
    return OFX_2_HEADER + _ofx(entries, account, end=True, comma=False)


def _ofx(entries: tuple[Entry, ...], account: str, *, end: bool, comma: bool) -> str:
    def element(name: str, value: str) -> str:
        return f"<{name}>{value}</{name}>" if end else f"<{name}>{value}\n"

    def entry(number: int, day: date, amount: str, text: str) -> str:
        shown = amount.replace(".", ",") if comma else amount
        values = {"TRNTYPE": "OTHER", "DTPOSTED": f"{day:%Y%m%d}100000[-3:BRT]", "TRNAMT": shown, "MEMO": text}
        values["FITID"] = f"{day:%Y%m%d}{number:03d}"
        return f"<STMTTRN>{''.join(element(*each) for each in values.items())}</STMTTRN>"

    known = element("BANKID", "0341") + element("ACCTID", account)
    body = "".join(entry(number, *each) for number, each in enumerate(entries, start=1))
    lists = f"<BANKTRANLIST>{body}</BANKTRANLIST>"
    return f"<OFX><BANKMSGSRSV1><STMTRS><BANKACCTFROM>{known}</BANKACCTFROM>{lists}</STMTRS></BANKMSGSRSV1></OFX>"


def cnab(
    *entries: Entry, service: str = "04", counted: int | None = None, sums: tuple[str, str] = ("0.00", "0.00")
) -> str:
    """CNAB 240 with segment E; `sums` of the debits and of the credits."""
    debits, credits = (each.replace(".", "").zfill(18) for each in sums)
    last = _record("5", (177, debits), (195, credits))
    records = [_record("0"), _record("1", (10, service)), *(_segment(*each) for each in entries), last]
    total = len(records) + 1 if counted is None else counted
    return "\r\n".join([*records, _record("9", (24, f"{total:06d}"))]) + "\r\n"


def _record(kind: str, *fields: tuple[int, str]) -> str:
    record = f"3410001{kind}".ljust(240)
    for first, text in fields:
        record = record[: first - 1] + text + record[first - 1 + len(text) :]
    return record


def _segment(day: date, amount: str, text: str) -> str:
    direction, digits = ("D" if amount.startswith("-") else "C"), amount.lstrip("-").replace(".", "").zfill(18)
    of_account = ((14, "E"), (53, "00001"), (59, "0000001234565"))
    booked = ((143, f"{day:%d%m%Y}"), (151, digits), (169, direction), (177, text[:25]), (202, "DOC778"))
    return _record("3", *of_account, *booked)
