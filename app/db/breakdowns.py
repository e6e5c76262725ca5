"""The sums of `app/db/reconciliation.py` by payer, provider, month or denial code: the same statements, grouped.

Each statement gives the groups of one page. A page has the first groups of all statements together, in the order of
their keys, so the first groups of each are enough: what is among the first of all is among the first of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import islice
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Select, case, false, func, literal_column, select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.denials import DISPUTED, LOST, RECOVERED
from app.db.engine import scalar
from app.db.filters import Condition
from app.db.paging import Keyset
from app.db.queue_tables import unapplied_credits
from app.db.reconciliation import (
    LedgerFilter,
    books_of,
    counted_claims,
    counted_credits,
    counted_lines,
    of_claims,
    of_denials,
    of_lines,
    of_payments,
    of_unapplied,
)
from app.db.shapes import padded
from app.db.sums import total
from app.db.tables import claim_items, claims, denials, invoice_lines, invoices
from app.domain.breakdown import months_from, number_of_months
from app.domain.claims import AWAITING_RETURN
from app.domain.data_scope import DataScope
from app.domain.invoices import InvoiceLineKind
from app.domain.money import Cents
from app.domain.reconciliation import Period, Reconciliation
from app.values.frozen import frozen

SEPARATOR: Final = " "
"""Between the parts of a key; none of them has it, see BLANK."""
BLANK: Final = "\x7f"
"""A blank inside a part, such as that of a code of a payer's own table; no code has this character."""
INNER: Final = "/"
"""Between the parts of a procedure and of a practitioner."""
CODE: Final = "CODE"
PROCEDURE: Final = "PROCEDURE"
KEY: Final = "group_key"
KEY_COLUMN: Final[ColumnElement[str]] = literal_column(KEY)


@frozen
class BillingGroup:
    """The books and figures of one group, in cents; `parts` are what it is grouped by, such as {"PAYER": "123456"}."""

    key: str
    parts: Mapping[str, str]
    claims: int
    undecided_claims: int
    processed_cents: Cents
    denied_cents: Cents
    denials_lost_cents: Cents
    value_without_return_cents: Cents
    books: Reconciliation

    def part(self, dimension: str) -> str | None:
        """The group's value of a dimension; None if it is not grouped by it."""
        return self.parts.get(dimension)

    def __add__(self, other: Self) -> Self:
        """What both have of the same group."""
        return replace(
            self,
            **{name: getattr(self, name) + getattr(other, name) for name in FIGURES},
            books=self.books + other.books,
        )


FIGURES: Final = (
    *("claims", "undecided_claims", "processed_cents", "denied_cents", "denials_lost_cents"),
    "value_without_return_cents",
)
"""What a group has beside its books."""


@frozen
class DenialGroup:
    """The denials of one group, in cents; `parts` are what it is grouped by, such as {"CODE": "1705"}."""

    key: str
    parts: Mapping[str, str]
    denials: int
    amount_cents: Cents
    in_dispute_cents: Cents
    won_cents: Cents
    lost_cents: Cents
    processed_cents: Cents

    def part(self, dimension: str) -> str | None:
        """The group's value of a dimension; None if it is not grouped by it."""
        return self.parts.get(dimension)


@frozen
class Grouping:
    """The dimensions of a key, in order, and the period of which the months are needed."""

    dimensions: tuple[str, ...]
    period: Period = field(default_factory=Period)

    def key(self, columns: Mapping[str, Callable[[], ColumnElement[str]]]) -> ColumnElement[str]:
        """The key of a row; `columns` make the part of a dimension by its name."""
        parts = [columns[each]() for each in self.dimensions]
        found = parts[0]
        for part in parts[1:]:
            found = found + SEPARATOR + part
        return found.label(KEY)

    def parts(self, key: str) -> dict[str, str]:
        """Dimension -> its part of a key."""
        return {name: part.replace(BLANK, " ") for name, part in self._raw(key).items()}

    def without(self, key: str, dimension: str) -> str:
        """The key of the same group without a dimension."""
        return SEPARATOR.join(part for name, part in self._raw(key).items() if name != dimension)

    def _raw(self, key: str) -> dict[str, str]:
        return dict(zip(self.dimensions, key.split(SEPARATOR), strict=True))

    def month(self, moment: ColumnElement[Any]) -> ColumnElement[str]:
        """The month, such as 202611, in which a moment of the period is."""
        assert self.period.first  # noqa: S101 - the resolver requires a period for months
        every = months_from(self.period.first)
        months = padded(list(islice(every, number_of_months(self.period) or 1)), every)
        return case(*[(moment < each.ends_before, f"{each.first:%Y%m}") for each in months])


@frozen
class GroupedFilter:
    """What is summed, of whose claims, by what."""

    grouping: Grouping
    ledger: LedgerFilter


async def billing_groups(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, keyset: Keyset
) -> list[BillingGroup]:
    """The groups of a page. Needs a connection that sees one moment, as `reconcile` does."""
    counted, credit = counted_claims(scope, where.ledger), counted_credits(scope, where.ledger)
    by_claim, by_line = _claim_key(where.grouping), _line_key(where.grouping)
    undecided = case((claims.c.status.in_(sorted(AWAITING_RETURN)), 1), else_=0)
    figures = (func.count(), total(undecided), total(claims.c.processed_cents), total(claims.c.denied_cents))
    # Lines of claims are found by the index of these, credits by one of their own; "or" would walk all lines.
    queries = (
        ((of_claims(counted).add_columns(*figures),), by_claim),
        ((of_denials(counted),), by_claim),
        ((of_lines(counted, false()), of_lines(false(), credit)), by_line),
        ((of_payments(counted, false()), of_payments(false(), credit)), by_line),
        ((of_unapplied(scope, where.ledger),), _credit_key(where.grouping)),
    )
    found = [_added([await grouped(connection, each, key, keyset) for each in parts]) for parts, key in queries]
    keys = first_keys({key for rows in found for key in rows}, keyset)
    return [_group(where.grouping, key, [rows.get(key) for rows in found]) for key in keys]


def first_keys(keys: Iterable[str], keyset: Keyset) -> list[str]:
    """The keys of the page."""
    return sorted(keys, reverse=keyset.descending)[: keyset.limit]


def billing_keys(scope: DataScope, where: GroupedFilter) -> list[Select[Any]]:
    """The keys of the groups: those of claims, and those that have credits or unapplied credits only."""
    of_claim = select(_claim_key(where.grouping)).where(counted_claims(scope, where.ledger))
    lines = select(_line_key(where.grouping)).select_from(invoice_lines)
    of_credit = counted_lines(lines, false(), counted_credits(scope, where.ledger))
    unapplied = of_unapplied(scope, where.ledger).with_only_columns(_credit_key(where.grouping))
    return [of_claim, of_credit, unapplied]


async def count_keys(connection: AsyncConnection, keys: Sequence[Select[Any]]) -> int:
    """How many different keys these statements have together."""
    found = union(*keys).subquery()
    return int(await scalar(connection, select(func.count()).select_from(found)))


async def denial_groups(
    connection: AsyncConnection, scope: DataScope, where: GroupedFilter, keyset: Keyset
) -> list[DenialGroup]:
    """The groups of a page."""
    amounts = (denials.c.amount_cents, DISPUTED, RECOVERED, LOST)
    counted = counted_claims(scope, where.ledger)
    query = _denials([func.count(), *[total(each) for each in amounts]], counted, where.grouping)
    rows = await grouped(connection, query, _claim_key(where.grouping), keyset)
    processed = await _processed(connection, counted, where.grouping, list(rows))
    found: list[DenialGroup] = []
    for key, (number, amount, disputed, won, lost) in rows.items():
        cents = (Cents(amount), Cents(disputed), Cents(won), Cents(lost))
        found.append(DenialGroup(key, where.grouping.parts(key), number, *cents, processed[key]))
    return found


async def _processed(
    connection: AsyncConnection, counted: Condition, grouping: Grouping, keys: Sequence[str]
) -> dict[str, Cents]:
    """Key of denials -> what the payer has processed of the group, whatever the reason: of the same payer, procedure
    and so on. Example: of a procedure 1000_00 were processed; each code of its denials is a share of these."""
    if not keys:
        return {}
    base = replace(grouping, dimensions=tuple(each for each in grouping.dimensions if each != CODE))
    is_of_items = PROCEDURE in base.dimensions
    amount = total(claim_items.c.processed_cents if is_of_items else claims.c.processed_cents)
    source = claims.join(claim_items, claim_items.c.claim_id == claims.c.id) if is_of_items else claims
    query = select(amount).select_from(source).where(counted)
    if not base.dimensions:
        return dict.fromkeys(keys, Cents(int(await scalar(connection, query) or 0)))
    key = _claim_key(base)
    of_denials = {each: grouping.without(each, CODE) for each in keys}
    query = query.add_columns(key).where(key.in_(sorted(set(of_denials.values())))).group_by(KEY)
    found = {row[1]: Cents(int(row[0])) for row in (await connection.execute(query)).all()}
    return {each: found.get(name, Cents(0)) for each, name in of_denials.items()}


async def count_denial_groups(connection: AsyncConnection, scope: DataScope, where: GroupedFilter) -> int:
    """The number of groups."""
    counted = counted_claims(scope, where.ledger)
    keys = _denials([_claim_key(where.grouping)], counted, where.grouping).distinct()
    return int(await scalar(connection, select(func.count()).select_from(keys.subquery())))


def _denials(columns: Sequence[ColumnElement[Any]], counted: Condition, grouping: Grouping) -> Select[Any]:
    source = denials.join(claims, claims.c.id == denials.c.claim_id)
    if PROCEDURE in grouping.dimensions:
        source = source.join(claim_items, claim_items.c.id == denials.c.item_id)
    return select(*columns).select_from(source).where(counted)


async def grouped(
    connection: AsyncConnection, query: Select[Any], key: ColumnElement[str], keyset: Keyset
) -> dict[str, list[int]]:
    """Key -> the sums of its group, for the groups of a page."""
    query = keyset.apply_to_groups(query.add_columns(key).group_by(KEY), key, KEY_COLUMN)
    return {row[-1]: [int(value) for value in row[:-1]] for row in (await connection.execute(query)).all()}


def _added(parts: Sequence[dict[str, list[int]]]) -> dict[str, list[int]]:
    """The groups of all parts, the sums of equal ones added."""
    found: dict[str, list[int]] = {}
    for key, sums in (group for part in parts for group in part.items()):
        found[key] = [one + other for one, other in zip(found[key], sums, strict=True)] if key in found else sums
    return found


def _claim_key(grouping: Grouping) -> ColumnElement[str]:
    table = claims.c
    return grouping.key(
        {
            CODE: lambda: denials.c.code,
            PROCEDURE: lambda: claim_items.c.code_system + INNER + _unbroken(claim_items.c.code),
            "PRACTITIONER": _practitioner,
            "PAYER": lambda: table.payer_ans,
            "PROVIDER": lambda: table.provider_cnes,
            "MONTH": lambda: grouping.month(table.submitted_at),
        }
    )


def _practitioner() -> ColumnElement[str]:
    """Council, number and state; a claim that names nobody has empty ones."""
    table = claims.c
    parts = [func.coalesce(each, "") for each in (table.practitioner_council, table.practitioner_state)]
    return parts[0] + INNER + parts[1] + INNER + _unbroken(func.coalesce(table.practitioner_number, ""))


def _unbroken(column: ColumnElement[str]) -> ColumnElement[str]:
    return func.replace(column, SEPARATOR, BLANK)


def _line_key(grouping: Grouping) -> ColumnElement[str]:
    line = invoice_lines.c

    def month() -> ColumnElement[str]:
        of_credit = grouping.month(line.created_at)
        return case((line.kind == InvoiceLineKind.CREDIT, of_credit), else_=grouping.month(claims.c.submitted_at))

    parties = {"PAYER": lambda: invoices.c.payer_ans, "PROVIDER": lambda: invoices.c.provider_cnes}
    return grouping.key({**parties, "MONTH": month})


def _credit_key(grouping: Grouping) -> ColumnElement[str]:
    credit = unapplied_credits.c
    parties = {"PAYER": lambda: credit.payer_ans, "PROVIDER": lambda: credit.provider_cnes}
    return grouping.key({**parties, "MONTH": lambda: grouping.month(credit.created_at)})


def _group(grouping: Grouping, key: str, sums: Sequence[list[int] | None]) -> BillingGroup:
    """The group with the sums of the five statements; None where one has no row of the group."""
    of_claim, of_denial, of_line, of_payment, unapplied = (
        found or [0] * size for found, size in zip(sums, (8, 3, 4, 3, 1), strict=True)
    )
    number, without_return, processed, denied = of_claim[4:]
    return BillingGroup(
        key=key,
        parts=grouping.parts(key),
        claims=number,
        undecided_claims=without_return,
        processed_cents=Cents(processed),
        denied_cents=Cents(denied),
        denials_lost_cents=Cents(of_denial[1]),
        value_without_return_cents=Cents(of_claim[1]),
        books=books_of(of_claim[:4], of_denial, of_line, of_payment, unapplied),
    )
