"""A real identity provider for tests: npm `oidc-provider` as a process of its own on a loopback port."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.npm import install

HOME = Path(__file__).parent / "provider"


@dataclass(frozen=True)
class Client:
    """A client of the provider; `claims` are put into its access tokens, signed with `algorithm`."""

    id: str
    claims: dict[str, Any] = field(default_factory=dict)
    scopes: list[str] = field(default_factory=list)
    algorithm: str = "ES256"
    secret: str = field(default_factory=lambda: secrets.token_hex(16))


class RealProvider:
    """The running provider."""

    def __init__(self, process: subprocess.Popen[str], clients: list[Client]) -> None:
        self._process = process
        self._clients = {client.id: client for client in clients}
        self._say(json.dumps([vars(client) for client in clients]))
        self.issuer = self._read_issuer()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read_issuer(self) -> str:
        assert self._process.stdout is not None
        found = self._process.stdout.readline().strip()
        assert found, "the identity provider ended"
        return found

    def client(self, name: str) -> Client:
        """The client of this name."""
        return self._clients[name]

    def token(self, name: str, scope: str = "") -> str:
        """An access token that the client got for itself."""
        client = self._clients[name]
        body = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        answer = httpx.post(f"{self.issuer}/token", data=body, auth=(client.id, client.secret))
        assert answer.status_code == httpx.codes.OK, answer.text
        token: str = answer.json()["access_token"]
        return token

    def rotate(self) -> None:
        """Make new keys and forget the old ones."""
        self._say("rotate")
        self._read_issuer()

    def stop(self) -> None:
        """Kill the provider without warning."""
        self._process.kill()
        self._process.wait(10)


@contextmanager
def real_provider(*clients: Client) -> Iterator[RealProvider]:
    """The provider with these clients until the block ends; a machine without npm fails here."""
    install(HOME)
    with subprocess.Popen(
        ["node", "provider.mjs"],
        cwd=HOME,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield RealProvider(process, list(clients))
        finally:
            process.kill()
