"""Which role may do what."""

from typing import Final

_SEE: Final = frozenset({"claims:read", "invoices:read", "tuss:read"})
_PERSON: Final = frozenset({"patients:read", "patients:read_cpf"})
_ALL_OF_A_CLAIM: Final = _SEE | _PERSON | {"claims:read_items", "claims:read_health", "amounts:read"}

ROLES: Final[dict[str, frozenset[str]]] = {
    "billing_reader": _SEE | {"amounts:read", "reconciliation:read"},
    "biller": _SEE
    | {"patients:read", "claims:read_items", "amounts:read", "settlements:read", "contracts:read"}
    | {"reconciliation:read", "eligibility:read", "eligibility:check"}
    | {
        "claims:create",
        "claims:submit",
        "claims:cancel",
        "batches:export",
        "denials:appeal",
        "invoices:create",
        "invoices:cancel",
    }
    | {"health:break_glass"},
    "reviewer": _ALL_OF_A_CLAIM
    | {"reconciliation:read", "contracts:read", "eligibility:read", "claims:review", "claims:adjudicate"},
    "finance": _SEE
    | {"patients:read_masked", "amounts:read", "settlements:read", "settlements:read_bank", "contracts:read"}
    | {"reconciliation:read", "invoices:adjust", "invoices:issue", "invoices:cancel"}
    | {"settlements:create", "settlements:reverse"}
    | {"remittances:read", "remittances:import", "remittances:post"},
    "front_desk": _SEE | _PERSON | {"eligibility:read", "eligibility:check", "health:break_glass"},
    "payer_agent": _ALL_OF_A_CLAIM
    | {"settlements:read", "settlements:read_bank", "remittances:read", "reconciliation:read", "contracts:read"}
    | {"eligibility:read", "claims:review", "claims:adjudicate", "appeals:answer"},
    "patient": (_ALL_OF_A_CLAIM - {"invoices:read"}) | {"eligibility:read", "access_log:read_own"},
    "admin": frozenset({"tuss:read", "contracts:read", "gateway:configure", "emergencies:read", "schema:introspect"}),
}
"""Every role and what it may do. Roles match exactly; an unknown role means nothing."""

PERMISSIONS: Final = frozenset(permission for granted in ROLES.values() for permission in granted)
"""Every permission that some role has."""
