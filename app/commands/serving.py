"""Commands that run the gateway and prepare its database."""

import gc
from typing import Annotated, Final

import typer

from app.auth.roles import ROLES
from app.commands import console
from app.db import identity as database_identity
from app.db import migrate as migrations
from app.db.engine import Database, DatabaseRefused, DatabaseUnavailable
from app.runtime.settings import Settings

DEMO_PAYER_SECONDS: Final = 10.0
"""How often the payer of `serve --demo` acts: each kind of event comes within a minute."""


def serve(
    show_tokens: Annotated[bool, typer.Option(help="Print a token per role first (development only).")] = False,
    demo: Annotated[
        bool,
        typer.Option(help="Prepare the database with terms and demo data first, and show tokens (development only)."),
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many processes share the port.")] = 1,
) -> None:
    """Serve GraphQL, health and metrics until SIGTERM or Ctrl-C."""
    # What a start makes remains: to look through it for garbage takes a seventh of its time. The server begins with it.
    gc.disable()
    from app.web import server
    from app.web import workers as several

    settings = console.settings()
    if workers > 1:
        several.check(settings)
    if demo:
        # Or a port in use would be told only after the demo data, a quarter of a minute later.
        for listener in several.listening(settings.host, settings.port, 1, server.LISTENER):
            listener.close()
        settings = _prepare_demo(settings)
    console.with_any_database(_check_tables, settings)
    if (show_tokens or demo) and settings.is_development:
        _greet(settings)
    server.serve(settings, workers=workers)


def _prepare_demo(settings: Settings) -> Settings:
    """Tables, terms and demo claims, each if they are missing: a second start only looks. The settings have a simulated
    payer, unless they say something about it themselves."""
    from app.commands import data

    if not settings.is_development:
        console.fail("demo data is for development only: leave out --demo")
    console.with_any_database(migrations.upgrade)
    if not console.with_database(data.has_terms):
        data.load_tuss()
    data.seed_demo(once=True)
    if "demo_payer_seconds" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"demo_payer_seconds": DEMO_PAYER_SECONDS})


async def _check_tables(database: Database) -> None:
    """MissingTables, RetiredDatabase or DatabaseRefused; if the database is down the process starts unready and waits
    for it."""
    try:
        await migrations.check_tables(database)
    except DatabaseRefused:
        raise
    except DatabaseUnavailable:
        return


def _greet(settings: Settings) -> None:
    from app.commands import identity
    from app.demo.parties import scope_of_role

    console.show("\n[bold]Demo tokens[/bold], valid for twelve hours, for your own clients; GraphiQL has its own:")
    for role in ROLES:
        token = identity.development_token(settings, role, scope_of_role(role))
        console.show(f"\n[bold]{role}[/bold]\nAuthorization: Bearer {token}")
    console.show(f"\n[bold green]GraphiQL and the API: http://{settings.host}:{settings.port}/graphql[/bold green]\n")


def migrate() -> None:
    """Upgrade the database to the current tables."""
    console.with_any_database(migrations.upgrade)
    console.note(f"the database is at revision {migrations.head()}")


def renew_identity() -> None:
    """Make cached answers and cursors of this database void, after it was restored from a backup or copied."""
    incarnation = console.with_database(lambda database: database.transact(database_identity.renew))
    console.note(f"the database is now {incarnation}: restart the gateways, or wait a few seconds until they notice")
