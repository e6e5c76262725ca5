"""Which pages of other sites may use the gateway: those that are listed, and in development those of this machine."""

from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog

from app.runtime.settings import LOOPBACK
from app.telemetry.seldom import Seldom

_log = structlog.get_logger("billing.server")

REFUSED_SECONDS: Final = 60.0
LOGGED_LENGTH_MAX: Final = 100
"""An origin is text of whoever sends it."""


class Origins:
    """The origins of `listed`, separated by commas or spaces; with `has_loopback` also any port of this machine."""

    def __init__(self, listed: str, *, has_loopback: bool) -> None:
        self._listed = frozenset(listed.replace(",", " ").split())
        self._has_loopback = has_loopback
        self._refused = Seldom(REFUSED_SECONDS)

    def __bool__(self) -> bool:
        """Whether any page of another site may use the gateway: then answers vary by origin."""
        return bool(self._listed) or self._has_loopback

    def allow(self, origin: str | None) -> bool:
        """Whether a page of this origin may send requests, read their answers and open sockets."""
        if origin is None:
            return False
        return origin in self._listed or (self._has_loopback and _is_loopback(origin))

    def is_refused(self, origin: str | None, host: str | None) -> bool:
        """Whether a page of another site asks that may not, which is logged; other clients send no origin."""
        if origin is None or self.allow(origin) or _parts(origin).netloc == host:
            return False
        shown = origin[:LOGGED_LENGTH_MAX]
        if count := self._refused.count(shown):
            remedy = "add it to BILLING_ALLOWED_ORIGINS if this page may use the gateway"
            _log.warning("origin_refused", origin=shown, count=count, remedy=remedy)
        return True


def _parts(origin: str) -> SplitResult:
    try:
        return urlsplit(origin)
    except ValueError:
        return SplitResult("", "", "", "", "")


@lru_cache(maxsize=256)
def _is_loopback(origin: str) -> bool:
    parts = _parts(origin)
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK
