"""The one admin listener of several workers: it asks each of them, and answers for all."""

import asyncio
import json
import os
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.telemetry.combined import Combined
from app.telemetry.metrics import worker_metrics
from app.telemetry.shared import SharedBytes
from app.values.frozen import frozen
from app.web.failures import Failures, http_error
from app.web.heartbeats import Heartbeats
from app.web.strict import StrictRequests
from app.web.workers import ADMIN

ANSWER_SECONDS: Final = 4.0
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
PROCESS_HEADER: Final = b"x-process"
STATES: Final = ("ready", "degraded", "unready")


@frozen
class Answer:
    """What a worker says: its HTTP status, the number of its process, and its body."""

    status: int
    process: int
    body: bytes


SILENT: Final = Answer(503, 0, b"{}")


async def ask(port: int, path: str) -> Answer:
    """The answer of the worker with this admin port on this machine; SILENT if there is none in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=ANSWER_BYTES_MAX)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
                status, process, length = _head(await reader.readuntil(b"\r\n\r\n"))
                # A worker may die in the middle of its answer, which must not count as a page with fewer counts.
                return Answer(status, process, await reader.readexactly(length))
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError, KeyError, ValueError):
        return SILENT


def _head(head: bytes) -> tuple[int, int, int]:
    """The status, the number of the process, and the length of the body."""
    first, *lines = head.lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines if b": " in line)
    return int(first.split(b" ")[1]), int(headers.get(PROCESS_HEADER, b"0")), int(headers[b"content-length"])


def create_combined_app(ports: list[int], kept: SharedBytes, heartbeats: Heartbeats) -> Starlette:
    """Health and metrics of the workers whose admin listeners have these ports; `kept` has what they have counted, for
    the process that comes after this one, and `heartbeats` how often one was started again."""
    combined, scrapes = Combined(kept), asyncio.Lock()

    async def answers(path: str) -> list[Answer]:
        return list(await asyncio.gather(*[ask(port, path) for port in ports]))

    async def live(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        return _readiness(await answers("/health/ready"))

    async def metrics(_request: Request) -> Response:
        # One after the other: a page older than what another scrape has seen would count as a process that ended.
        async with scrapes:
            found = await answers("/metrics")
            pages = {
                place: (each.process, each.body.decode()) for place, each in enumerate(found) if each.status == 200
            }
            # It is the parent that counts restarts, also those of this process.
            pages[ADMIN] = (os.getppid(), _own_page(len(found), len(pages), heartbeats.restarts))
            return Response(combined.text(pages), media_type=CONTENT_TYPE_LATEST)

    paths = {"/health": ready, "/health/ready": ready, "/health/live": live, "/metrics": metrics}
    app = Starlette(
        routes=[Route(path, endpoint) for path, endpoint in paths.items()],
        exception_handlers={HTTPException: http_error},
    )
    app.router.redirect_slashes = False
    for middleware in (StrictRequests, Failures):
        app.add_middleware(middleware)
    return app


def _own_page(workers: int, answering: int, restarts: int) -> str:
    """The metrics that only this process can know: of both gauges a worker says 1, which is less or the same."""
    registry = CollectorRegistry()
    all_workers, those_that_answer, restarted = worker_metrics(registry)
    all_workers.set(workers)
    those_that_answer.set(answering)
    restarted.inc(restarts)
    return generate_latest(registry).decode()


def _readiness(answers: list[Answer]) -> Response:
    """Ready when all workers are; each check as the worst of theirs, and how many workers are ready."""
    found = [json.loads(each.body) for each in answers]
    states = [each.get("status", "unready") for each in found]
    checks: dict[str, str] = {}
    for each in found:
        for name, state in each.get("checks", {}).items():
            checks[name] = state if checks.get(name, "up") == "up" else checks[name]
    worst = max(states, key=STATES.index)
    number = sum(state != "unready" for state in states)
    body = {"status": worst, "checks": checks, "workers": {"ready": number, "all": len(states)}}
    return JSONResponse(body, 503 if worst == "unready" else 200)
