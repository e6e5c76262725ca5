"""Keys of an identity provider: fetched once, rotated, and kept when the provider is away."""

import asyncio
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from app.auth.keys import RemoteKeys
from app.auth.principal import InvalidToken
from app.auth.tokens import Verifier

ISSUER, AUDIENCE = "https://id.example", "billing-gateway"
Key = ECKey | RSAKey


class Provider:
    """A key set over HTTP on a loopback port, with a count of how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.asked = 0
        self.is_broken = False
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                body = json.dumps({"keys": [key.as_dict(private=False) for key in provider.keys]}).encode()
                self.send_response(500 if provider.is_broken else 200)
                self.end_headers()
                self.wfile.write(b"oops" if provider.is_broken else body)

            def log_message(self, *_arguments: Any) -> None:
                """Tests need no access log."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/jwks"


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()
    yield found
    found.server.shutdown()
    found.server.server_close()


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _token(key: Key, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": now + 600, "roles": ["biller"], **changes}
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    return "Bearer " + jwt.encode({"alg": algorithm, "kid": key.kid}, claims, key)


def _verifier(provider: Provider, clock: Clock) -> Verifier:
    keys = RemoteKeys(ISSUER, jwks_url=provider.url, clock=clock)
    return Verifier(keys, issuer=ISSUER, audience=AUDIENCE)


async def _asked(provider: Provider, times: int) -> None:
    """Wait until the provider was asked so often: an old set is fetched anew beside the requests."""
    async with asyncio.timeout(5):
        while provider.asked < times:  # noqa: ASYNC110 - the provider's thread gives no signal
            await asyncio.sleep(0.01)


def _key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"}, private=True)


async def test_keys_are_fetched_once_for_many_tokens(provider: Provider) -> None:
    key = _key("a")
    provider.keys = [key]
    verifier = _verifier(provider, Clock())
    subjects = [(await verifier.principal(_token(key, sub=f"u{number}"))).subject for number in range(5)]
    assert subjects == ["u0", "u1", "u2", "u3", "u4"]
    assert provider.asked == 1


async def test_rsa_keys_are_accepted_too(provider: Provider) -> None:
    key = RSAKey.generate_key(2048, {"kid": "r", "use": "sig"}, private=True)
    provider.keys = [key]
    assert (await _verifier(provider, Clock()).principal(_token(key))).roles == {"biller"}


async def test_a_new_key_is_found_after_the_cooldown_without_a_restart(provider: Provider) -> None:
    old, new, clock = _key("old"), _key("new"), Clock()
    provider.keys = [old]
    verifier = _verifier(provider, clock)
    await verifier.principal(_token(old))
    provider.keys = [new]
    with pytest.raises(InvalidToken):
        await verifier.principal(_token(new))
    assert provider.asked == 1
    clock.now += 31
    assert (await verifier.principal(_token(new))).subject == "u1"
    assert provider.asked == 2


async def test_unknown_keys_do_not_make_us_ask_again_and_again(provider: Provider) -> None:
    provider.keys = [_key("a")]
    clock, stranger = Clock(), _key("stranger")
    verifier = _verifier(provider, clock)
    for _ in range(5):
        with pytest.raises(InvalidToken):
            await verifier.principal(_token(stranger))
    assert provider.asked == 1


async def test_the_old_keys_stay_in_force_while_the_provider_is_away(provider: Provider) -> None:
    key, clock = _key("a"), Clock()
    provider.keys = [key]
    verifier = _verifier(provider, clock)
    await verifier.principal(_token(key))
    provider.is_broken = True
    clock.now += 3_600
    assert (await verifier.principal(_token(key, sub="later"))).subject == "later"
    await _asked(provider, 2)


async def test_a_provider_that_never_answered_opens_nothing(provider: Provider) -> None:
    provider.is_broken = True
    with pytest.raises(InvalidToken):
        await _verifier(provider, Clock()).principal(_token(_key("a")))
