"""A payment by the example clients: sent twice with one key it happens once, and what is refused is an answer."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.built import BUILDS
from tests.clients.watching import EXAMPLES, SCRIPTS, last_line
from tests.factories import key, new_world
from tests.gateway import Gateway
from tests.npm import install


async def _printed(*command: str) -> Any:
    process = await asyncio.create_subprocess_exec(*command, cwd=EXAMPLES, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    return last_line(out.decode())


def _script(name: str) -> Callable[[], list[str]]:
    def program() -> list[str]:
        install(EXAMPLES)
        return ["node", name]

    return program


@pytest.mark.parametrize(
    "program",
    [*(_script(f"{name}.mjs") for name in SCRIPTS), *BUILDS],
    ids=[*SCRIPTS, *(each.name for each in BUILDS)],
)
async def test_a_payment_happens_once_and_a_refused_one_says_why(
    embedded_gateway: Gateway, tmp_path: Path, program: Callable[[], list[str]]
) -> None:
    token = tmp_path / "token"
    token.write_text(embedded_gateway.token("finance"))
    world, decision = await new_world(embedded_gateway), key()
    invoice = await world.issued_invoice("100.00")
    command = (*program(), f"{embedded_gateway.url}/graphql", str(token), invoice["id"])
    paid, again = [await _printed(*command, "30.00", decision) for _ in range(2)]
    assert (paid["settlement"]["amount"], paid["settlement"]["invoice"]["dueAmount"]) == ("30.00", "70.00")
    assert again == {**paid, "replayed": True}
    refused = await _printed(*command, "70.01", key())
    assert (refused["settlement"], refused["replayed"]) == (None, False)
    assert [(error["code"], error["field"]) for error in refused["errors"]] == [("OVER_SETTLEMENT", ["amount"])]
