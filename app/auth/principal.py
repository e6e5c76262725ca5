"""Who calls: what the claims of a verified token say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.auth.roles import PERMISSIONS, ROLES

SUBJECT_LENGTH_MAX: Final = 120
ANY_PROVIDER: Final = "*"
# Told from every other set by its identity: "what the roles give".
_OF_THE_ROLES: Final = frozenset({"what the roles give"})


class InvalidToken(Exception):
    """The token is refused; the text says why, without quoting the token."""


@dataclass(frozen=True)
class Principal:
    """The caller. `permissions` are what the roles give unless told otherwise; `providers`, `payer` and
    `patient` say whose data they reach."""

    subject: str
    roles: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    expires_at: float | None = None
    permissions: frozenset[str] = _OF_THE_ROLES

    def __post_init__(self) -> None:
        if self.permissions is _OF_THE_ROLES:
            object.__setattr__(self, "permissions", given_by(self.roles))

    @property
    def is_anonymous(self) -> bool:
        """Whether no valid token was given."""
        return not self.subject

    @property
    def has_any_provider(self) -> bool:
        """Whether the token opens all providers on purpose."""
        return ANY_PROVIDER in self.providers


def given_by(roles: frozenset[str]) -> frozenset[str]:
    """The permissions of these roles together."""
    return frozenset(scope for role in roles for scope in ROLES.get(role, ()))


ANONYMOUS: Final = Principal(subject="")


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Where a provider puts what the gateway asks for.

    Each is the name of a claim, or a path with dots through claims inside of claims; `roles` and `providers` may be
    several with commas between them.
    """

    roles: str = "roles"
    providers: str = "providers"
    payer: str = "payer"
    patient: str = "patient"
    scopes: str = "scope"


STANDARD_NAMES: Final = ClaimNames()


def principal_of(claims: Mapping[str, Any], names: ClaimNames = STANDARD_NAMES) -> Principal:
    """The caller that a verified token describes; InvalidToken if a part has the wrong shape.

    Roles that the gateway does not know are left out. The role `patient` reaches nothing without a `patient`,
    `payer_agent` nothing without a `payer`.
    """
    roles = _texts(claims, names.roles) & ROLES.keys()
    payer, patient = _only_text(claims, names.payer), _only_text(claims, names.patient)
    if ("payer_agent" in roles and payer is None) or ("patient" in roles and patient is None):
        raise InvalidToken("the token's role needs a payer or a patient of its own")
    return Principal(
        subject=_subject(claims),
        roles=roles,
        providers=_texts(claims, names.providers),
        payer=payer,
        patient=patient,
        expires_at=float(claims["exp"]),
        permissions=_permissions(claims, roles, names.scopes),
    )


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        raise InvalidToken(f"the token's sub is not a text of 1 to {SUBJECT_LENGTH_MAX} characters")
    return subject


def _permissions(claims: Mapping[str, Any], roles: frozenset[str], name: str) -> frozenset[str]:
    """What the token may do: its roles, narrowed by its scopes; only a client's own token has scopes for roles."""
    asked = _scopes(claims, name) & PERMISSIONS
    if roles:
        return given_by(roles) & asked if asked else given_by(roles)
    return asked if _is_of_a_client(claims) else frozenset()


def _is_of_a_client(claims: Mapping[str, Any]) -> bool:
    """Whether a program got the token for itself. A person's scopes only say what the person lets a program do."""
    return claims["sub"] in (claims.get("client_id"), claims.get("azp"))


def _scopes(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    value = _find(claims, name)
    return frozenset(value.split()) if isinstance(value, str) else _list_of_texts(value, name)


def _texts(claims: Mapping[str, Any], names: str) -> frozenset[str]:
    """The texts under all these names together."""
    each = (name.strip() for name in names.split(","))
    return frozenset().union(*(_list_of_texts(_find(claims, name), name) for name in each))


def _list_of_texts(value: Any, name: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise InvalidToken(f"the token's {name} are not a list of texts")
    return frozenset(value)


def _only_text(claims: Mapping[str, Any], name: str) -> str | None:
    """A text, or the only one of a list: several or an empty one would leave open whose data is meant."""
    value = _find(claims, name)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidToken(f"the token's {name} is not one text")
    return value


def _find(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this very name, else the one at the end of the path; None if there is none.

    Names on the way may have dots themselves, as the client ids of some providers do.
    """
    if path in claims:
        return claims[path]
    for place in (place for place, sign in enumerate(path) if sign == "."):
        inner = claims.get(path[:place])
        found = _find(inner, path[place + 1 :]) if isinstance(inner, dict) else None
        if found is not None:
            return found
    return None
