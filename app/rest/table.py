"""The table: every endpoint of the earlier service, and the stored operation behind each."""

from collections.abc import Mapping
from typing import Final

from app.rest import claims, eligibility, invoices
from app.rest.endpoint import Endpoint

ENDPOINTS: Final[tuple[Endpoint, ...]] = (*claims.ENDPOINTS, *invoices.ENDPOINTS, *eligibility.ENDPOINTS)


def documents() -> Mapping[str, str]:
    """The text of every stored operation by its hash, to be trusted as those of a manifest are."""
    operations = [form.operation for endpoint in ENDPOINTS for form in endpoint.forms]
    return {each.digest: each.text for each in operations}
