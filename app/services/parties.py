"""Checks that a provider and a payer exist and are in the caller's data scope."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import parties as parties_db
from app.db.parties import PayerRecord
from app.domain.data_scope import DataScope
from app.domain.errors import BillingError, ErrorCode, Failure, raise_any

UNKNOWN_PAYER: Final = Failure(
    ErrorCode.NOT_FOUND, "unknown payer: check its registro ANS, or have it registered", "payer", "5027"
)
UNKNOWN_PROVIDER: Final = Failure(
    ErrorCode.NOT_FOUND,
    "unknown provider: check its CNES, have it registered, or use a token that names it",
    "provider",
    "1202",
)


async def find(
    connection: AsyncConnection, scope: DataScope, *, provider: str, payer: str
) -> tuple[PayerRecord | None, list[Failure]]:
    """The payer, and every failure of this pair; a provider outside the data scope looks like an unknown one."""
    is_in_scope = scope.contains(provider=provider, payer=payer, patient=None)
    return await _look_up(connection, provider, payer, is_in_scope=is_in_scope)


async def check(connection: AsyncConnection, scope: DataScope, *, provider: str, payer: str) -> None:
    """NOT_FOUND for an unknown payer, an unknown provider, or one outside the data scope."""
    _, found = await find(connection, scope, provider=provider, payer=payer)
    raise_any(found)


async def check_provider(connection: AsyncConnection, scope: DataScope, provider: str) -> None:
    """NOT_FOUND for an unknown provider, or one outside the data scope."""
    is_in_scope = scope.contains(provider=provider, payer=None, patient=None)
    has_provider = is_in_scope and await parties_db.provider(connection, provider) is not None
    raise_any(failures(has_payer=True, has_provider=has_provider))


async def require(connection: AsyncConnection, *, provider: str, payer: str) -> PayerRecord:
    """The payer; NOT_FOUND unless it and the provider exist. The caller checks the data scope."""
    found, missing = await _look_up(connection, provider, payer, is_in_scope=True)
    if found is None or missing:
        raise BillingError(*missing)
    return found


async def _look_up(
    connection: AsyncConnection, provider: str, payer: str, *, is_in_scope: bool
) -> tuple[PayerRecord | None, list[Failure]]:
    found = await parties_db.payer(connection, payer)
    has_provider = is_in_scope and await parties_db.provider(connection, provider) is not None
    return found, failures(has_payer=found is not None, has_provider=has_provider)


def failures(*, has_payer: bool, has_provider: bool) -> list[Failure]:
    """NOT_FOUND for each that does not exist; a provider outside the data scope counts as one that does not."""
    return [*([] if has_payer else [UNKNOWN_PAYER]), *([] if has_provider else [UNKNOWN_PROVIDER])]
