"""`billing whoami`: who the gateway takes a bearer for, and one line with an exit code for each way to fail."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.auth.roles import ROLES
from tests.commands import billing
from tests.identity.real import Client, real_provider
from tests.identity.stand_in import DISCOVERY, StandIn, new_key, new_rsa_key, stand_in

KEY, RSA = new_key("a"), new_rsa_key("r")
BILLER = Client("robot", {"roles": ["biller"], "providers": ["2000001"]}, ["claims:read"])
NOBODY = Client("nobody")


@dataclass(frozen=True)
class Done:
    """How a call ended; `prints` and `fails_with` are the lines of its two outputs."""

    code: int
    prints: list[str]
    fails_with: list[str]


def _call(
    *arguments: str, typed: str = "", issuer: str | None = None, client: Client | None = None, **more: str
) -> dict[str, Any]:
    environment = {f"BILLING_{name.upper()}": value for name, value in more.items()}
    if issuer is not None:
        environment["BILLING_OIDC_ISSUER"] = issuer
    if client is not None:
        environment |= {"BILLING_CLIENT_ID": client.id, "BILLING_CLIENT_SECRET": client.secret}
    return {"arguments": arguments, "environment": environment, "typed": typed}


def _run(var_dir: Path, calls: dict[str, dict[str, Any]]) -> dict[str, Done]:
    found = {}
    for name, call in calls.items():
        environment = {"BILLING_VAR_DIR": str(var_dir), **call["environment"]}
        done = billing("whoami", *call["arguments"], typed=call["typed"], **environment)
        found[name] = Done(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())
    return found


@pytest.fixture(scope="module")
def providers() -> Iterator[dict[str, StandIn]]:
    """Stand-ins by what is wrong with them."""
    with stand_in() as good, stand_in() as other, stand_in() as keyless, stand_in() as odd, stand_in() as unsafe:
        for each in (good, other, odd, unsafe):
            each.keys = [KEY, RSA]
        other.document = {"issuer": "https://id.example"}
        unsafe.document = {"token_endpoint": "http://id.example/token"}
        good.instead["/token"] = lambda asked: asked.answer(b"<html>", 502)
        odd.instead["/token"] = lambda asked: asked.answer(b'{"access_token": "opaque", "token_type": "DPoP"}')
        yield {"good": good, "other": other, "keyless": keyless, "odd": odd, "unsafe": unsafe}


@pytest.fixture(scope="module")
def done(providers: dict[str, StandIn], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """Every call of this module, by name."""
    files = tmp_path_factory.mktemp("whoami")
    good = providers["good"]
    (files / "token").write_text("Bearer " + good.token(KEY, providers=["2000001"], scope="claims:read") + "\n")
    (files / "binary").write_bytes(b"\xff\xfe")
    stranger = new_key("stranger")
    with real_provider(BILLER, NOBODY) as real:
        calls = {
            "client": _call(issuer=real.issuer, client=BILLER),
            "narrowed": _call("--scope", "claims:read", issuer=real.issuer, client=BILLER),
            "nobody": _call(issuer=real.issuer, client=NOBODY),
            "wrong secret": _call(issuer=real.issuer, client=Client("robot", secret="wrong")),
            "file": _call("--token-file", str(files / "token"), issuer=good.issuer),
            "typed": _call("--token-file", "-", typed=good.token(RSA), issuer=good.issuer),
            "override": _call(
                "--token-file", "-", typed=good.token(RSA), issuer=good.issuer, jwks_url=good.url("/keys")
            ),
            "no credentials": _call(issuer=good.issuer),
            "forged": _call("--token-file", "-", typed=good.token(stranger), issuer=good.issuer),
            "opaque": _call("--token-file", "-", typed="opaque", issuer=good.issuer),
            "other audience": _call("--token-file", "-", typed=good.token(KEY, aud="x"), issuer=good.issuer),
            "no file": _call("--token-file", str(files / "none"), issuer=good.issuer),
            "binary": _call("--token-file", str(files / "binary"), issuer=good.issuer),
            "no issuer": _call(),
            "wrong issuer": _call(issuer=providers["other"].issuer),
            "down": _call(issuer="http://127.0.0.1:1"),
            "no keys": _call(issuer=providers["keyless"].issuer),
            "token endpoint broken": _call(issuer=good.issuer, client=BILLER),
            "token endpoint unsafe": _call(issuer=providers["unsafe"].issuer, client=BILLER),
            "no bearer token": _call(issuer=providers["odd"].issuer, client=BILLER),
        }
        return {**_run(files, calls), "addresses": Done(0, [real.issuer, good.issuer], [])}


def test_a_client_sees_provider_keys_and_what_it_may_do(done: dict[str, Done]) -> None:
    issuer = done["addresses"].prints[0]
    assert done["client"] == Done(
        0,
        [
            f"issuer: {issuer}",
            f"keys at: {issuer}/jwks",
            "key: ES256-1, ES256",
            "token: obtained by the client robot for itself",
            "subject: robot",
            "roles: biller",
            f"permissions: {', '.join(sorted(ROLES['biller']))}",
            "providers: 2000001",
            "payer: -",
            "patient: -",
        ],
        [],
    )


def test_a_client_may_ask_for_less(done: dict[str, Done]) -> None:
    assert (done["narrowed"].code, "permissions: claims:read" in done["narrowed"].prints) == (0, True)


def test_a_token_that_may_nothing_is_noted(done: dict[str, Done]) -> None:
    assert done["nobody"].prints[-1].startswith("note: this caller has no permissions")
    assert (done["nobody"].code, done["nobody"].fails_with) == (0, [])


@pytest.mark.parametrize(
    ("call", "permissions"),
    [("file", "claims:read"), ("typed", ", ".join(sorted(ROLES["biller"])))],
)
def test_a_token_is_read_from_a_file_or_from_standard_input(done: dict[str, Done], call: str, permissions: str) -> None:
    issuer = done["addresses"].prints[1]
    assert done[call].code == 0
    assert done[call].prints[:7] == [
        f"issuer: {issuer}",
        f"keys at: {issuer.replace('/realms/billing', '/keys')}",
        "key: a, ES256",
        "key: r, RS256 or PS256",
        "subject: u1",
        "roles: biller",
        f"permissions: {permissions}",
    ]


def test_a_given_address_of_the_keys_needs_no_discovery(done: dict[str, Done]) -> None:
    assert done["override"] == done["typed"]


def test_without_credentials_and_token_the_provider_alone_is_told(done: dict[str, Done]) -> None:
    last = "no token: set BILLING_CLIENT_ID and BILLING_CLIENT_SECRET, or use --token-file"
    assert (done["no credentials"].code, done["no credentials"].prints[-1]) == (0, last)


UNUSABLE = "billing: the identity provider gave no usable answer: "
REFUSED = "billing: the gateway refuses the token: "


@pytest.mark.parametrize(
    ("call", "code", "line"),
    [
        (
            "wrong secret",
            1,
            "billing: the identity provider refused the client a token: invalid_client: client authentication failed",
        ),
        ("no bearer token", 1, "billing: the identity provider gave the client no bearer token"),
        ("forged", 1, REFUSED + "no known key fits the token"),
        ("opaque", 1, REFUSED + "the token is not a signed JWT"),
        ("other audience", 1, REFUSED + "the token has a different audience"),
        (
            "wrong issuer",
            2,
            "billing: BILLING_OIDC_ISSUER is not the provider's own: the discovery document has a different issuer",
        ),
        ("no issuer", 2, "billing: BILLING_OIDC_ISSUER is not set: there is no identity provider to ask"),
        ("down", 3, UNUSABLE + "ConnectError"),
        ("no keys", 3, UNUSABLE + "the key set has no usable key"),
        ("token endpoint broken", 3, "billing: the token endpoint gave no usable answer: HTTPStatusError"),
        ("token endpoint unsafe", 3, "billing: the discovery document has no safe token_endpoint"),
    ],
)
def test_each_failure_is_one_line_with_a_code(done: dict[str, Done], call: str, code: int, line: str) -> None:
    assert (done[call].code, done[call].fails_with) == (code, [line])


@pytest.mark.parametrize(("call", "reason"), [("no file", "No such file or directory"), ("binary", "it is not text")])
def test_a_file_that_cannot_be_read_is_one_line(done: dict[str, Done], call: str, reason: str) -> None:
    assert (done[call].code, len(done[call].fails_with)) == (1, 1)
    assert done[call].fails_with[0].endswith(f": {reason}")


def test_no_output_holds_a_secret_or_a_token(done: dict[str, Done], providers: dict[str, StandIn]) -> None:
    said = json.dumps([[each.prints, each.fails_with] for each in done.values()])
    assert [word for word in (BILLER.secret, NOBODY.secret, "eyJ") if word in said] == []
    assert providers["good"].times(DISCOVERY) > 0
