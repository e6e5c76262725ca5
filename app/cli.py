"""The console script `billing`: everything an operator does at the command line.

Commands that need the schema import it themselves: it takes a second to build, which the others need not wait for.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import orjson
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.access_log import chain as audit
from app.auth.roles import ROLES
from app.db import migrate as migrations
from app.db import outbox as outbox_db
from app.db import tuss as tuss_db
from app.db.access_log import ChainHead
from app.db.engine import Database, DatabaseUnavailable
from app.db.outbox import ParkedRecord
from app.demo import seed as demo
from app.domain.access_log import FIRST_HASH
from app.domain.data_scope import EVERYTHING
from app.domain.errors import BillingError
from app.events import inbox, schemas
from app.runtime import settings as settings_module
from app.runtime.build import database_of, development_keys, now, seal_of
from app.runtime.settings import Settings, SettingsError
from app.runtime.tls import client_context
from app.services import batch_export as tiss_export
from app.services import batch_import as tiss_import
from app.services import tuss
from app.services.batch_export import Batch
from app.services.batch_import import GuideOutcome, ImportReport
from app.telemetry.logs import configure_logs
from app.transport.trusted import ManifestError

Result = TypeVar("Result")
EXIT_BAD_INPUT: Final = 1
EXIT_BAD_SETTINGS: Final = 2
EXIT_UNAVAILABLE: Final = 3
REPUBLISH_TIMEOUT_SECONDS: Final = 600.0
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; failures that an operator can mend are one line each, without a traceback."""
    try:
        app()
    except SettingsError as error:
        _err.print(f"billing: wrong settings\n{error}", markup=False)
        sys.exit(EXIT_BAD_SETTINGS)
    except ManifestError as error:
        _err.print(f"billing: wrong trusted documents\n{error}", markup=False)
        sys.exit(EXIT_BAD_SETTINGS)
    except BillingError as error:
        _err.print(f"billing: {error}", markup=False)
        sys.exit(EXIT_BAD_INPUT)
    except DatabaseUnavailable as error:
        cause = error.__cause__
        reason = getattr(cause, "orig", None) or type(cause).__name__
        _err.print(f"billing: the database is not available: {reason}".splitlines()[0], markup=False)
        sys.exit(EXIT_UNAVAILABLE)


def _settings() -> Settings:
    found = settings_module.load()
    configure_logs(found.log_level)
    return found


def _with_database(work: Callable[[Database], Awaitable[Result]], *, timeout_seconds: float | None = None) -> Result:
    async def run() -> Result:
        database = database_of(_settings())
        database.timeout_seconds = timeout_seconds or database.timeout_seconds
        try:
            return await work(database)
        finally:
            await database.dispose()

    return asyncio.run(run())


def _progress(text: str) -> Progress:
    return Progress(
        TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=_err, transient=False
    )


@app.command()
def serve(
    show_tokens: Annotated[bool, typer.Option(help="Print a token per role first (development only).")] = False,
) -> None:
    """Serve GraphQL, health and metrics until SIGTERM or Ctrl-C."""
    from app.web import server

    settings = _settings()
    if not _with_database(_is_migrated):
        _fail("the tables of the database are missing or old: run billing migrate")
    if show_tokens and settings.is_development:
        _greet(settings)
    server.serve(settings)


async def _is_migrated(database: Database) -> bool:
    """Whether the tables are there; a database that is away may come back, the process then starts unready."""
    try:
        async with database.reading() as connection:
            return await migrations.is_current(connection)
    except DatabaseUnavailable:
        return True


def _greet(settings: Settings) -> None:
    _out.print("\n[bold]Demo tokens[/bold], valid for twelve hours. Paste one into GraphiQL, or send it as a header:")
    for role in ROLES:
        _out.print(f"\n[bold]{role}[/bold]\nAuthorization: Bearer {_token(settings, role, demo.scope_of_role(role))}")
    _out.print(f"\n[bold green]GraphiQL and the API: http://{settings.host}:{settings.port}/graphql[/bold green]\n")


def _token(settings: Settings, role: str, scope: dict[str, Any]) -> str:
    return development_keys(settings).sign(audience=settings.oidc_audience, role=role, **scope)


@app.command()
def migrate() -> None:
    """Bring the database to the newest tables."""
    _with_database(migrations.upgrade)
    _err.print(f"the database is at revision {migrations.head()}")


@app.command()
def token(
    role: Annotated[str, typer.Option(help=f"One of {', '.join(ROLES)}.")],
    provider: Annotated[list[str] | None, typer.Option(help="CNES of a provider; may be repeated.")] = None,
    payer: Annotated[str | None, typer.Option(help="Registro ANS of the only payer.")] = None,
    patient: Annotated[str | None, typer.Option(help="Id of the only patient.")] = None,
) -> None:
    """Print one bearer token, signed with the development key (development only)."""
    settings = _settings()
    if not settings.is_development:
        _fail("tokens are made by the identity provider when BILLING_ENV is production")
    if role not in ROLES:
        _fail(f"there is no role {role}; the roles are {', '.join(ROLES)}")
    needed = {"payer_agent": ("--payer", payer), "patient": ("--patient", patient)}
    option, value = needed.get(role, ("", "given"))
    if not value:
        _fail(f"the role {role} needs {option}")
    narrowing = {"providers": provider or _all_providers(role), "payer": payer, "patient": patient}
    print(_token(settings, role, {name: part for name, part in narrowing.items() if part}))


def _all_providers(role: str) -> list[str]:
    return [] if role == "patient" else ["*"]


@app.command()
def whoami(
    token_file: Annotated[Path | None, typer.Option(help="A file with a token, `-` for standard input.")] = None,
    scope: Annotated[str | None, typer.Option(help="Scopes to ask for with a token for the client itself.")] = None,
) -> None:
    """Look at the identity provider, its keys and a token, and tell whom the gateway takes the bearer for."""
    from app.runtime import whoami as identity

    settings, given = _settings(), _token_in(token_file)

    def say(line: str) -> None:
        _out.print(line, markup=False)

    try:
        asyncio.run(identity.report(settings, token=given, scope=scope, say=say))
    except identity.Failed as error:
        _err.print(f"billing: {error}", markup=False)
        codes = {identity.Misconfigured: EXIT_BAD_SETTINGS, identity.Unreachable: EXIT_UNAVAILABLE}
        raise typer.Exit(codes.get(type(error), EXIT_BAD_INPUT)) from None


def _token_in(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, ValueError) as error:
        _fail(f"cannot read {file}: {getattr(error, 'strerror', None) or 'it is not text'}")
    return text.strip().removeprefix("Bearer ")


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    from app.schema.root import schema as graphql_schema

    print(graphql_schema.as_str())


@app.command(name="trusted-documents")
def trusted_documents(
    directory: Annotated[Path, typer.Argument(help="Where the client's .graphql files are.")],
    output: Annotated[Path, typer.Option(help="The manifest, for BILLING_TRUSTED_DOCUMENTS.")] = Path("trusted.json"),
) -> None:
    """Write the manifest of a client's operations, each by its hash, after a check against the schema."""
    from app.schema.root import schema as graphql_schema
    from app.transport import manifest

    files = {path: path.read_text() for path in sorted(directory.rglob("*.graphql"))}
    if not files:
        _fail(f"there is no .graphql file in {directory}")
    found = manifest.build(graphql_schema, files)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    _err.print(f"{len(found['operations'])} operations in {output}", markup=False)


@app.command(name="access-matrix")
def access_matrix() -> None:
    """Print which role sees which field and does what, as Markdown."""
    from app.schema import access_matrix as access
    from app.schema.root import schema as graphql_schema

    print(access.document(graphql_schema._schema, ROLES), end="")  # noqa: SLF001 - Strawberry has no public name


@app.command(name="event-contracts")
def event_contracts(
    directory: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("events"),
) -> None:
    """Write the JSON Schema of every event and the AsyncAPI document."""
    for name, document in schemas.documents().items():
        (directory / name).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    _err.print(f"{len(schemas.documents())} documents in {directory}", markup=False)


@app.command()
def parked() -> None:
    """Show the events that cannot be published, and why; those behind them of the same claim or invoice wait."""

    async def work(database: Database) -> tuple[list[ParkedRecord], int]:
        async with database.reading() as connection:
            return await outbox_db.parked(connection), await outbox_db.held(connection)

    found, held = _with_database(work)
    for event in found:
        line = f"{event.aggregate_id}  {event.name} {event.event_id} since {event.parked_at:%Y-%m-%d %H:%M}"
        _out.print(f"{line}: {event.reason}", markup=False)
    _err.print(f"{len(found)} events parked, {held - len(found)} wait behind them", markup=False)


@app.command()
def release(
    aggregates: Annotated[list[str], typer.Argument(help="Claims or invoices, as `billing parked` names them.")],
) -> None:
    """Let the relay try parked events again, after their reason is gone."""
    released = _with_database(
        lambda database: database.transact(lambda connection: outbox_db.release(connection, aggregates))
    )
    _err.print(f"{released} events released", markup=False)


@app.command()
def republish(
    first: Annotated[int, typer.Option("--from", min=1, help="The first position to publish again.")],
    last: Annotated[int | None, typer.Option("--to", min=1, help="The last one; default: all that follow.")] = None,
) -> None:
    """Let the relay publish events of the log again, in order, under their own ids and positions.

    For a topic that lost its data, or a consumer that must hear the past; other consumers drop them by id.
    """
    count = _with_database(
        lambda database: database.transact(lambda connection: outbox_db.publish_again(connection, first, last)),
        timeout_seconds=REPUBLISH_TIMEOUT_SECONDS,
    )
    _err.print(f"{count} events will be published again", markup=False)


@app.command()
def redeliver() -> None:
    """Put the statements among the dead letters into the inbox again, after the reason is gone."""
    settings = _settings()
    if not settings.events_url.startswith("kafka://"):
        _fail("there is no inbox without Kafka: BILLING_EVENTS_URL is not kafka://")
    try:
        tls = client_context(settings, "kafka")
        moved = asyncio.run(inbox.redeliver(settings.events_url, settings.remittances_topic, tls))
    except (KafkaError, OSError) as error:
        _err.print(f"billing: Kafka is not available: {type(error).__name__}", markup=False)
        raise typer.Exit(EXIT_UNAVAILABLE) from None
    _err.print(f"{moved} messages put back", markup=False)


@app.command(name="audit-verify")
def audit_verify(
    expect: Annotated[
        str | None, typer.Option(help="POSITION:HASH of an entry noted earlier, such as from the process log.")
    ] = None,
) -> None:
    """Check the access log: no entry changed, none missing; tell of processes that ended without their last reads."""
    expected = _place(expect)
    with _progress("entries") as progress:
        task = progress.add_task("check", total=None)
        report = _with_database(
            lambda database: audit.check(
                database,
                seal=seal_of(_settings()),
                expected=expected,
                on_progress=lambda done: progress.update(task, completed=done),
            ),
            timeout_seconds=REPUBLISH_TIMEOUT_SECONDS,
        )
    for line in report.breaks:
        _err.print(f"note: {line}", markup=False)
    for line in report.problems:
        _err.print(f"PROBLEM: {line}", markup=False)
    _out.print(f"{report.entries} entries, the last one is {report.head.position}:{report.head.hash}", markup=False)
    if report.problems:
        raise typer.Exit(EXIT_BAD_INPUT)


def _place(text: str | None) -> ChainHead | None:
    if text is None:
        return None
    position, _, digest = text.partition(":")
    if not position.isdecimal() or len(digest) != len(FIRST_HASH):
        _fail("--expect needs the form POSITION:HASH, as `billing audit-verify` prints it")
    return ChainHead(int(position), digest)


@app.command(name="load-tuss")
def load_tuss() -> None:
    """Load the TUSS terms that the `tiss` package ships; loading them again adds nothing."""
    with _progress("TUSS terms") as progress:
        task = progress.add_task("load", total=None)
        added = _with_database(
            lambda database: tuss.load(
                database, on_progress=lambda done, total: progress.update(task, completed=done, total=total)
            )
        )
    _err.print(f"{added} terms added")


@app.command(name="seed-demo")
def seed_demo(
    claims: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many claims to add.")] = 200,
    once: Annotated[bool, typer.Option(help="Do nothing if there are claims already.")] = False,
) -> None:
    """Add synthetic payers, providers, patients and claims, and the example TISS document."""

    async def work(database: Database) -> int | None:
        if once and await demo.is_seeded(database):
            return None
        async with database.reading() as connection:
            if not await tuss_db.table_counts(connection):
                _fail("load the TUSS terms first: billing load-tuss")
        with _progress("demo claims") as progress:
            task = progress.add_task("seed", total=claims)
            return await demo.seed(
                database,
                number=claims,
                now=now,
                on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            )

    added = _with_database(work)
    _err.print("the demo data is there already" if added is None else f"{added} demo claims added")


@app.command(name="import-tiss")
def import_tiss(file: Annotated[Path, typer.Argument(help="A TISS lote, XML.")]) -> None:
    """Take the guides of a TISS batch document in as submitted claims, and tell what became of each."""
    try:
        xml = file.read_bytes()
    except OSError as error:
        _fail(f"cannot read {file}: {error.strerror}")
    report = _with_database(
        lambda database: tiss_import.take(database, scope=EVERYTHING, xml=xml, subject="import-tiss", now=now)
    )
    _show(report)
    if not report.is_clean:
        raise typer.Exit(EXIT_BAD_INPUT)


@app.command(name="export-tiss")
def export_tiss(
    claims: Annotated[list[str], typer.Argument(help="Ids of 1 to 100 sent claims of one type, provider and payer.")],
    output: Annotated[Path | None, typer.Option(help="Where to write the document; default: its own name.")] = None,
) -> None:
    """Write sent claims as a TISS batch document, valid and hashed."""

    async def work(database: Database) -> Batch:
        return await database.transact(
            lambda connection: tiss_export.export(connection, scope=EVERYTHING, claim_ids=claims, now=now())
        )

    batch = _with_database(work)
    target = output or Path(batch.file_name)
    try:
        target.write_bytes(batch.xml.encode("iso-8859-1"))
    except OSError as error:
        _fail(f"cannot write {target}: {error.strerror}")
    _err.print(f"batch {batch.number}: {len(batch.claim_ids)} claims, hash {batch.hash}, in {target}", markup=False)


def _show(report: ImportReport) -> None:
    for failure in report.failures:
        _out.print(f"document refused: {failure.message}{_tiss(failure.tiss_code)}", markup=False)
    for result in report.results:
        _out.print(f"guide {result.number}: {result.fate.value.lower()} {result.claim_id or ''}".rstrip(), markup=False)
        for failure in result.failures:
            place = f" at {failure.field}" if failure.field else ""
            _out.print(f"  {failure.code.value}{place}: {failure.message}{_tiss(failure.tiss_code)}", markup=False)
    counts = {fate: sum(result.fate is fate for result in report.results) for fate in GuideOutcome}
    _out.print(", ".join(f"{number} {fate.value.lower()}" for fate, number in counts.items()), markup=False)


def _tiss(code: str | None) -> str:
    return f" [TISS {code}]" if code else ""


def _fail(message: str) -> Any:
    _err.print(f"billing: {message}", markup=False)
    raise typer.Exit(EXIT_BAD_INPUT)


if __name__ == "__main__":
    main()
