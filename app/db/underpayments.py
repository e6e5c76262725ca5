"""Items that were paid at less than the contract's price of their day, although nothing was denied."""

from datetime import date
from typing import Any, Final

from sqlalchemy import FromClause, Select, and_, func, or_, select

from app.db.claims import ClaimFilter
from app.db.claims import chosen as chosen_claims
from app.db.counting import CANDIDATES_MAX, row_count
from app.db.filters import OPEN_RANGE, Bounds, Condition, within
from app.db.pages import Chosen, Others
from app.db.paging import Keyset
from app.db.reference_tables import contract_prices, contracts
from app.db.replacements import is_replaced
from app.db.statements import query, query_total
from app.db.tables import claim_items, claims
from app.domain.claims import INVOICEABLE
from app.domain.data_scope import DataScope
from app.domain.money import Cents, Factor, Quantity, item_total
from app.values.frozen import frozen


@frozen
class UnderpaymentRecord:
    id: str
    claim_id: str
    performed_on: date
    quantity: int
    factor: int
    billed_price_cents: int
    contract_price_cents: int
    approved_cents: int
    patient_cents: int | None

    @property
    def expected_cents(self) -> Cents:
        """What the contract pays: its price x quantity x factor."""
        price = Cents(self.contract_price_cents)
        return item_total(price, Quantity(self.quantity), Factor(self.factor))


@frozen
class UnderpaymentFilter:
    """An item matches when every given part does; ranges include both ends."""

    payers: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    performed_on: Bounds[date] = OPEN_RANGE


_ITEM: Final = claim_items.c
_PRICE: Final = contract_prices.c
_COLUMNS: Final = (
    _ITEM.id,
    _ITEM.claim_id,
    _ITEM.performed_on,
    _ITEM.quantity,
    _ITEM.factor,
    _ITEM.unit_price_cents.label("billed_price_cents"),
    _PRICE.unit_price_cents.label("contract_price_cents"),
    _ITEM.approved_cents,
    _ITEM.patient_cents,
)


_ASKED: Final = (
    *(_ITEM.id, _ITEM.claim_id, _ITEM.code_system, _ITEM.code, _ITEM.performed_on),
    *(_ITEM.quantity, _ITEM.unit_price_cents, _ITEM.denied_cents),
)
"""What decides whether an item is one."""
_FOUND_BY: Final = (claims.c.id, contracts.c.provider_cnes, _PRICE.contract_id)
_ASKED_MAX: Final = CANDIDATES_MAX // 3
"""For each item its claim, its contract and its price are looked up."""


@query(UnderpaymentRecord)
def page(scope: DataScope, where: UnderpaymentFilter, keyset: Keyset) -> Select[Any]:
    """One page of such items within the scope."""
    chosen = _chosen(scope, where)
    found = select(*_COLUMNS).select_from(chosen.source).where(*chosen.every)
    if keyset.is_narrow or (scope.is_everything and where.providers is None):
        # The server would begin with the contracts, find every such item there is, and sort them for the page.
        found = found.prefix_with("STRAIGHT_JOIN", dialect="mysql")
    if keyset.is_narrow:
        # It would look for the days among all items, in the order of the list.
        found = found.with_hint(claim_items, "IGNORE INDEX FOR ORDER BY (PRIMARY)", "mysql")
    return keyset.apply(found)


@query_total(row_count)
def count(scope: DataScope, where: UnderpaymentFilter, most: int = _ASKED_MAX) -> Select[Any]:
    """How many there are; of at most so many items the price is looked up, or so many claims are asked for their
    items."""
    return _chosen(scope, where).count(most)


def _chosen(scope: DataScope, where: UnderpaymentFilter) -> Chosen:
    """Approved items without a denial, billed below the contract's price, within the quantity that it allows; what a
    package includes costs nothing. Items do not repeat whose claim it is: they may be counted from their claims."""
    of_claim = chosen_claims(scope, ClaimFilter(payers=where.payers, providers=where.providers))
    return Chosen(
        claim_items,
        within((_ITEM.performed_on, where.performed_on)),
        others=Others(_ASKED, _with_price, _FOUND_BY, lambda item: [*of_claim.conditions, *_is_underpaid(item)]),
        start=of_claim.first(_items_of, _ITEM.claim_id, *_FOUND_BY) if of_claim.is_restricted else None,
        newest=_ITEM.id,
    )


def _items_of(claim: FromClause) -> FromClause:
    items = claim.join(claim_items, _ITEM.claim_id == claim.c.start)
    return _with_contract(items.join(claims, claims.c.id == _ITEM.claim_id), _ITEM)


def _with_price(item: FromClause) -> FromClause:
    return _with_contract(item.join(claims, claims.c.id == item.c.claim_id), item.c)


def _with_contract(claim: FromClause, item: Any) -> FromClause:
    between = and_(contracts.c.provider_cnes == claims.c.provider_cnes, contracts.c.payer_ans == claims.c.payer_ans)
    of_item = and_(
        _PRICE.contract_id == contracts.c.id,
        _PRICE.code_system == item.code_system,
        _PRICE.code == item.code,
        _PRICE.valid_from <= item.performed_on,
        or_(_PRICE.valid_to.is_(None), _PRICE.valid_to >= item.performed_on),
    )
    return claim.join(contracts, between).join(contract_prices, of_item)


def _is_underpaid(item: Any) -> list[Condition]:
    return [
        claims.c.status.in_(sorted(INVOICEABLE)),
        ~is_replaced(),
        item.denied_cents == 0,
        item.unit_price_cents > 0,
        item.unit_price_cents < _PRICE.unit_price_cents,
        item.quantity <= func.coalesce(_PRICE.quantity_max, item.quantity),
    ]
