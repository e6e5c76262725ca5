"""A scan for what must not leave the database and the answers: names, CPFs, cards and clinical texts of the patients in
logs, metrics, events, cache keys and error messages."""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import httpx
from sqlalchemy import ColumnElement, select

from app.db.reference_tables import coverages, eligibility_checks, patients
from app.db.remittance_tables import remittance_lines
from app.db.tables import claim_items, claims, denials, outbox
from app.telemetry.logs import configure_logs
from tests.gateway import Gateway

CLIENTS: Final = ("websockets.client", "httpx", "httpcore")
LENGTH_MIN: Final = 5  # a shorter text stands in many others
SECRET: Final[tuple[ColumnElement[Any], ...]] = (
    patients.c.name,
    patients.c.cpf,
    coverages.c.card_number,
    eligibility_checks.c.card_number,
    claims.c.card_number,
    claims.c.clinical_indication,
    claims.c.diagnosis_codes,
    claim_items.c.description,
    denials.c.justification,
    denials.c.payer_justification,
    remittance_lines.c.authorization_number,
)
_WORD: Final = re.compile(r"\w+")


class Log(logging.Handler):
    """Everything that is logged, as the gateway writes it at its most talkative."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, unless a client of the tests has written it."""
        if not record.name.startswith(CLIENTS):
            self.lines.append(self.format(record))


def log_of_the_run() -> Log:
    """Log from now on as `billing serve` does, into this."""
    configure_logs("DEBUG")
    root, log = logging.getLogger(), Log()
    log.setFormatter(root.handlers[0].formatter)
    root.handlers[:] = [log]
    return log


class Messages:
    """The messages of every error that a client was told."""

    def __init__(self, gateway: Gateway) -> None:
        self.found: set[str] = set()
        gateway.client.event_hooks["response"].append(self._note_response)
        gateway.exchanges.append(self._note)

    async def _note_response(self, response: httpx.Response) -> None:
        if "json" in response.headers.get("content-type", ""):
            self._note(b"", await response.aread())

    def _note(self, _operation: bytes, answer: bytes) -> None:
        if b'"message"' in answer:
            self.found.update(_messages(json.loads(answer)))


def _messages(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _messages(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "message" and isinstance(each, str):
                yield each
            else:
                yield from _messages(each)


async def leaks(gateway: Gateway, log: Log, messages: Messages) -> list[str]:
    """`place: value` for each value of a patient that stands where it must not."""
    async with gateway.database.reading() as connection:
        events = (await connection.execute(select(outbox.c.data))).scalars().all()
        secrets = {text for column in SECRET for text in _texts((await connection.execute(select(column))).scalars())}
    keys = [key async for key in gateway.parts.cache._redis.scan_iter()]
    places = {
        "log": "\n".join(log.lines),
        "metrics": (await gateway.client.get("/metrics")).text,
        "events": "\n".join(events),
        "cache keys": "\n".join(key.decode(errors="replace") for key in keys),
        "messages": "\n".join(messages.found),
    }
    return sorted(
        f"{place}: {secret}, in {_line_of(text, secret)}"
        for place, text in places.items()
        for secret in _in(text, secrets)
    )


def _line_of(text: str, secret: str) -> str:
    """The first line that holds the secret, for whoever looks for what wrote it."""
    return next((each[:300] for each in text.splitlines() if secret in each), "several lines")


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from (each for each in ([value] if isinstance(value, str) else value or ()) if len(each) >= LENGTH_MIN)


def _in(text: str, secrets: set[str]) -> Iterator[str]:
    """The secrets that the text holds; most are known not to by their words alone."""
    words = set(_WORD.findall(text))
    return (each for each in secrets if words.issuperset(_WORD.findall(each)) and each in text)
