"""Commands that load reference data and demo data."""

from typing import Annotated

import typer

from app.commands import console
from app.db import tuss as tuss_db
from app.db.engine import Database
from app.demo import seed as demo
from app.runtime.build import changes_of, console_actor
from app.services import payer_register, tuss_load


def load_tuss() -> None:
    """Load the TUSS terms that the `tiss` package ships; loading them again changes nothing.

    After an upgrade, new terms are added, those that were changed follow, and those that are gone end.
    """
    rows = tuss_load.published_terms()
    with console.progress("TUSS terms") as progress:
        task = progress.add_task("load", total=len(rows))
        done = console.with_database(
            lambda database: tuss_load.load(
                database, rows, on_progress=lambda done, total: progress.update(task, completed=done, total=total)
            )
        )
    console.note(f"{done.added} terms added, {done.changed} changed, {done.ended} ended")


async def has_terms(database: Database) -> bool:
    """Whether the TUSS terms are loaded."""
    async with database.reading() as connection:
        return bool(await tuss_db.table_counts(connection))


def seed_demo(
    claims: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many claims to add.")] = 200,
    once: Annotated[bool, typer.Option(help="Do nothing if there are claims already.")] = False,
    small: Annotated[bool, typer.Option("--small", help="Leave out the six months of three more payers.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=1_000_000, help="Another number makes other months.")] = 1,
) -> None:
    """Add synthetic payers, providers, patients and claims, the example TISS document, and six months of three more
    payers with claims, batches, statements, appeals and payments in every state."""

    async def work(database: Database) -> int | None:
        if once and await demo.is_seeded(database):
            return None
        if not await has_terms(database):
            console.fail("load the TUSS terms first: billing load-tuss")
        with console.progress("demo claims") as progress:
            task = progress.add_task("seed", total=claims)
            changes = changes_of(console.settings(), database)
            actor = console_actor("seed-demo")
            try:
                added = await demo.seed(
                    database,
                    changes,
                    actor,
                    number=claims,
                    on_progress=lambda done, total: progress.update(task, completed=done, total=total),
                )
                if not small:
                    months = progress.add_task("six months", total=1)
                    await demo.seed_months(changes, actor, seed=seed)
                    progress.update(months, completed=1)
                return added
            finally:
                await changes.children.stop()

    added = console.with_database(work)
    console.note("the demo data is there already" if added is None else f"{added} demo claims added")


def load_payers() -> None:
    """Load the payers of the official register of the ANS; loading them again changes nothing.

    New ones get the usual terms (180 days to submit, 30 to appeal, 30 to pay), which `updatePayer` changes. Names
    follow the register. A payer that it no longer has is deactivated, if this command loaded it.
    """
    entries = payer_register.published()
    with console.progress("payers") as progress:
        task = progress.add_task("load", total=len(entries))
        found = console.with_changes(
            "load-payers",
            lambda changes, actor: payer_register.load(
                changes, actor, entries, on_progress=lambda done, _total: progress.update(task, completed=done)
            ),
        )
    if found.is_nothing_new:
        console.say(f"nothing to change: {found.unchanged} payers are as in the register")
    else:
        console.say(
            f"{found.registered} payers registered, {found.renamed} renamed, {found.reactivated} reactivated, "
            f"{found.deactivated} deactivated, {found.unchanged} unchanged"
        )
    if found.left_inactive:
        console.say(f"{found.left_inactive} payers stay deactivated: a person did that; use reactivatePayer")
    if found.not_in_register:
        console.say(
            f"{found.not_in_register} payers are not in the register and did not come from it: left as they are"
        )
