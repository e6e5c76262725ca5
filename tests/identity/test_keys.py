"""Keys of an identity provider: found by discovery, cached, rotated, and never waited for when they are known."""

import asyncio
import base64
import contextlib
import ssl
import threading
import time
import warnings
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import OctKey

from app.auth import discovery
from app.auth.keys import RemoteKeys
from app.auth.principal import InvalidToken, Principal
from app.auth.tokens import Verifier
from tests.identity.stand_in import AUDIENCE, DISCOVERY, Asked, Behaviour, Clock, Key, StandIn, new_key, new_rsa_key

RSA = new_rsa_key("r")
TLS = ssl.create_default_context()


class Trust:
    """A verifier of a stand-in's tokens, with its clock and the reported states of the provider."""

    def __init__(self, provider: StandIn, **changes: Any) -> None:
        self.provider = provider
        self.clock = Clock()
        self.reported: list[str | None] = []
        self.keys = RemoteKeys(provider.issuer, tls=TLS, clock=self.clock, on_answer=self.reported.append, **changes)
        self.verifier = Verifier(self.keys, issuer=provider.issuer, audience=AUDIENCE)

    async def principal(self, key: Key, **changes: Any) -> Principal:
        """The bearer of a token signed with this key."""
        return await self.verifier.principal("Bearer " + self.provider.token(key, **changes))

    async def refuses(self, key: Key, **changes: Any) -> str:
        """Why such a token is refused."""
        with pytest.raises(InvalidToken) as refused:
            await self.principal(key, **changes)
        return str(refused.value)

    async def settled(self) -> None:
        """Wait for the fetch in the background."""
        async with asyncio.timeout(5):
            while self.keys._fetching is not None and not self.keys._fetching.done():  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_keys_are_found_and_fetched_once_for_many_tokens(provider: StandIn) -> None:
    key = new_key("a")
    provider.keys = [key]
    trust = Trust(provider)
    subjects = [(await trust.principal(key, sub=f"u{number}")).subject for number in range(5)]
    assert subjects == ["u0", "u1", "u2", "u3", "u4"]
    assert provider.asked == [DISCOVERY, "/keys"]
    assert trust.reported == []


async def test_a_hundred_first_tokens_at_once_are_one_fetch(provider: StandIn) -> None:
    key = new_key("a")
    provider.keys = [key]
    trust = Trust(provider)
    found = await asyncio.gather(*(trust.principal(key, sub=f"u{number}") for number in range(100)))
    assert (len(found), provider.asked) == (100, [DISCOVERY, "/keys"])


async def test_a_given_address_of_the_keys_needs_no_discovery(provider: StandIn) -> None:
    provider.keys = [RSA]
    trust = Trust(provider, jwks_url=provider.url("/keys"))
    assert (await trust.principal(RSA)).roles == {"biller"}
    assert provider.asked == ["/keys"]


@pytest.mark.parametrize("algorithm", ["RS256", "PS256"])
async def test_one_rsa_key_serves_both_rsa_algorithms(provider: StandIn, algorithm: str) -> None:
    provider.keys = [new_key("a"), RSA]
    assert (await Trust(provider).principal(RSA, header={"alg": algorithm})).subject == "u1"


async def test_keys_of_one_name_are_told_apart_by_their_type(provider: StandIn) -> None:
    elliptic = new_key("r")
    provider.keys = [elliptic, RSA]
    trust = Trust(provider)
    assert [(await trust.principal(key)).subject for key in (RSA, elliptic)] == ["u1", "u1"]


async def test_a_token_that_names_no_key_is_taken_only_where_there_is_no_choice(provider: StandIn) -> None:
    first, second = new_key("a"), new_key("b")
    provider.keys = [first, RSA]
    assert (await Trust(provider).principal(first, header={"kid": None})).subject == "u1"
    provider.keys = [first, second]
    assert await Trust(provider).refuses(first, header={"kid": None}) == "no known key fits the token"


async def test_keys_that_cannot_be_used_do_not_spoil_the_others(provider: StandIn) -> None:
    key, secret = new_key("a"), OctKey.generate_key(256, {"kid": "o"})
    small = {"kty": "RSA", "kid": "small", "n": "wYy6", "e": "AQAB"}
    other_use = {**new_key("e").as_dict(private=False), "use": "enc"}
    broken = {"kty": "EC", "crv": "P-256", "kid": "x", "x": "AA", "y": "AA"}
    provider.listed = [secret.as_dict(), small, other_use, broken, 7, {}, {"kty": "AKP", "kid": "pq"}]
    provider.keys = [key]
    trust = Trust(provider)
    assert (await trust.principal(key)).subject == "u1"
    assert [known.kid for known in await trust.keys.current()] == ["a"]


async def test_a_short_rsa_key_is_no_key(provider: StandIn) -> None:
    numbers = rsa.generate_private_key(65_537, 1024).public_key().public_numbers()  # noqa: S505 - short on purpose
    modulus = base64.urlsafe_b64encode(numbers.n.to_bytes(128)).decode().rstrip("=")
    provider.listed = [{"kty": "RSA", "kid": "short", "n": modulus, "e": "AQAB"}]
    provider.keys = [RSA]
    with warnings.catch_warnings(action="ignore"):
        assert [known.kid for known in await Trust(provider).keys.current()] == ["r"]


async def test_a_new_key_is_found_after_the_cooldown_without_a_restart(provider: StandIn) -> None:
    old, new = new_key("old"), new_key("new")
    provider.keys = [old]
    trust = Trust(provider)
    await trust.principal(old)
    provider.keys = [new]
    trust.clock.now += RemoteKeys.COOLDOWN_SECONDS - 1
    assert await trust.refuses(new) == "no known key fits the token"
    assert provider.times("/keys") == 1
    trust.clock.now += 1
    assert (await trust.principal(new)).subject == "u1"
    assert provider.times("/keys") == 2


async def test_a_flood_of_unknown_keys_is_one_fetch_in_a_cooldown(provider: StandIn) -> None:
    provider.keys = [new_key("a")]
    trust = Trust(provider)
    await trust.keys.current()
    trust.clock.now += RemoteKeys.COOLDOWN_SECONDS
    strangers = [new_key(f"stranger-{number}") for number in range(50)]
    reasons = await asyncio.gather(*(trust.refuses(key) for key in strangers))
    assert (set(reasons), provider.times("/keys")) == ({"no known key fits the token"}, 2)
    for _ in range(5):
        await trust.refuses(strangers[0])
    assert provider.times("/keys") == 2


async def test_a_bad_signature_with_a_known_key_id_causes_no_fetch(provider: StandIn) -> None:
    provider.keys = [new_key("a")]
    trust = Trust(provider)
    await trust.keys.current()
    trust.clock.now += RemoteKeys.COOLDOWN_SECONDS
    assert await trust.refuses(new_key("a")) == "the token's signature or form is invalid"
    assert provider.times("/keys") == 1


async def test_known_keys_wait_for_no_fetch_neither_of_a_stranger_nor_of_an_old_set(provider: StandIn) -> None:
    key = new_key("a")
    provider.keys = [key]
    trust = Trust(provider)
    await trust.principal(key)
    released = threading.Event()
    provider.instead["/keys"] = _held(released)
    trust.clock.now += RemoteKeys.LIFETIME_SECONDS
    stranger = asyncio.create_task(trust.refuses(new_key("stranger")))
    async with asyncio.timeout(10):
        while provider.times("/keys") < 2:  # noqa: ASYNC110 - the stand-in gives no signal
            await asyncio.sleep(0.005)
    try:
        assert (await trust.principal(key, sub="u2")).subject == "u2"
        assert not stranger.done()
    finally:
        released.set()
    assert await stranger == "no known key fits the token"


async def test_an_old_set_is_fetched_again_in_the_background(provider: StandIn) -> None:
    old, new = new_key("old"), new_key("new")
    provider.keys = [old]
    trust = Trust(provider)
    token = "Bearer " + provider.token(old)
    await trust.verifier.principal(token)
    provider.keys = [new]
    trust.clock.now += RemoteKeys.LIFETIME_SECONDS - 1
    assert (await trust.verifier.principal(token)).subject == "u1"
    trust.clock.now += 1
    assert (await trust.verifier.principal(token)).subject == "u1"
    await trust.settled()
    # The key is gone from the set: what was remembered of its tokens is forgotten too.
    with pytest.raises(InvalidToken):
        await trust.verifier.principal(token)
    assert (await trust.principal(new)).subject == "u1"
    assert provider.times("/keys") == 2


async def test_a_set_that_did_not_change_stays_the_same_object(provider: StandIn) -> None:
    provider.keys = [new_key("a")]
    trust = Trust(provider)
    before = await trust.keys.current()
    trust.clock.now += RemoteKeys.COOLDOWN_SECONDS
    assert await trust.keys.refreshed() is before
    assert provider.times("/keys") == 2


async def test_old_keys_stay_and_the_log_is_told_once_when_the_provider_goes_and_comes(provider: StandIn) -> None:
    key = new_key("a")
    provider.keys = [key]
    trust = Trust(provider)
    await trust.principal(key)
    provider.go_down()
    for number in range(3):
        trust.clock.now += RemoteKeys.LIFETIME_SECONDS
        assert (await trust.principal(key, sub=f"later-{number}")).subject == f"later-{number}"
        await trust.settled()
    assert (trust.reported, provider.times(DISCOVERY)) == (["status 500"], 4)
    provider.back()
    for _ in range(2):
        trust.clock.now += RemoteKeys.LIFETIME_SECONDS
        await trust.principal(key)
        await trust.settled()
    assert trust.reported == ["status 500", None]


async def test_a_provider_that_never_answered_opens_nothing_and_is_asked_once_in_a_cooldown(provider: StandIn) -> None:
    provider.go_down()
    trust = Trust(provider)
    for _ in range(3):
        assert await trust.refuses(new_key("a")) == "no known key fits the token"
    assert provider.asked == [DISCOVERY]


def _held(released: threading.Event) -> Behaviour:
    """No answer before that: whoever waits for it fails by the limit of a fetch."""

    def behave(asked: Asked) -> None:
        released.wait(10)
        asked.answer(b"{}")

    return behave


def _says(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    return lambda asked: asked.answer(body, status, **headers)


def _drips(asked: Asked) -> None:
    """One byte at a time, each well within a limit on silence."""
    asked.answer(b"")
    with contextlib.suppress(OSError):
        for _ in range(20):
            time.sleep(0.05)
            asked.more(b" ")


LONG = b'{"keys": []' + b" " * discovery.BODY_MAX_BYTES + b"}"
MISBEHAVIOURS: dict[str, tuple[str, Behaviour, str]] = {
    "discovery elsewhere": (DISCOVERY, _says(b"", 302, location="/keys"), "status 302"),
    "keys elsewhere": ("/keys", _says(b"", 301, location="/other"), "status 301"),
    "no keys": ("/keys", _says(b'{"keys": []}'), "the key set has no usable key"),
    "keys that are not a list": ("/keys", _says(b'{"keys": {}}'), "the key set has no usable key"),
    "a page": ("/keys", _says(b"<html>"), "the answer is not JSON"),
    "a list": ("/keys", _says(b"[]"), "the answer is not a JSON object"),
    "a deep answer": ("/keys", _says(b"[" * 100_000), "the answer is not JSON"),
    "an endless answer": ("/keys", _says(LONG), f"the answer is longer than {discovery.BODY_MAX_BYTES} bytes"),
    "drips": (DISCOVERY, _drips, "no answer within 0 seconds"),
}


@pytest.mark.parametrize("name", sorted(MISBEHAVIOURS))
async def test_an_answer_that_is_none_leaves_the_old_keys(
    provider: StandIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    key = new_key("a")
    provider.keys = [key]
    trust = Trust(provider)
    await trust.principal(key)
    path, behaviour, reason = MISBEHAVIOURS[name]
    provider.instead[path] = behaviour
    monkeypatch.setattr(discovery, "TIMEOUT_SECONDS", 0.3)
    trust.clock.now += RemoteKeys.COOLDOWN_SECONDS
    assert [known.kid for known in await trust.keys.refreshed()] == ["a"]
    assert trust.reported == [reason]
    assert "/other" not in provider.asked


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://id.example"}, "the discovery document has a different issuer"),
        ({"issuer": None}, "the discovery document has a different issuer"),
        ({"jwks_uri": "http://id.example/keys"}, "the discovery document has no safe jwks_uri"),
        ({"jwks_uri": "http://127.0.0.1@id.example/keys"}, "the discovery document has no safe jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "the discovery document has no safe jwks_uri"),
        ({"jwks_uri": "http://[bad"}, "the discovery document has no safe jwks_uri"),
        ({"jwks_uri": ["/keys"]}, "the discovery document has no safe jwks_uri"),
        ({"jwks_uri": None}, "the discovery document has no safe jwks_uri"),
    ],
)
async def test_a_discovery_document_that_is_not_the_issuers_opens_nothing(
    provider: StandIn, document: dict[str, Any], reason: str
) -> None:
    key = new_key("a")
    provider.keys, provider.document = [key], document
    trust = Trust(provider)
    await trust.refuses(key)
    assert (trust.reported, provider.asked) == ([reason], [DISCOVERY])


async def test_an_issuer_that_differs_by_a_stroke_at_its_end_is_another(provider: StandIn) -> None:
    keys = RemoteKeys(provider.issuer + "/", tls=TLS)
    assert not await keys.current()
    provider.document = {"issuer": provider.issuer + "/"}
    provider.keys = [new_key("a")]
    assert [key.kid for key in await RemoteKeys(provider.issuer + "/", tls=TLS).current()] == ["a"]
    assert set(provider.asked) == {DISCOVERY, "/keys"}


@pytest.mark.parametrize(
    ("address", "is_safe"),
    [
        ("https://id.example/keys", True),
        ("http://127.0.0.1:9000/keys", True),
        ("http://localhost/keys", True),
        ("http://[::1]/keys", True),
        ("http://127.0.0.2/keys", True),
        ("http://10.0.0.1/keys", False),
        ("http://localhost.example/keys", False),
        ("ftp://127.0.0.1/keys", False),
        ("https:///keys", False),
        ("/keys", False),
        ("", False),
    ],
)
def test_only_https_and_this_machine_are_safe(address: str, is_safe: bool) -> None:
    assert discovery.is_safe(address) is is_safe


async def test_only_public_parts_are_kept_of_a_key_that_is_published_whole(provider: StandIn) -> None:
    key = new_key("a")
    provider.listed = [key.as_dict(private=True)]
    trust = Trust(provider)
    assert (await trust.principal(key)).subject == "u1"
    assert [known.is_private for known in await trust.keys.current()] == [False]
