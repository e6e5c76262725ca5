"""The caller that a token's claims describe: the layouts of identity providers, and scopes with roles."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.auth import roles as table
from app.auth.keys import DEVELOPMENT_ISSUER, DevelopmentKeys
from app.auth.principal import InvalidToken, Principal, TokenClaimNames, principal_of
from app.auth.roles import PERMISSIONS, ROLES
from app.auth.tokens import Verifier
from tests.gateway import Gateway
from tests.identity.conftest import gateway_of
from tests.identity.stand_in import AUDIENCE, StandIn, new_key, stand_in

KEY = new_key("a")
ME = "{ me { subject roles permissions providerCnes payerAnsCode patientId } }"
KEYCLOAK = {
    "oidc_roles_claim": "realm_access.roles, resource_access.billing-gateway.roles",
    "oidc_providers_claim": "cnes",
    "oidc_payer_claim": "ans",
    "oidc_patient_claim": "billing.patient",
}
FLAT = {
    "oidc_roles_claim": "https://billing.example/roles",
    "oidc_providers_claim": "https://billing.example/providers",
    "oidc_payer_claim": "https://billing.example/payer",
    "oidc_scopes_claim": "permissions",
}


@pytest.fixture(scope="module")
def issuing() -> Iterator[StandIn]:
    with stand_in() as found:
        found.keys = [KEY]
        yield found


@pytest.fixture(scope="module")
async def keycloak(issuing: StandIn, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway_of(tmp_path_factory.mktemp("keycloak"), issuing.issuer, **KEYCLOAK) as found:
        yield found


@pytest.fixture(scope="module")
async def flat(issuing: StandIn, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway_of(tmp_path_factory.mktemp("flat"), issuing.issuer, **FLAT) as found:
        yield found


async def _me(gateway: Gateway, issuing: StandIn, **claims: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await gateway.gql(ME, token=issuing.token(KEY, **claims))).data["me"]
    return found


async def test_a_token_of_keycloak_is_read_where_keycloak_writes(keycloak: Gateway, issuing: StandIn) -> None:
    found = await _me(
        keycloak,
        issuing,
        typ="Bearer",
        azp="portal",
        scope="openid profile email",
        aud=["billing-gateway", "account"],
        roles=["admin"],
        realm_access={"roles": ["offline_access", "default-roles-billing", "front_desk"]},
        resource_access={"billing-gateway": {"roles": ["biller"]}, "account": {"roles": ["finance", "view-profile"]}},
        cnes=["2000001", "2000002"],
        ans="123456",
        billing={"patient": ["pat_1"]},
    )
    assert found == {
        "subject": "u1",
        "roles": ["biller", "front_desk"],
        "permissions": sorted(ROLES["biller"] | ROLES["front_desk"]),
        "providerCnes": ["2000001", "2000002"],
        "payerAnsCode": "123456",
        "patientId": "pat_1",
    }


async def test_a_token_of_keycloak_without_the_roles_may_nothing(keycloak: Gateway, issuing: StandIn) -> None:
    found = await _me(keycloak, issuing, roles=["admin"], realm_access={"roles": []}, scope="claims:read")
    assert (found["roles"], found["permissions"], found["providerCnes"]) == ([], [], [])


async def test_a_flat_token_with_names_like_addresses_is_read(flat: Gateway, issuing: StandIn) -> None:
    claims = {
        "https://billing.example/roles": ["payer_agent"],
        "https://billing.example/payer": ["123456"],
        "permissions": ["claims:read", "claims:review", "read:users"],
        "scope": "claims:adjudicate",
    }
    found = await _me(flat, issuing, roles=["finance"], payer="654321", **claims)
    assert found == {
        "subject": "u1",
        "roles": ["payer_agent"],
        "permissions": ["claims:read", "claims:review"],
        "providerCnes": [],
        "payerAnsCode": "123456",
        "patientId": None,
    }


BASE: dict[str, Any] = {"sub": "u1", "exp": 4_000_000_000}


def _of(names: TokenClaimNames | None = None, **claims: Any) -> Principal:
    return principal_of({**BASE, **claims}, names or TokenClaimNames())


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("a.b", {"a.b": ["biller"], "a": {"b": ["finance"]}}),
        ("a.b", {"a": {"b": ["biller"]}}),
        ("a.b.c", {"a": {"b": {"c": ["biller"]}}}),
        ("a.b.c", {"a.b": {"c": ["biller"]}}),
        ("a.b.c", {"a": {"b.c": ["biller"]}}),
        ("access.https://portal.example.roles", {"access": {"https://portal.example": {"roles": ["biller"]}}}),
        ("x,a.b,y", {"x": [], "a": {"b": ["biller"]}}),
    ],
)
def test_a_name_is_a_member_first_and_a_path_else(path: str, claims: dict[str, Any]) -> None:
    assert _of(TokenClaimNames(roles=path), **claims).roles == {"biller"}


@pytest.mark.parametrize(
    "claims", [{"a": 1}, {"a": ["b"]}, {"a": None}, {"a": {"c": ["biller"]}}, {"b": ["biller"]}, {}]
)
def test_a_path_that_leads_nowhere_finds_nothing(claims: dict[str, Any]) -> None:
    assert _of(TokenClaimNames(roles="a.b"), **claims).roles == frozenset()


def test_roles_and_providers_of_several_places_add_up() -> None:
    names = TokenClaimNames(roles="a.roles, roles", providers="own,lent")
    found = _of(names, a={"roles": ["biller"]}, roles=["finance"], own=["2000001"], lent=["2000002", "2000001"])
    assert found.roles == {"biller", "finance"}
    assert found.providers == {"2000001", "2000002"}


@pytest.mark.parametrize("claim", ["payer", "patient"])
@pytest.mark.parametrize(("value", "expected"), [("x", "x"), (["x"], "x"), (None, None)])
def test_a_payer_or_patient_is_one_text(claim: str, value: Any, expected: str | None) -> None:
    assert getattr(_of(**{claim: value}), claim) == expected


@pytest.mark.parametrize("claim", ["payer", "patient"])
@pytest.mark.parametrize("value", ["", [], [""], ["x", "y"], ["x", "x"], [["x"]], 7, True, {"x": 1}])
def test_a_payer_or_patient_that_is_not_one_text_refuses_the_token(claim: str, value: Any) -> None:
    with pytest.raises(InvalidToken, match=f"^the token's {claim} is not a single string$"):
        _of(**{claim: value})


READ = frozenset({"claims:read"})


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({"roles": ["biller"]}, ROLES["biller"]),
        ({"roles": ["biller"], "scope": ""}, ROLES["biller"]),
        ({"roles": ["biller"], "scope": "openid profile"}, ROLES["biller"]),
        ({"roles": ["biller"], "scope": "openid claims:read"}, READ),
        ({"roles": ["biller"], "scope": ["openid", "claims:read"]}, READ),
        ({"roles": ["biller"], "scope": "claims:read settlements:create"}, READ),
        ({"roles": ["biller"], "scope": "settlements:create"}, frozenset()),
        ({"roles": ["biller"], "scope": "CLAIMS:READ"}, frozenset()),
        ({"roles": ["admin"], "scope": "openid claims:raed"}, frozenset()),
        ({"roles": ["biller"], "scope": "api://gateway/.default urn:zitadel:iam:org"}, ROLES["biller"]),
        ({"roles": ["biller"], "scope": "claims:read", "client_id": "u1"}, READ),
        ({"roles": ["stranger"], "scope": "claims:read"}, frozenset()),
        ({"scope": "claims:read"}, frozenset()),
        ({"scope": "claims:read", "client_id": "portal", "azp": "portal"}, frozenset()),
        ({"scope": "claims:read", "client_id": ["u1"]}, frozenset()),
        ({"scope": "claims:read payroll", "client_id": "u1"}, READ),
        ({"scope": ["claims:read"], "azp": "u1"}, READ),
        ({"roles": ["stranger"], "scope": "claims:read", "azp": "u1"}, READ),
        ({"scope": "payroll", "azp": "u1"}, frozenset()),
        ({"azp": "u1"}, frozenset()),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else f"{len(value)}-scopes",
)
def test_scopes_narrow_roles_and_replace_them_only_in_a_clients_own_token(
    claims: dict[str, Any], scopes: frozenset[str]
) -> None:
    assert _of(**claims).permissions == scopes


def test_a_role_of_its_own_needs_its_payer_whatever_the_scopes_say() -> None:
    with pytest.raises(InvalidToken, match="needs a payer or a patient"):
        _of(roles=["payer_agent"], scope="claims:read")


def test_permissions_are_those_of_all_roles() -> None:
    assert set().union(*ROLES.values()) == PERMISSIONS


def test_scopes_that_were_narrowed_stay_so_in_a_copy() -> None:
    narrow = _of(roles=["biller"], scope="claims:read")
    assert replace(narrow, subject="u2").permissions == READ
    assert Principal("u1", frozenset({"biller"}), permissions=frozenset()).permissions == frozenset()


async def test_development_tokens_can_be_a_clients_own(tmp_path: Path) -> None:
    keys = DevelopmentKeys(tmp_path)
    verifier = Verifier(keys, issuer=DEVELOPMENT_ISSUER, audience=AUDIENCE)
    own = keys.sign(
        audience=AUDIENCE, role="none", roles=[], sub="robot", client_id="robot", scope="claims:read", providers=["*"]
    )
    found = await verifier.principal(f"Bearer {own}")
    assert (found.subject, found.roles, found.permissions, found.has_any_provider) == ("robot", frozenset(), READ, True)


async def test_a_role_counts_as_the_table_stands_when_the_token_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = DevelopmentKeys(tmp_path)
    verifier = Verifier(keys, issuer=DEVELOPMENT_ISSUER, audience=AUDIENCE)
    monkeypatch.setitem(table.ROLES, "auditor", READ)
    found = await verifier.principal("Bearer " + keys.sign(audience=AUDIENCE, role="auditor"))
    assert found.roles == {"auditor"}
    assert found.permissions == READ
