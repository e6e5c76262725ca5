"""Settlements with a typed client: the list, each new one, and a payment.

python settlements.py URL FILE [INVOICE AMOUNT KEY], after `ariadne-codegen`, which writes the package `billing`.
"""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from billing import (
    Client,
    GraphQLClientError,
    GraphQLClientGraphQLMultiError,
    GraphQLClientHttpError,
    SettleInvoiceInput,
    SettleInvoiceSettleInvoice,
    WatchSettlementsSettlementRecordedSettlement,
)
from websockets.exceptions import WebSocketException

URL, FILE, *PAYMENT = sys.argv[1:]
ATTEMPTS = 5


def client() -> Client:
    """One for each request: the token is read again, and so a renewed one is used."""
    authorization = {"authorization": f"Bearer {Path(FILE).read_text().strip()}"}
    return Client(URL, authorization, ws_url=URL.replace("http", "ws", 1), ws_connection_init_payload=authorization)


def passes_by_itself(error: GraphQLClientGraphQLMultiError) -> bool:
    """Whether the same request may succeed later, or with a new token."""
    extensions = [each.extensions or {} for each in error.errors]
    return any(each.get("retryable") or each.get("code") == "UNAUTHENTICATED" for each in extensions)


async def pause() -> None:
    """A second or so: not all clients at once, after a restart."""
    await asyncio.sleep(random.uniform(0.5, 1.5))


async def watch(cursor: str) -> AsyncIterator[WatchSettlementsSettlementRecordedSettlement]:
    """Each settlement after the cursor once and in order, whatever fails in between."""
    while True:
        try:
            async for message in client().watch_settlements(after=cursor):
                cursor = message.settlement_recorded.cursor
                if message.settlement_recorded.settlement:  # the first message has only the cursor
                    yield message.settlement_recorded.settlement
        except GraphQLClientGraphQLMultiError as error:
            if not passes_by_itself(error):
                raise  # CURSOR_EXPIRED: read the list again
        except (OSError, WebSocketException, GraphQLClientError):
            pass  # the connection was lost
        await pause()


async def settle(invoice: str, amount: str, key: str) -> SettleInvoiceSettleInvoice:
    """Pay; `errors` of the answer are for the user. The same key goes with each attempt, so it happens once."""
    day = datetime.now(ZoneInfo("America/Sao_Paulo")).date()
    order = SettleInvoiceInput(invoice_id=invoice, amount=Decimal(amount), paid_on=day, idempotency_key=key)
    for attempt in range(ATTEMPTS):
        try:
            answer = (await client().settle_invoice(order)).settle_invoice
        except GraphQLClientGraphQLMultiError as error:
            if attempt == ATTEMPTS - 1 or not passes_by_itself(error):
                raise
        except GraphQLClientHttpError as error:
            if attempt == ATTEMPTS - 1 or error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
        except httpx.TransportError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            assert answer is not None  # a refusal of the request was raised
            return answer
        await pause()
    raise AssertionError


def show(**what: object) -> None:
    """A line of JSON."""
    print(json.dumps(what, default=lambda each: each.model_dump(mode="json", by_alias=True)), flush=True)


async def main() -> None:
    """Pay if the arguments say so; else list and watch."""
    if PAYMENT:
        show(**dict(await settle(*PAYMENT)))
        return
    found = (await client().settlements()).settlements
    assert found is not None  # a refusal was raised
    assert found.stream_cursor is not None
    show(listed=found.nodes)
    async for settlement in watch(found.stream_cursor):
        show(added=settlement)


asyncio.run(main())
