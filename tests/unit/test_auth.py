"""Tokens that are not ours, keys at rest, and roles that count only under their exact names."""

import base64
import hashlib
import hmac
import json
import stat
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from app.auth.keys import DEVELOPMENT_ISSUER, DevelopmentKeys
from app.auth.principal import SUBJECT_LENGTH_MAX, InvalidToken, Principal, principal_of
from app.auth.roles import ROLES
from app.auth.tokens import LIFETIME_MAX_SECONDS, TOKEN_CACHE_MAX, TOKEN_LENGTH_MAX, Verifier
from tests.figures import Figures

AUDIENCE = "billing-gateway"
# Read once, long before the last test runs: an end must outlive the whole suite, and a test of
# "not yet" reads the clock itself.
NOW = int(time.time())
CLAIMS: dict[str, Any] = {
    "iss": DEVELOPMENT_ISSUER,
    "aud": AUDIENCE,
    "sub": "u1",
    "exp": NOW + 7200,
    "roles": ["biller"],
    "providers": ["2000001"],
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentKeys:
    return DevelopmentKeys(tmp_path_factory.mktemp("keys"))


def _verifier(keys: DevelopmentKeys) -> Verifier:
    return Verifier(keys, issuer=DEVELOPMENT_ISSUER, audience=AUDIENCE)


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _signed(keys: DevelopmentKeys, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": keys.private.kid}, claims, keys.private)


def _hs256(secret: bytes) -> str:
    """A token whose MAC key is what the attacker knows: the public key."""
    signed = f"{_segment({'alg': 'HS256', 'kid': 'development'})}.{_segment(CLAIMS)}"
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _stranger(_keys: DevelopmentKeys) -> str:
    key = ECKey.generate_key("P-256", {"kid": "development"}, private=True)
    return jwt.encode({"alg": "ES256", "kid": "development"}, CLAIMS, key)


def _embedded_key(_keys: DevelopmentKeys) -> str:
    key = ECKey.generate_key("P-256", private=True)
    return jwt.encode({"alg": "ES256", "jwk": key.as_dict(private=False)}, CLAIMS, key)


def _changed_payload(keys: DevelopmentKeys) -> str:
    head, _, signature = _signed(keys).split(".")
    return f"{head}.{_segment({**CLAIMS, 'roles': ['finance']})}.{signature}"


FORGERIES: dict[str, Callable[[DevelopmentKeys], str]] = {
    "no algorithm": lambda _: f"{_segment({'alg': 'none'})}.{_segment(CLAIMS)}.",
    "no algorithm, in capitals": lambda _: f"{_segment({'alg': 'NONE'})}.{_segment(CLAIMS)}.",
    "no signature": lambda keys: _signed(keys).rpartition(".")[0] + ".",
    "two parts": lambda keys: _signed(keys).rpartition(".")[0],
    "the public key as a secret, PEM": lambda keys: _hs256(keys.private.as_pem(private=False)),
    "the public key as a secret, JSON": lambda keys: _hs256(json.dumps(keys.private.as_dict(private=False)).encode()),
    "an empty secret": lambda _: _hs256(b""),
    "another key under our name": _stranger,
    "a key of its own in the header": _embedded_key,
    "a changed payload": _changed_payload,
    "a changed signature": lambda keys: _signed(keys)[:-6] + "AAAAAA",
    "a payload that is a list": lambda _: f"{_segment({'alg': 'ES256'})}.{_segment([1])}.AAAA",
    "no token at all": lambda _: "abc",
    "dots": lambda _: "...",
    "not base64": lambda _: "é.é.é",
    "too long": lambda _: "a" * (TOKEN_LENGTH_MAX + 1),
    "ended": lambda keys: _signed(keys, exp=NOW - 60),
    "not begun": lambda keys: _signed(keys, nbf=int(time.time()) + 300),
    "made in the future": lambda keys: _signed(keys, iat=int(time.time()) + 300),
    "without an end": lambda keys: _signed(keys, exp=None),
    "an end that is text": lambda keys: _signed(keys, exp="tomorrow"),
    "an end that is nothing": lambda keys: _signed(keys, exp=False),
    "of another issuer": lambda keys: _signed(keys, iss="https://id.example"),
    "without an issuer": lambda keys: _signed(keys, iss=None),
    "for another audience": lambda keys: _signed(keys, aud="other"),
    "for other audiences": lambda keys: _signed(keys, aud=["other", "billing-gateway-2"]),
    "without an audience": lambda keys: _signed(keys, aud=None),
    "valid for longer than a day": lambda keys: _signed(keys, exp=int(time.time()) + LIFETIME_MAX_SECONDS + 120),
    "without a subject": lambda keys: _signed(keys, sub=None),
    "an empty subject": lambda keys: _signed(keys, sub=""),
    "a subject that is too long": lambda keys: _signed(keys, sub="a" * (SUBJECT_LENGTH_MAX + 1)),
    "a subject that is a number": lambda keys: _signed(keys, sub=7),
    "roles that are one text": lambda keys: _signed(keys, roles="finance"),
    "roles that are numbers": lambda keys: _signed(keys, roles=[1]),
    "providers that are one text": lambda keys: _signed(keys, providers="*"),
    "two payers": lambda keys: _signed(keys, payer=["200001", "200002"]),
    "a payer that is nothing": lambda keys: _signed(keys, payer=""),
    "a list without a payer": lambda keys: _signed(keys, payer=[]),
    "a payer's agent without a payer": lambda keys: _signed(keys, roles=["payer_agent"]),
    "a patient without a patient": lambda keys: _signed(keys, roles=["biller", "patient"]),
}


@pytest.mark.parametrize("forgery", sorted(FORGERIES))
async def test_a_forged_or_unfit_token_is_refused(keys: DevelopmentKeys, forgery: str) -> None:
    token = FORGERIES[forgery](keys)
    verifier = _verifier(keys)
    with pytest.raises(InvalidToken) as refused:
        await verifier.principal(f"Bearer {token}")
    assert token not in str(refused.value)


async def test_the_same_token_unforged_is_taken(keys: DevelopmentKeys) -> None:
    found = await _verifier(keys).principal(f"bearer {_signed(keys)}")
    assert (found.subject, set(found.roles), set(found.providers)) == ("u1", {"biller"}, {"2000001"})
    assert found.permissions == ROLES["biller"]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "Token abc", "Bearerabc"])
async def test_only_a_bearer_header_is_a_token(keys: DevelopmentKeys, header: str) -> None:
    with pytest.raises(InvalidToken):
        await _verifier(keys).principal(header)


async def test_no_header_is_an_anonymous_caller_without_permissions(keys: DevelopmentKeys) -> None:
    found = await _verifier(keys).principal(None)
    assert (found.is_anonymous, found.permissions) == (True, frozenset())


async def test_a_token_that_was_good_ends_with_its_time(keys: DevelopmentKeys) -> None:
    clock = [float(NOW)]
    verifier = Verifier(keys, issuer=DEVELOPMENT_ISSUER, audience=AUDIENCE, clock=lambda: clock[0])
    header = f"Bearer {_signed(keys, exp=NOW + 100)}"
    assert (await verifier.principal(header)).subject == "u1"
    clock[0] += 100 + 31
    with pytest.raises(InvalidToken):
        await verifier.principal(header)


async def test_a_full_cache_of_tokens_takes_less_than_six_mib(keys: DevelopmentKeys, figures: Figures) -> None:
    """Clients that renew their tokens fill it: with sets of its own each token took 2,250 bytes, 22 MiB together."""
    verifier = _verifier(keys)
    headers = [f"Bearer {_signed(keys, sub=f'u{number}')}" for number in range(200)]
    first, *_ = [await verifier.principal(header) for header in headers[:100]]
    tracemalloc.start()
    try:
        last = [await verifier.principal(header) for header in headers[100:]][-1]
        per_token = tracemalloc.get_traced_memory()[0] / 100
    finally:
        tracemalloc.stop()
    figures(bytes_per_cached_token=per_token)
    assert last.subject == "u199"
    assert TOKEN_CACHE_MAX * per_token < 6 * 2**20
    assert last.permissions is first.permissions


async def test_a_development_token_lives_a_day_at_most(keys: DevelopmentKeys) -> None:
    day = keys.sign(audience=AUDIENCE, role="biller", lifetime=timedelta(hours=24))
    longer = keys.sign(audience=AUDIENCE, role="biller", lifetime=timedelta(hours=25))
    assert (await _verifier(keys).principal(f"Bearer {day}")).roles == {"biller"}
    with pytest.raises(InvalidToken, match="longer than a day"):
        await _verifier(keys).principal(f"Bearer {longer}")


def test_the_private_key_is_for_its_owner_only_and_stays_the_same(tmp_path: Path) -> None:
    first = DevelopmentKeys(tmp_path / "var")
    file = tmp_path / "var" / "development-key.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert DevelopmentKeys(tmp_path / "var").private.as_dict() == first.private.as_dict()
    assert DevelopmentKeys(tmp_path / "other").private.as_dict() != first.private.as_dict()


EXACT = sorted(ROLES)
ALMOST = [
    change(role)
    for role in EXACT
    for change in (str.upper, str.title, lambda text: text + "x", lambda text: f" {text}")
]


@pytest.mark.parametrize("role", [*ALMOST, "superadmin", "billing_admin", "admin_biller", "", "*", "biller,finance"])
def test_a_role_that_is_almost_one_gives_nothing(role: str) -> None:
    assert Principal("u1", frozenset({role})).permissions == frozenset()


def test_several_roles_add_up_to_no_more_than_their_parts() -> None:
    both = Principal("u1", frozenset({"front_desk", "finance", "ADMIN"}))
    assert both.permissions == ROLES["front_desk"] | ROLES["finance"]


MACHINE = {"sub": "m1", "client_id": "m1", "roles": None}


@pytest.mark.parametrize(
    ("claims", "is_refused"),
    [
        ({"roles": ["payer_agent"], "payer": "300001"}, True),
        # A payer's machine often has no role, only permissions.
        ({**MACHINE, "scope": "claims:read", "payer": "300001"}, True),
        ({**MACHINE, "scope": "claims:adjudicate", "providers": ["*"]}, True),
        ({**MACHINE, "scope": "appeals:answer"}, True),
        ({"roles": ["biller"], "payer": "300001"}, True),
        ({**MACHINE, "scope": "claims:read claims:submit"}, False),
        ({"roles": ["reviewer"]}, False),
        ({"roles": ["biller"]}, False),
    ],
    ids=str,
)
async def test_whoever_acts_for_a_payer_needs_a_bound_token(
    keys: DevelopmentKeys, claims: dict[str, Any], is_refused: bool
) -> None:
    verifier = Verifier(keys, issuer=DEVELOPMENT_ISSUER, audience=AUDIENCE, binds_payers=True)
    token = f"Bearer {_signed(keys, **claims)}"
    if is_refused:
        with pytest.raises(InvalidToken, match="bound to its certificate"):
            await verifier.principal(token)
    else:
        assert (await verifier.principal(token)).subject == claims.get("sub", "u1")


HEALTH = {"claims:read_health"}
MONEY_MOVERS = {"settlements:create", "settlements:reverse", "invoices:issue"}


@pytest.mark.parametrize(
    ("scopes", "roles"),
    [
        (HEALTH, {"reviewer", "payer_agent", "patient"}),
        ({"patients:read_cpf"}, {"reviewer", "front_desk", "payer_agent", "patient"}),
        ({"patients:read"}, {"biller", "reviewer", "front_desk", "payer_agent", "patient"}),
        ({"patients:read_masked"}, {"finance"}),
        ({"practitioners:read"}, {"biller", "reviewer", "finance", "front_desk", "payer_agent", "patient"}),
        ({"claims:read_items"}, {"biller", "reviewer", "payer_agent", "patient"}),
        ({"amounts:read"}, {"billing_reader", "biller", "reviewer", "finance", "payer_agent", "patient"}),
        ({"settlements:read"}, {"biller", "finance", "payer_agent"}),
        ({"settlements:read_bank"}, {"finance", "payer_agent"}),
        (MONEY_MOVERS, {"finance"}),
        ({"claims:adjudicate"}, {"reviewer", "payer_agent"}),
        ({"claims:create"}, {"biller"}),
        ({"eligibility:check"}, {"biller", "front_desk"}),
        ({"gateway:configure"}, {"admin"}),
    ],
    ids=lambda value: ",".join(sorted(value)) if isinstance(value, set) else "",
)
def test_a_permission_belongs_to_exactly_its_roles(scopes: set[str], roles: set[str]) -> None:
    assert {role for role, granted in ROLES.items() if granted >= scopes} == roles
    assert {role for role, granted in ROLES.items() if granted & scopes} == roles


def test_what_a_token_says_is_taken_as_it_is() -> None:
    found = principal_of({**CLAIMS, "payer": "200001", "patient": "pat_1", "roles": ["patient", "payer_agent"]})
    assert (found.payer, found.patient, found.has_any_provider) == ("200001", "pat_1", False)
    assert principal_of({**CLAIMS, "providers": ["*"]}).has_any_provider
