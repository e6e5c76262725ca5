"""The gateway is killed in the middle of a posting: another one goes on, and each line is posted once."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from app.db.remittance_tables import remittance_lines
from app.db.tables import allocations, invoice_lines, outbox, settlements
from app.domain.remittances import RemittanceLineStatus
from tests.factories import World, key, new_world, today
from tests.faults.processes import Fleet
from tests.faults.stage import staged
from tests.figures import Figures
from tests.gateway import server_settings
from tests.graphql.test_remittances import BOOKS
from tests.hostile.big_data import copied_claims
from tests.length import scaled
from tests.services import Services

CLAIMS = scaled(full=1_000, short=150)
"""Lines of one request, which is at most 128 KiB long; a line takes a hundred bytes."""
KILLS = scaled(full=10, short=1)
"""How often the gateways are killed; a lease of five seconds has to run out each time."""
IMPORT = "mutation($i: ImportRemittanceInput!) { importRemittance(input: $i) { remittance { id } errors { message } } }"
POST = "mutation($i: PostRemittanceInput!) { postRemittance(input: $i) { remittance { status } errors { message } } }"
READ = f"query($id: ID!, $p: AnsCode) {{ remittance(id: $id) {{ status }} \
reconciliation(payerAnsCode: $p) {{ {BOOKS} }} }}"


async def _started(fleet: Fleet, world: World, claims: list[str]) -> str:
    """The id of the statement about these claims, which is being posted."""
    token = world.token("finance")
    lines = [
        {"providerClaimNumber": each[-20:], "paidAmount": "70.00", "denials": [{"code": "1705", "amount": "30.00"}]}
        for each in claims
    ]
    values = {"payerAnsCode": world.payer, "providerCnes": world.provider, "statementNumber": "LONG"}
    given = {**values, "paidOn": today().isoformat(), "content": {"lines": lines}, "idempotencyKey": key()}
    found = (await fleet.gql(IMPORT, {"i": given}, token=token)).data["importRemittance"]
    assert found["errors"] == []
    id = str(found["remittance"]["id"])
    begun = await fleet.gql(POST, {"i": {"remittanceId": id, "idempotencyKey": key()}}, token=token)
    assert begun.data["postRemittance"] == {"remittance": {"status": "POSTING"}, "errors": []}
    return id


async def _sum(fleet: Fleet, what: Any, *conditions: Any, joined: Any = None) -> int:
    async with fleet.database.reading() as connection:
        query = select(what).where(*conditions)
        return int((await connection.execute(query if joined is None else query.select_from(joined))).scalar_one() or 0)


async def test_a_posting_goes_on_after_each_kill_and_posts_each_line_once(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services)
    async with staged(settings, processes=2) as fleet:
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        claims = await copied_claims(fleet, (await world.submitted_claim())["id"], CLAIMS)  # type: ignore[arg-type]
        id = await _started(fleet, world, claims)
        is_posted = (remittance_lines.c.remittance_id == id, remittance_lines.c.status == RemittanceLineStatus.POSTED)
        async with asyncio.timeout(900):
            for number in range(KILLS):
                done = CLAIMS * (number + 1) / (KILLS + 2)
                while await _sum(fleet, func.count(), *is_posted) < done:  # noqa: ASYNC110 - a process gives no signal
                    await asyncio.sleep(0.02)
                # Whoever posts is among them.
                for process in fleet.processes:
                    process.kill()
                await asyncio.gather(*[process.start() for process in fleet.processes])
            while True:
                found = (await fleet.gql(READ, {"id": id, "p": world.payer}, token=world.token("finance"))).data
                if found["remittance"]["status"] != "POSTING":
                    break
                await asyncio.sleep(0.1)
        lines = await _sum(fleet, func.count(), *is_posted)
        paid = await _sum(fleet, func.sum(settlements.c.amount_cents), settlements.c.payer_ans == world.payer)
        of_claims = allocations.join(invoice_lines, invoice_lines.c.id == allocations.c.line_id)
        shares = await _sum(fleet, func.count(), invoice_lines.c.claim_id.in_(claims), joined=of_claims)
        ends = await _sum(fleet, func.count(), outbox.c.aggregate_id == id, outbox.c.name == "RemittancePosted")
    assert found["remittance"]["status"] == "POSTED"
    assert (lines, shares, paid, ends) == (CLAIMS, CLAIMS, CLAIMS * 7000, 1)
    books = [found["reconciliation"][name] for name in BOOKS.split()]
    billed, received, denied = CLAIMS * 100, CLAIMS * 70, CLAIMS * 30
    # The first claim, which the others are copies of, is not in the statement.
    assert books == [f"{each}.00" for each in (billed + 100, received, denied, 0, 100, 0)]
    figures(claims=CLAIMS, kills=KILLS, doubled=0, lost=0)
