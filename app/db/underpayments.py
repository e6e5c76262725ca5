"""Items that were paid at less than the contract's price of their day, although nothing was denied."""

from datetime import date
from typing import Any, Final

from sqlalchemy import Select, and_, func, or_, select

from app.db.counting import count_of
from app.db.filters import OPEN_RANGE, Bounds, Condition, one_of, within
from app.db.paging import Keyset
from app.db.reference_tables import contract_prices, contracts
from app.db.replacements import is_replaced
from app.db.scoping import claims_in
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


@query(UnderpaymentRecord)
def page(scope: DataScope, where: UnderpaymentFilter, keyset: Keyset) -> Select[Any]:
    """One page of such items within the scope."""
    found = _underpaid(select(*_COLUMNS), scope, where)
    if keyset.is_narrow or (scope.is_everything and where.providers is None):
        # The server would begin with the contracts, find every such item there is, and sort them for the page.
        found = found.prefix_with("STRAIGHT_JOIN", dialect="mysql")
    if keyset.is_narrow:
        # It would look for the days among all items, in the order of the list.
        found = found.with_hint(claim_items, "IGNORE INDEX FOR ORDER BY (PRIMARY)", "mysql")
    return keyset.apply(found)


@query_total(int)
def count(scope: DataScope, where: UnderpaymentFilter) -> Select[Any]:
    """How many there are."""
    return count_of(_underpaid(select(_ITEM.id), scope, where))


def _underpaid(found: Select[Any], scope: DataScope, where: UnderpaymentFilter) -> Select[Any]:
    """Approved items without a denial, billed below the contract's price, within the quantity that it allows; what a
    package includes costs nothing."""
    between = and_(contracts.c.provider_cnes == claims.c.provider_cnes, contracts.c.payer_ans == claims.c.payer_ans)
    of_item = and_(
        _PRICE.contract_id == contracts.c.id,
        _PRICE.code_system == _ITEM.code_system,
        _PRICE.code == _ITEM.code,
        _PRICE.valid_from <= _ITEM.performed_on,
        or_(_PRICE.valid_to.is_(None), _PRICE.valid_to >= _ITEM.performed_on),
    )
    found = found.select_from(claim_items).join(claims, claims.c.id == _ITEM.claim_id)
    found = found.join(contracts, between).join(contract_prices, of_item)
    parts: list[Condition] = [
        claims_in(scope),
        claims.c.status.in_(sorted(INVOICEABLE)),
        ~is_replaced(),
        _ITEM.denied_cents == 0,
        _ITEM.unit_price_cents > 0,
        _ITEM.unit_price_cents < _PRICE.unit_price_cents,
        _ITEM.quantity <= func.coalesce(_PRICE.quantity_max, _ITEM.quantity),
        *one_of((claims.c.payer_ans, where.payers), (claims.c.provider_cnes, where.providers)),
        *within((_ITEM.performed_on, where.performed_on)),
    ]
    return found.where(*parts)
