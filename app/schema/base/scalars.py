"""The scalars: strict formats and exact values.

Invalid input becomes an `Invalid` value instead of an exception, so that the error can name its path in the input.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from typing import Any, Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import AnsCode, Cnes, Cpf, TaxId, ans_failure, cnes_failure, cpf_failure
from app.domain.invoices import YearMonth, billing_month_failure
from app.domain.money import (
    Cents,
    Factor,
    Quantity,
    format_factor,
    format_money,
    format_quantity,
    parse_factor,
    parse_money,
    parse_quantity,
)
from app.domain.parties import tax_id_failure
from app.domain.reconciliation import Ratio
from app.values.frozen import frozen

BigInt = NewType("BigInt", int)


@frozen
class Invalid:
    """Stands in for an input value that its scalar could not parse; becomes an error with the path of the field.

    `instead` is a value of the scalar, with which the rest of a form can be checked.
    """

    code: ErrorCode
    message: str
    tiss_code: str | None = None
    instead: Any = ""


def _parser(parse: Callable[[str], Any], invalid: Invalid) -> Callable[[Any], Any]:
    def parsed(value: Any) -> Any:
        if not isinstance(value, str):
            return invalid
        try:
            return parse(value)
        except (ValueError, OverflowError):
            return invalid

    return parsed


def _identifier(failure_of: Callable[[str, str], Failure | None], read: Callable[[str], str] = str) -> Any:
    """Parses what the domain accepts, and refuses the rest with the domain's own code and words."""

    def parsed(value: Any) -> Any:
        text = read(value) if isinstance(value, str) else ""
        failure = failure_of(text, "")
        return text if failure is None else Invalid(failure.code, failure.message, failure.tiss_code)

    return parsed


def _year_month(text: str) -> str:
    """ "2026-11" as the domain writes it, "202611"; anything else as something that is no month."""
    return text[:4] + text[5:] if len(text) == 7 and text[4] == "-" else ""


def _refuse_all(text: str) -> None:
    raise ValueError(text)


def _iso_date(text: str) -> date:
    if len(text) != 10 or not text.isascii():
        raise ValueError(text)
    return date.fromisoformat(text)


def _clock_time(text: str) -> time:
    if len(text) not in (5, 8) or not text.isascii():
        raise ValueError(text)
    return time.fromisoformat(text)


def _utc_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or len(text) > 40 or not text.isascii():
        raise ValueError(text)
    return moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """ "2026-10-21T12:00:00.000000Z": UTC with microseconds."""
    there = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{there.isoformat(timespec='microseconds')[:-6]}Z"


MONEY: Final = strawberry.scalar(
    name="Money",
    description=(
        "An amount in Brazilian reais (BRL) as text with two decimals, such as `1234.50`. Input: 1 to 8 digits, then "
        "optionally a decimal point and 1 or 2 decimals; no sign, exponent or thousands separator."
    ),
    serialize=format_money,
    parse_value=_parser(
        parse_money,
        Invalid(
            ErrorCode.INVALID_AMOUNT,
            'write the amount as text such as "1234.50", at most 99999999.99',
            instead=Cents(1),
        ),
    ),
)
QUANTITY: Final = strawberry.scalar(
    name="Quantity",
    description="A quantity above zero as decimal text, such as `1` or `2.5`: up to 5 digits and 4 decimals.",
    serialize=format_quantity,
    parse_value=_parser(
        parse_quantity,
        Invalid(
            ErrorCode.INVALID_QUANTITY,
            'write the quantity as text such as "1" or "2.5"',
            "1806",
            instead=parse_quantity("1"),
        ),
    ),
)
FACTOR: Final = strawberry.scalar(
    name="Factor",
    description="A reduction or surcharge factor (reducaoAcrescimo) such as `1.00`: one digit and up to 2 decimals.",
    serialize=format_factor,
    parse_value=_parser(
        parse_factor,
        Invalid(
            ErrorCode.INVALID_QUANTITY,
            'write the factor as text such as "1.00", at most 9.99',
            "1806",
            instead=parse_factor("1"),
        ),
    ),
)
RATIO: Final = strawberry.scalar(
    name="Ratio",
    description="A ratio between 0 and 1 as text with four decimals, such as `0.0525`. Output only.",
    serialize=lambda share: f"{share // 10_000}.{share % 10_000:04d}",
    parse_value=_parser(_refuse_all, Invalid(ErrorCode.INVALID_INPUT, "a ratio cannot be used as input")),
)
BIG_INT: Final = strawberry.scalar(
    name="BigInt",
    description="A whole number as text, since it may be larger than 2147483647, the largest `Int`. Output only.",
    serialize=str,
    parse_value=_parser(_refuse_all, Invalid(ErrorCode.INVALID_INPUT, "a BigInt cannot be used as input")),
)
DATE: Final = strawberry.scalar(
    name="Date",
    description="A calendar day, `YYYY-MM-DD`.",
    specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
    serialize=date.isoformat,
    parse_value=_parser(
        _iso_date, Invalid(ErrorCode.INVALID_DATE, "write the date as YYYY-MM-DD", instead=date(2000, 1, 1))
    ),
)
TIME: Final = strawberry.scalar(
    name="Time",
    description="A time of the day at the provider's place, `HH:MM:SS`. Input may leave out the seconds.",
    specified_by_url="https://scalars.graphql.org/andimarek/local-time.html",
    serialize=lambda moment: moment.isoformat(timespec="seconds"),
    parse_value=_parser(_clock_time, Invalid(ErrorCode.INVALID_DATE, "write the time as HH:MM:SS", instead=time.min)),
)
DATE_TIME: Final = strawberry.scalar(
    name="DateTime",
    description="A time in UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Input needs an offset, which need not be UTC.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=format_time,
    parse_value=_parser(
        _utc_time,
        Invalid(
            ErrorCode.INVALID_DATE, "write the time as 2026-10-21T12:00:00Z", instead=datetime(2000, 1, 1, tzinfo=UTC)
        ),
    ),
)

ANS_CODE: Final = strawberry.scalar(
    name="AnsCode",
    description="A payer's registration with the regulator ANS (registroANS), six digits.",
    specified_by_url="https://www.gov.br/ans/pt-br",
    serialize=str,
    parse_value=_identifier(ans_failure),
)
CNES: Final = strawberry.scalar(
    name="Cnes",
    description="A number in the national register of health establishments (CNES), seven digits.",
    specified_by_url="https://cnes.datasus.gov.br",
    serialize=str,
    parse_value=_identifier(cnes_failure),
)
CPF: Final = strawberry.scalar(
    name="Cpf",
    description="A person's taxpayer number (CPF), eleven digits; stars instead of digits where it is masked.",
    specified_by_url="https://www.gov.br/receitafederal/pt-br/assuntos/meu-cpf",
    serialize=str,
    parse_value=_identifier(cpf_failure),
)
TAX_ID: Final = strawberry.scalar(
    name="TaxId",
    description="A taxpayer number: a company's CNPJ, fourteen characters of which twelve may be letters, or a "
    "person's CPF, eleven digits.",
    specified_by_url="https://www.gov.br/receitafederal/pt-br/assuntos/orientacao-tributaria/cadastros",
    serialize=str,
    parse_value=_identifier(tax_id_failure),
)
YEAR_MONTH: Final = strawberry.scalar(
    name="YearMonth",
    description="A calendar month, `YYYY-MM`.",
    specified_by_url="https://www.w3.org/TR/NOTE-datetime",
    serialize=lambda month: f"{month[:4]}-{month[4:]}",
    parse_value=_identifier(billing_month_failure, _year_month),
)

SCALARS: Final[dict[object, ScalarDefinition]] = {
    Cents: MONEY,
    Quantity: QUANTITY,
    Factor: FACTOR,
    Ratio: RATIO,
    BigInt: BIG_INT,
    AnsCode: ANS_CODE,
    Cnes: CNES,
    Cpf: CPF,
    TaxId: TAX_ID,
    YearMonth: YEAR_MONTH,
    date: DATE,
    datetime: DATE_TIME,
    time: TIME,
}
