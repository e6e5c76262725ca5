"""The gateways are killed while a long statement is imported and posted: another one goes on, and each line is in
effect once."""

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
from tests.graphql.test_long_statements import long
from tests.graphql.test_remittances import BOOKS
from tests.hostile.big_data import copied_claims
from tests.length import scaled
from tests.payer_documents import Guide, Item, analysis, message
from tests.services import Services

CLAIMS = scaled(full=25_000, short=300)
ITEMS = scaled(full=4, short=1)
"""Items of each guide: 100,000 lines at full length."""
KILLS = scaled(full=3, short=1)
"""How often the gateways are killed, in the import and again in the posting; a lease of five seconds has to run out
each time."""
LINES = CLAIMS * ITEMS
ITEM = {"codeSystem": "22", "code": "10101012", "quantity": "1", "unitPrice": "100"}
PAID = tuple(Item(paid="60.00", denials=(("1705", "40.00"),), sequence=str(number + 1)) for number in range(ITEMS))
IMPORT = "mutation($i: ImportRemittanceInput!) { importRemittance(input: $i) { job { id } errors { message } } }"
JOB = "query($id: ID!) { importJob(id: $id) { status totalCount takenCount refusedCount remittances { id } } }"
POST = "mutation($i: PostRemittanceInput!) { postRemittance(input: $i) { remittance { status } errors { message } } }"
READ = f"query($id: ID!, $p: AnsCode) {{ remittance(id: $id) {{ status }} \
reconciliation(payerAnsCode: $p) {{ {BOOKS} }} }}"


class Stage:
    """The gateways with a payer's claims, and what their database counts."""

    def __init__(self, fleet: Fleet, world: World) -> None:
        self.fleet = fleet
        self.world = world

    async def call(self, text: str, **variables: Any) -> Any:
        """What the call answers."""
        return (await self.fleet.gql(text, variables, token=self.world.token("finance"))).data

    async def count(self, what: Any, *conditions: Any, joined: Any = None) -> int:
        """The count or sum of rows."""
        async with self.fleet.database.reading() as connection:
            query = select(what).where(*conditions)
            found = await connection.execute(query if joined is None else query.select_from(joined))
            return int(found.scalar_one() or 0)

    async def killed(self, *done: Any) -> None:
        """Kill all gateways each time some more of the lines are done."""
        for number in range(KILLS):
            while await self.count(func.count(), *done) < LINES * (number + 1) / (KILLS + 2):  # noqa: ASYNC110 - a process gives no signal
                await asyncio.sleep(0.02)
            # Whoever has the job is among them.
            for process in self.fleet.processes:
                process.kill()
            await asyncio.gather(*[process.start() for process in self.fleet.processes])

    async def imported(self, claims: list[str]) -> str:
        """The id of the statement about these claims, after all kills."""
        guides = [Guide(each[-20:], self.world.card, PAID) for each in claims]
        content = long(message(self.world.payer, analysis(self.world, "LONG", *guides)))
        headers = {"authorization": f"Bearer {self.world.token('finance')}", "content-type": "application/xml"}
        url = f"{self.fleet.processes[0].url}/documents"
        document = (await self.fleet.client.post(url, content=content, headers=headers)).json()["id"]
        parties = {"payerAnsCode": self.world.payer, "providerCnes": self.world.provider}
        given = {**parties, "content": {"documentId": document}, "paidOn": today().isoformat(), "idempotencyKey": key()}
        started = (await self.call(IMPORT, i=given))["importRemittance"]
        assert started["errors"] == []
        await self.killed(remittance_lines.c.id != "")
        while True:
            job = (await self.call(JOB, id=started["job"]["id"]))["importJob"]
            if job["status"] not in {"QUEUED", "RUNNING"}:
                break
            await asyncio.sleep(0.1)
        (remittance,) = job.pop("remittances")
        assert job == {"status": "DONE", "totalCount": LINES, "takenCount": LINES, "refusedCount": 0}
        return str(remittance["id"])

    async def posted(self, id: str) -> Any:
        """The statement and the books once it is posted, after all kills."""
        begun = await self.call(POST, i={"remittanceId": id, "idempotencyKey": key()})
        assert begun["postRemittance"] == {"remittance": {"status": "POSTING"}, "errors": []}
        await self.killed(remittance_lines.c.status == RemittanceLineStatus.POSTED)
        while True:
            found = await self.call(READ, id=id, p=self.world.payer)
            if found["remittance"]["status"] != "POSTING":
                return found
            await asyncio.sleep(0.1)


async def test_each_line_of_a_long_statement_is_in_effect_once(
    services: Services, tmp_path: Path, figures: Figures
) -> None:
    settings = await server_settings(tmp_path, services)
    async with staged(settings, processes=2) as fleet:
        world: World = await new_world(fleet)  # type: ignore[arg-type]
        claims = await copied_claims(fleet, (await world.submitted_claim(items=[ITEM] * ITEMS))["id"], CLAIMS)  # type: ignore[arg-type]
        stage = Stage(fleet, world)
        async with asyncio.timeout(scaled(full=3_600, short=900)):
            id = await stage.imported(claims)
            of_statement = remittance_lines.c.remittance_id == id
            stored = await stage.count(func.count(), of_statement)
            last = await stage.count(func.max(remittance_lines.c.sequence), of_statement)
            found = await stage.posted(id)
        lines = await stage.count(
            func.count(remittance_lines.c.claim_id.distinct()),
            of_statement,
            remittance_lines.c.status == RemittanceLineStatus.POSTED,
        )
        of_claims = allocations.join(invoice_lines, invoice_lines.c.id == allocations.c.line_id)
        shares = await stage.count(func.count(), invoice_lines.c.claim_id.in_(claims), joined=of_claims)
        paid = await stage.count(func.sum(settlements.c.amount_cents), settlements.c.payer_ans == world.payer)
        events = [
            await stage.count(func.count(), outbox.c.aggregate_id == id, outbox.c.name == name)
            for name in ("RemittanceImported", "RemittancePosted")
        ]
    assert (stored, last, events) == (LINES, LINES, [1, 1])
    assert found["remittance"]["status"] == "POSTED"
    assert (lines, shares, paid) == (CLAIMS, CLAIMS, LINES * 6000)
    books = [found["reconciliation"][name] for name in BOOKS.split()]
    first = 100 * ITEMS
    # The first claim, which the others are copies of, is not in the statement.
    assert books == [f"{each}.00" for each in (LINES * 100 + first, LINES * 60, LINES * 40, 0, first, 0)]
    figures(lines=LINES, kills=2 * KILLS, doubled=0, lost=0)
