"""Tokens that are forged, of another kind, or out of time: 401 for each, by the API of a live gateway."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.auth.tokens import CLOCK_LEEWAY_SECONDS, LIFETIME_MAX_SECONDS
from tests.gateway import Gateway
from tests.identity.conftest import gateway_of
from tests.identity.stand_in import AUDIENCE, StandIn, new_key, new_rsa_key, stand_in
from tests.logs import SERVER, own_records

EC, RSA = new_key("ec"), new_rsa_key("rsa")
OTHER_EC = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
ME = "{ me { subject roles } }"
DAY = LIFETIME_MAX_SECONDS
Forge = Callable[[StandIn], str]


@pytest.fixture(scope="module")
def forged() -> Iterator[StandIn]:
    with stand_in() as found:
        found.keys = [EC, RSA]
        yield found


@pytest.fixture(scope="module")
async def live(forged: StandIn, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway_of(tmp_path_factory.mktemp("forged"), forged.issuer) as found:
        yield found


def _segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _claims(provider: StandIn, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": provider.issuer, "aud": AUDIENCE, "sub": "u1", "iat": now, "exp": now + 600, **changes}


def _signed(payload: bytes, **header: Any) -> str:
    """Any payload and header, with a good signature of the provider's own key."""
    body = f"{_segment({'alg': 'ES256', 'kid': 'ec', **header})}.{_segment(payload)}"
    return f"{body}.{_segment(jws.JWSRegistry.algorithms['ES256'].sign(body.encode(), EC))}"


def _headed(**header: Any) -> Forge:
    return lambda provider: _signed(json.dumps(_claims(provider)).encode(), **header)


def _with(**changes: Any) -> Forge:
    return lambda provider: provider.token(EC, **changes)


def _timed(**offsets: float) -> Forge:
    """Times that are so many seconds from now."""

    def forge(provider: StandIn) -> str:
        times: dict[str, Any] = {name: time.time() + offset for name, offset in offsets.items()}
        return provider.token(EC, **times)

    return forge


def _raw(member: str) -> Forge:
    """A member of the payload as JSON text, in place of the claim of its name."""
    name = member.partition('"')[2].partition('"')[0]

    def forge(provider: StandIn) -> str:
        claims = {key: value for key, value in _claims(provider).items() if key != name}
        return _signed(f"{json.dumps(claims)[:-1]}, {member}}}".encode())

    return forge


def _hmac(algorithm: str, secret: bytes) -> Forge:
    """A token whose MAC key is what everybody knows: the public key."""

    def forge(provider: StandIn) -> str:
        body = f"{_segment({'alg': algorithm, 'kid': 'rsa'})}.{_segment(_claims(provider))}"
        return f"{body}.{_segment(hmac.new(secret, body.encode(), hashlib.sha256).digest())}"

    return forge


def _own(key: ECKey | RSAKey, **header: Any) -> Forge:
    """Signed by a key that is not the provider's."""
    return lambda provider: provider.token(key, header=header)


def _bent(change: Callable[[str, str, str], str]) -> Forge:
    """A good token, changed after it was signed."""
    return lambda provider: change(*provider.token(EC).split("."))


JWK = OTHER_EC.as_dict(private=False)
ALGORITHMS: dict[str, Forge] = {
    **{
        f"no algorithm, written {name}": lambda provider, name=name: (  # type: ignore[misc]
            f"{_segment({'alg': name, 'kid': 'ec'})}.{_segment(_claims(provider))}."
        )
        for name in ("none", "None", "NONE", "nOnE")
    },
    "no algorithm, with a signature": lambda provider: (
        f"{_segment({'alg': 'none', 'kid': 'ec'})}.{_segment(_claims(provider))}.AAAA"
    ),
    "without alg": lambda provider: f"{_segment({'kid': 'ec'})}.{_segment(_claims(provider))}.AAAA",
    "an alg that is a list": lambda provider: f"{_segment({'alg': ['ES256']})}.{_segment(_claims(provider))}.AAAA",
    "HS256 with the public key as PEM": _hmac("HS256", RSA.as_pem(private=False)),
    "HS256 with the public key as JSON": _hmac("HS256", json.dumps(RSA.as_dict(private=False)).encode()),
    "HS256 with an empty secret": _hmac("HS256", b""),
    "RS256 in name, HS256 in deed": _hmac("RS256", RSA.as_pem(private=False)),
    "RS512, which is not accepted": _own(RSA, alg="RS512"),
    "ES256 under the name of the RSA key": _own(EC, kid="rsa"),
}
KEYS: dict[str, Forge] = {
    "another EC key of the same name": _own(OTHER_EC),
    "another RSA key of the same name": _own(OTHER_RSA),
    "an unknown key id": _own(OTHER_EC, kid="stranger"),
    "a name that is a path": _own(OTHER_EC, kid="../../../../dev/null"),
    "a name that is an address": _own(OTHER_EC, kid="https://id.example/keys"),
    "a name that is a query": _own(OTHER_EC, kid="' OR 1=1 --"),
    "a name that is empty": _own(OTHER_EC, kid=""),
    "a name that is a number": _headed(kid=7),
    "no name where there is a choice": _own(OTHER_EC, kid=None),
    "a key of its own in the header": _own(OTHER_EC, jwk=JWK),
    "a key of its own and no name": _own(OTHER_EC, jwk=JWK, kid=None),
    "a jku": _own(OTHER_EC, jku="https://id.example/keys"),
    "an x5u": _own(OTHER_EC, x5u="https://id.example/keys"),
    "an x5c": _own(OTHER_EC, x5c=["MIIB"]),
}
KINDS: dict[str, Forge] = {
    "a typ of no access token": _headed(typ="id+jwt"),
    "a DPoP proof": _headed(typ="dpop+jwt"),
    "a logout token": _headed(typ="logout+jwt"),
    "a typ that is a number": _headed(typ=7),
    "a payload that is an ID token": _with(typ="ID"),
    "a payload that is a refresh token": _with(typ="Refresh"),
    "a payload that is bound to a key": _with(typ="DPoP"),
    "a payload whose typ is nothing": _raw('"typ": null'),
    "an unknown crit": _headed(crit=["exp"], exp=1),
    "a crit for b64": _headed(crit=["b64"], b64=True),
    "an empty crit": _headed(crit=[]),
    "a b64 alone": _headed(b64=False),
}
CLAIMS: dict[str, Forge] = {
    "of another issuer": _with(iss="https://id.example"),
    "of an issuer that ends with a stroke more": lambda provider: provider.token(EC, iss=provider.issuer + "/"),
    "of several issuers": lambda provider: provider.token(EC, iss=[provider.issuer]),
    "without an issuer": _with(iss=None),
    "for another audience": _with(aud="other"),
    "for several others": _with(aud=["other", "billing-gateway-2"]),
    "for an audience that is an object": _with(aud={AUDIENCE: True}),
    "without an audience": _with(aud=None),
    "without a subject": _with(sub=None),
    "an empty subject": _with(sub=""),
    "a subject that is too long": _with(sub="a" * 121),
    "a subject that is a number": _with(sub=7),
    "roles that are one text": _with(roles="biller"),
    "roles that are an object": _with(roles={"biller": True}),
    "roles that are lists": _with(roles=[["biller"]]),
    "providers that are one text": _with(providers="*"),
    "scopes that are a number": _with(scope=1),
    "scopes that are an object": _with(scope={"claims:read": True}),
    "two payers": _with(payer=["123456", "654321"]),
    "a payer that is empty": _with(payer=""),
    "a patient that is a number": _with(patient=7),
    "a patient's role without a patient": _with(roles=["patient"]),
}
TIMES: dict[str, Forge] = {
    "without an end": _with(exp=None),
    "ended": _timed(exp=-CLOCK_LEEWAY_SECONDS - 2),
    "an end in 10^30 seconds": _with(exp=10**30),
    "an end of five thousand digits": _raw(f'"exp": {"9" * 4000}'),
    "an end beyond all numbers": _raw('"exp": 1e999'),
    "an exp that is not a number": _raw('"exp": NaN'),
    "an end without end": _raw('"exp": Infinity'),
    "an end that is text": _with(exp="4000000000"),
    "an end that is true": _with(exp=True),
    "an end that is null": _raw('"exp": null'),
    "an end that is a list": _with(exp=[4000000000]),
    "an end before 1970": _with(exp=-1),
    "more than a day from now": _timed(exp=DAY + CLOCK_LEEWAY_SECONDS + 60, iat=0),
    "more than a day from now, without a beginning": lambda provider: provider.token(
        EC, iat=None, exp=time.time() + DAY + CLOCK_LEEWAY_SECONDS + 60
    ),
    "more than a day in all": _timed(iat=-60, exp=DAY - 30),
    "not begun": _timed(nbf=CLOCK_LEEWAY_SECONDS + 30),
    "a beginning before 1970": _with(nbf=-1),
    "a beginning that is true": _with(nbf=True),
    "a beginning that is text": _with(nbf="0"),
    "a beginning in 10^30 seconds": _with(nbf=10**30),
    "an nbf that is not a number": _raw('"nbf": NaN'),
    "made in the future": _timed(iat=CLOCK_LEEWAY_SECONDS + 30),
    "made in 1970": _with(iat=0),
    "made before 1970": _with(iat=-1),
    "made at true": _with(iat=True),
    "made at a text": _with(iat="0"),
    "made at null": _raw('"iat": null'),
    "made at minus infinity": _raw('"iat": -Infinity'),
}
SHAPES: dict[str, Forge] = {
    "a changed payload": lambda provider: _bent(lambda h, _p, s: f"{h}.{_segment(_claims(provider, sub='u2'))}.{s}")(
        provider
    ),
    "a changed header": _bent(lambda _h, p, s: f"{_segment({'alg': 'ES256', 'kid': 'ec', 'typ': 'at+jwt'})}.{p}.{s}"),
    "a signature cut short": _bent(lambda h, p, s: f"{h}.{p}.{s[:-4]}"),
    "half a signature": _bent(lambda h, p, s: f"{h}.{p}.{s[:43]}"),
    "a signature of zeros": _bent(lambda h, p, _s: f"{h}.{p}.{'A' * 86}"),
    "a signature twice": _bent(lambda h, p, s: f"{h}.{p}.{s}{s}"),
    "no signature": _bent(lambda h, p, _s: f"{h}.{p}."),
    "no payload": _bent(lambda h, _p, s: f"{h}..{s}"),
    "no header": _bent(lambda _h, p, s: f".{p}.{s}"),
    "two parts": _bent(lambda h, p, _s: f"{h}.{p}"),
    "four parts": _bent(lambda h, p, s: f"{h}.{p}.{s}.{s}"),
    "five parts, as an encrypted one": _bent(lambda h, p, s: f"{h}.{p}.{s}.{p}.{s}"),
    "the payload twice": _bent(lambda h, p, s: f"{h}.{p}.{p}.{s}"),
    "only dots": lambda _: "..",
    "no token at all": lambda _: "zq",
    "a header that is not base64": _bent(lambda _h, p, s: f"!!!.{p}.{s}"),
    "a payload with padding": _bent(lambda h, p, s: f"{h}.{p}==.{s}"),
    "a signature with letters that count for nothing": _bent(lambda h, p, s: f"{h}.{p}.{s}!"),
    "a signature in the other alphabet": _bent(lambda h, p, s: f"{h}.{p}.{s[:-1]}+"),
    "a header that is a list": _bent(lambda _h, p, s: f"{_segment(['ES256'])}.{p}.{s}"),
    "a header that is a text": _bent(lambda _h, p, s: f"{_segment('alg kid')}.{p}.{s}"),
    "a header that is deep": _bent(lambda _h, p, s: f"{_segment(b'[' * 3000)}.{p}.{s}"),
    "a header that is not JSON": _bent(lambda _h, p, s: f"{_segment(b'{')}.{p}.{s}"),
    "a payload that is a list": lambda _: _signed(b"[1]"),
    "a payload that is a number": lambda _: _signed(b"1"),
    "a payload that is deep": lambda _: _signed(b"[" * 5000),
    "a payload that is deep inside": _raw(f'"x": {"[" * 2500}{"]" * 2500}'),
    "a payload that is not UTF-8": lambda _: _signed(b'{"sub": "\xff"}'),
    "a payload that is empty": lambda _: _signed(b"{}"),
    "nine kilobytes": _with(x="a" * 6800),
}
FORGERIES = ALGORITHMS | KEYS | KINDS | CLAIMS | TIMES | SHAPES


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_is_not_good_is_refused_in_one_way(
    forged: StandIn, live: Gateway, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    token = FORGERIES[name](forged)
    answer = await live.gql(ME, token=token)
    assert (answer.status, answer.codes, answer.headers["www-authenticate"]) == (401, ["UNAUTHENTICATED"], "Bearer")
    assert "data" not in answer.body
    assert token not in json.dumps(answer.body)
    assert own_records(caplog, logging.ERROR, SERVER) == []


GOOD: dict[str, Forge] = {
    "as it is": _with(),
    "typ at+jwt": _headed(typ="at+jwt"),
    "typ in other letters": _headed(typ="Application/AT+JWT"),
    "typ JWT": _headed(typ="JWT"),
    "no typ": _headed(),
    "a payload of Keycloak's type": _with(typ="Bearer"),
    "an unknown member of the header": _headed(typ="at+jwt", nonce="x"),
    "one audience of several": _with(aud=["other", AUDIENCE]),
    "no time of making": _with(iat=None),
    "times with a fraction": _timed(iat=-0.5, nbf=-0.5, exp=60.5),
    "ended within the leeway": _timed(exp=-CLOCK_LEEWAY_SECONDS + 10, iat=-600),
    "made a little in the future": _timed(iat=CLOCK_LEEWAY_SECONDS - 10),
    "a whole day": _with(iat=int(time.time()) - 10, exp=int(time.time()) - 10 + DAY),
    "RS256": lambda provider: provider.token(RSA),
    "PS256": lambda provider: provider.token(RSA, header={"alg": "PS256"}),
    "a long subject": _with(sub="a" * 120),
    "nearly eight kilobytes": _with(x="a" * 5700),
}


@pytest.mark.parametrize("name", GOOD)
async def test_a_good_token_of_an_unusual_kind_is_taken(forged: StandIn, live: Gateway, name: str) -> None:
    answer = await live.gql(ME, token=GOOD[name](forged))
    assert answer.data["me"]["subject"] in ("u1", "a" * 120)


@pytest.mark.parametrize("header", ["", "Bearer", "Basic dTpw", "DPoP {}", "Bearer{}", "{}", "Bearer {} {}"])
async def test_only_one_bearer_token_in_the_header_is_a_token(forged: StandIn, live: Gateway, header: str) -> None:
    given = header.replace("{}", forged.token(EC))
    answer = await live.gql(ME, authorization=given)
    assert (answer.status, answer.codes, answer.headers["www-authenticate"]) == (401, ["UNAUTHENTICATED"], "Bearer")


@pytest.mark.parametrize("token", ["é.é.é", "a.b.c\u2028", "\x00", "a" * 100_000], ids=ascii)
async def test_a_token_that_no_header_could_carry_closes_a_socket(live: Gateway, token: str) -> None:
    address = live.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403


async def test_no_address_of_a_token_was_ever_asked(forged: StandIn, live: Gateway) -> None:
    await live.gql(ME, token=forged.token(OTHER_EC, header={"jku": forged.url("/jku"), "x5u": forged.url("/x5u")}))
    assert [path for path in forged.asked if path in ("/jku", "/x5u")] == []
