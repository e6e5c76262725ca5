"""Roles and their permissions. A permission is what may be done; whose data it covers is the caller's data scope."""

from collections.abc import Collection
from typing import Final

_READ: Final = frozenset({"claims:read", "invoices:read", "tuss:read"})
_PATIENT_IDENTITY: Final = frozenset({"patients:read", "patients:read_cpf"})
_REGISTRATION: Final = frozenset({"patients:register", "practitioners:register", "parties:import"})
_WHOLE_CLAIM: Final = (
    _READ | _PATIENT_IDENTITY | {"practitioners:read", "claims:read_items", "claims:read_health", "amounts:read"}
)

ROLES: Final[dict[str, frozenset[str]]] = {
    "billing_reader": _READ | {"amounts:read", "reconciliation:read", "batches:read"},
    "biller": _READ
    | {"patients:read", "practitioners:read", "claims:read_items", "amounts:read", "settlements:read", "contracts:read"}
    | {"reconciliation:read", "eligibility:read", "eligibility:check"}
    | {
        "claims:create",
        "claims:submit",
        "claims:cancel",
        "batches:read",
        "batches:export",
        "batches:import",
        "denials:appeal",
        "appeals:record",
        "invoices:create",
        "invoices:cancel",
    }
    | {"documents:read", "documents:upload"}
    | {"health:break_glass", "emergencies:close"}
    | _REGISTRATION,
    "reviewer": _WHOLE_CLAIM
    | {"reconciliation:read", "contracts:read", "eligibility:read", "batches:read"}
    | {"claims:review", "claims:adjudicate"},
    "finance": _READ
    | {"patients:read_masked", "practitioners:read", "amounts:read", "contracts:read"}
    | {"settlements:read", "settlements:read_bank"}
    | {"reconciliation:read", "invoices:adjust", "invoices:issue", "invoices:cancel"}
    | {"settlements:create", "settlements:reverse"}
    | {"batches:read", "remittances:read", "remittances:import", "remittances:post"}
    | {"remittances:work"}
    | {"documents:read", "documents:upload"},
    "front_desk": _READ
    | _PATIENT_IDENTITY
    | _REGISTRATION
    | {"patients:merge"}
    | {"practitioners:read", "eligibility:read", "eligibility:check", "health:break_glass", "emergencies:close"},
    "payer_agent": _WHOLE_CLAIM
    | {"settlements:read", "settlements:read_bank", "remittances:read", "reconciliation:read", "contracts:read"}
    | {"batches:read", "eligibility:read", "claims:review", "claims:adjudicate", "appeals:answer"},
    "patient": (_WHOLE_CLAIM - {"invoices:read"}) | {"eligibility:read", "access_log:read_own"},
    "admin": frozenset(
        {"tuss:read", "contracts:read", "gateway:configure", "schema:introspect", "parties:manage", "parties:import"}
    )
    | {"emergencies:read", "emergencies:close"},
}
"""The permissions of every role. Names of roles match exactly; an unknown role has no permissions."""

PERMISSIONS: Final = frozenset(permission for permissions in ROLES.values() for permission in permissions)
"""All permissions of all roles; anything else in the `scope` claim of a token is ignored."""

NARROWED_TO: Final = {"payer_agent": "payer", "patient": "patient"}
"""Roles that need a data scope of one payer or one patient: without it they would reach nothing, or too much."""

PAYER_DECISIONS: Final = frozenset({"claims:review", "claims:adjudicate", "appeals:answer"})
"""The permissions with which a payer's machine decides about claims."""


def missing_part(roles: Collection[str], *, payer: str | None, patient: str | None) -> str | None:
    """`payer` or `patient`: the part of the data scope that one of the roles needs and that is not given, or None."""
    given = {"payer": payer, "patient": patient}
    return next((part for role, part in NARROWED_TO.items() if role in roles and given[part] is None), None)
