"""An identity provider over HTTP that can be made to misbehave."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Any, Protocol

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

Key = ECKey | RSAKey
AUDIENCE = "billing-gateway"


class Asked(Protocol):
    """What an answer is written to."""

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send it."""

    def more(self, body: bytes) -> None:
        """Send more of the body."""


Behaviour = Callable[[Asked], None]


class StandIn:
    """A discovery document and a key set on a loopback port, and how often each path was asked for.

    `instead` says what a path does in place of its answer; `document` is added to the discovery document.
    """

    def __init__(self, tls: SSLContext | None = None) -> None:
        self.scheme = "https" if tls else "http"
        self.keys: list[Key] = []
        self.asked: list[str] = []
        self.instead: dict[str, Behaviour] = {}
        self.document: dict[str, Any] = {}
        self.listed: list[Any] = []
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.react()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.react()

            def react(self) -> None:
                stand_in.asked.append(self.path)
                behaviour = stand_in.instead.get(self.path)
                if behaviour is None:
                    self.answer(stand_in.body(self.path))
                else:
                    behaviour(self)

            def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def more(self, body: bytes) -> None:
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *_arguments: Any) -> None:
                """Tests need no access log."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def issuer(self) -> str:
        """Its name, which is its address."""
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}/realms/billing"

    def url(self, path: str) -> str:
        """The address of this path."""
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}{path}"

    def body(self, path: str) -> bytes:
        """The answer for this path."""
        if path == "/keys":
            return json.dumps({"keys": [*self.listed, *(key.as_dict(private=False) for key in self.keys)]}).encode()
        named = {"issuer": self.issuer, "jwks_uri": self.url("/keys"), "token_endpoint": self.url("/token")}
        return json.dumps({**named, **self.document}).encode()

    def go_down(self) -> None:
        """Answer everything with 500."""
        self.instead = dict.fromkeys((DISCOVERY, "/keys", "/token"), lambda asked: asked.answer(b"oops", 500))

    def back(self) -> None:
        """Answer again."""
        self.instead = {}

    def times(self, path: str) -> int:
        """How often the path was asked for."""
        return self.asked.count(path)

    def token(self, key: Key, *, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """An access token of this provider; None leaves a claim out."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "u1", "iat": now, "exp": now + 600, "roles": ["biller"]}
        named = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
        given = {"alg": algorithm, "kid": key.kid, **(header or {})}
        head = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(head, named, key, algorithms=[head["alg"]])


DISCOVERY = "/realms/billing/.well-known/openid-configuration"


@contextmanager
def stand_in(tls: SSLContext | None = None) -> Iterator[StandIn]:
    """A stand-in until the block ends."""
    found = StandIn(tls)
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()


def new_key(name: str) -> ECKey:
    """A P-256 key of this name."""
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"}, private=True)


def new_rsa_key(name: str) -> RSAKey:
    """An RSA key of this name."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"}, private=True)


class Clock:
    """A clock that the test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now
