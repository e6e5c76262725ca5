"""Who calls: what the claims of a verified token say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.auth.roles import ROLES

SUBJECT_LENGTH_MAX: Final = 120
ANY_PROVIDER: Final = "*"


class InvalidToken(Exception):
    """The token is refused; the text says why, without quoting the token."""


@dataclass(frozen=True)
class Principal:
    """The caller. `scopes` are permissions; `providers`, `payer` and `patient` say whose data they reach."""

    subject: str
    roles: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    expires_at: float | None = None
    scopes: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        granted = frozenset(scope for role in self.roles for scope in ROLES.get(role, ()))
        object.__setattr__(self, "scopes", granted)

    @property
    def is_anonymous(self) -> bool:
        """Whether no valid token was given."""
        return not self.subject

    @property
    def has_any_provider(self) -> bool:
        """Whether the token opens all providers on purpose."""
        return ANY_PROVIDER in self.providers


ANONYMOUS: Final = Principal(subject="")


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The caller that a verified token describes; InvalidToken if a part has the wrong shape.

    The role `patient` reaches nothing without a `patient`, `payer_agent` nothing without a `payer`.
    """
    roles = _texts(claims.get("roles"), "roles")
    providers = _texts(claims.get("providers"), "providers")
    payer, patient = _text(claims.get("payer"), "payer"), _text(claims.get("patient"), "patient")
    if ("payer_agent" in roles and payer is None) or ("patient" in roles and patient is None):
        raise InvalidToken("the token's role needs a payer or a patient of its own")
    subject = _text(claims.get("sub"), "sub")
    if not subject or len(subject) > SUBJECT_LENGTH_MAX:
        raise InvalidToken(f"the token's subject has 1 to {SUBJECT_LENGTH_MAX} characters")
    return Principal(subject, roles, providers, payer, patient, float(claims["exp"]))


def _texts(value: Any, name: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise InvalidToken(f"the token's {name} are not a list of texts")
    return frozenset(value)


def _text(value: Any, name: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidToken(f"the token's {name} is not a text")
    return value
