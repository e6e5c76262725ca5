"""The caller, as described by the claims of a verified token."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from app.auth.roles import NARROWED_TO, PAYER_DECISIONS, PERMISSIONS, ROLES, missing_part
from app.values.frozen import frozen

SUBJECT_LENGTH_MAX: Final = 120
ANY_PROVIDER: Final = "*"
_PERMISSION: Final = re.compile(r"[\w.-]+:[\w.-]+")
# A default that is compared by identity: an empty set of permissions is a valid value of its own.
_FROM_ROLES: Final = frozenset({"from roles"})


class InvalidToken(Exception):
    """The token is refused; the text says why and never quotes the token, since it is sent to the client and logged."""


class PrematureToken(InvalidToken):
    """The token is refused now, but may be accepted later: its time has not come, or its key is not known yet."""


@frozen
class Principal:
    """The caller. `permissions` say what it may do: by default all permissions of its roles.

    `providers` (CNES, or `*` for all), `payer` (registro ANS) and `patient` (id) say whose data it may reach;
    `expires_at` is in seconds since 1970, None for callers without a token.
    """

    subject: str
    roles: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    expires_at: float | None = None
    permissions: frozenset[str] = _FROM_ROLES

    def __post_init__(self) -> None:
        if self.permissions is _FROM_ROLES:
            object.__setattr__(self, "permissions", permissions_of(self.roles))

    @property
    def is_anonymous(self) -> bool:
        """Whether no valid token was given."""
        return not self.subject

    @property
    def has_any_provider(self) -> bool:
        """Whether the token covers all providers, by `*`."""
        return ANY_PROVIDER in self.providers

    @property
    def is_of_payer(self) -> bool:
        """Whether the caller acts for a payer: within its data, or with a permission to decide as a payer.

        Roles alone do not show this: a client's own token may have permissions and a payer without any role. A person
        with the role of a reviewer decides too, but not as a machine of a payer.
        """
        decides = self.permissions & PAYER_DECISIONS
        return self.payer is not None or bool(decides - permissions_of(self.roles - NARROWED_TO.keys()))


def permissions_of(roles: frozenset[str]) -> frozenset[str]:
    """All permissions of these roles; unknown roles have none."""
    return frozenset(permission for role in roles for permission in ROLES.get(role, ()))


ANONYMOUS: Final = Principal(subject="")


@frozen
class TokenClaimNames:
    """In which claims of a token an identity provider puts what the gateway needs.

    Each is the name of a claim, or a path of names with dots in between for a claim inside others; `roles` and
    `providers` may be several, separated by commas.
    """

    roles: str = "roles"
    providers: str = "providers"
    payer: str = "payer"
    patient: str = "patient"
    scopes: str = "scope"


STANDARD_CLAIM_NAMES: Final = TokenClaimNames()


def principal_of(claims: Mapping[str, Any], names: TokenClaimNames = STANDARD_CLAIM_NAMES) -> Principal:
    """The caller that the claims of a verified token describe; InvalidToken if a claim has the wrong shape.

    Unknown roles are ignored. A token without the `payer` or `patient` claim that one of its roles needs is refused.
    """
    roles = _strings(claims, names.roles).intersection(ROLES)
    payer, patient = _single_string(claims, names.payer), _single_string(claims, names.patient)
    if missing_part(roles, payer=payer, patient=patient):
        raise InvalidToken("the token's role needs a payer or a patient claim")
    return Principal(
        subject=_subject(claims),
        roles=_shared(roles),
        providers=_shared(_strings(claims, names.providers)),
        payer=payer,
        patient=patient,
        expires_at=float(claims["exp"]),
        permissions=_shared(_permissions(claims, roles, names.scopes)),
    )


@lru_cache(maxsize=1_000)
def _shared(values: frozenset[str]) -> frozenset[str]:
    """One object for all equal sets: thousands of cached principals have the same few, of more than a kilobyte."""
    return values


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
        raise InvalidToken(f"the token's sub is not a string of 1 to {SUBJECT_LENGTH_MAX} characters")
    return subject


def _permissions(claims: Mapping[str, Any], roles: frozenset[str], name: str) -> frozenset[str]:
    """The permissions of the roles, narrowed by the token's scopes if any of them is a permission by its form.

    A token that was narrowed to permissions which are not ours, or no longer exist, may do nothing: it must not get all
    that its roles give. Scopes of other forms, such as `openid`, change nothing. Without roles the scopes count only in
    the token that a client obtained for itself.
    """
    asked = frozenset(scope for scope in _scopes(claims, name) if _PERMISSION.fullmatch(scope))
    if roles:
        return permissions_of(roles) & asked if asked else permissions_of(roles)
    return asked & PERMISSIONS if _is_of_client(claims) else frozenset()


def _is_of_client(claims: Mapping[str, Any]) -> bool:
    """Whether a client obtained the token for itself (client credentials).

    The scopes of a person's token only say what the person allows a client to do, not what the person may do.
    """
    return claims["sub"] in (claims.get("client_id"), claims.get("azp"))


def _scopes(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    value = _find(claims, name)
    return frozenset(value.split()) if isinstance(value, str) else _list_of_strings(value, name)


def _strings(claims: Mapping[str, Any], names: str) -> frozenset[str]:
    """The strings of all these claims together."""
    each = (name.strip() for name in names.split(","))
    return frozenset().union(*(_list_of_strings(_find(claims, name), name) for name in each))


def _list_of_strings(value: Any, name: str) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise InvalidToken(f"the token's {name} is not a list of strings")
    return frozenset(value)


def _single_string(claims: Mapping[str, Any], name: str) -> str | None:
    """A string, or the only one of a list; InvalidToken for several or an empty one: whose data would it be?"""
    value = _find(claims, name)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is not None and (not isinstance(value, str) or not value):
        raise InvalidToken(f"the token's {name} is not a single string")
    return value


def _find(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of exactly this name, else the one at the end of the path; None if there is neither.

    Every dot is tried as a separator, because names on the way may contain dots themselves: Keycloak nests roles below
    the client id, which is often a domain name.
    """
    if path in claims:
        return claims[path]
    for index in (index for index, character in enumerate(path) if character == "."):
        inner = claims.get(path[:index])
        found = _find(inner, path[index + 1 :]) if isinstance(inner, dict) else None
        if found is not None:
            return found
    return None
