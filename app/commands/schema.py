"""Commands that print or write the schema, its access table, the event contracts and manifests.

The schema takes a second to build, so only the commands that need it import it.
"""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from app.auth.roles import ROLES
from app.commands import console
from app.events import schemas


def schema(
    federation: Annotated[bool, typer.Option("--federation", help="With the keys, as a subgraph.")] = False,
) -> None:
    """Print the GraphQL schema."""
    from app.schema import federation as subgraph
    from app.schema.root import schema as graphql_schema

    print(subgraph.sdl() if federation else graphql_schema.as_str())


def trusted_documents(
    directory: Annotated[Path, typer.Argument(help="The folder of the client's .graphql files.")],
    output: Annotated[Path, typer.Option(help="The manifest, for BILLING_TRUSTED_DOCUMENTS.")] = Path("trusted.json"),
) -> None:
    """Check a client's operations against the schema, and write their manifest, each by its hash."""
    from app.schema.root import schema as graphql_schema
    from app.transport import manifest

    files = {path: path.read_text() for path in sorted(directory.rglob("*.graphql"))}
    if not files:
        console.fail(f"there is no .graphql file in {directory}")
    found = manifest.build(graphql_schema, files)
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
    names = {each["name"] for each in found["operations"]}
    console.note(f"{len(names)} operations in {output}")


def access_matrix() -> None:
    """Print which role sees which field and may do what, as Markdown."""
    from app.schema import access_matrix as access
    from app.schema.root import schema as graphql_schema

    print(access.document(graphql_schema._schema, ROLES), end="")  # noqa: SLF001 - Strawberry has no public name


def event_contracts(
    directory: Annotated[Path, typer.Argument(help="Where to write them.")] = Path("events"),
) -> None:
    """Write the JSON Schema of every event and the AsyncAPI document."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, document in schemas.documents().items():
        (directory / name).write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    console.note(f"{len(schemas.documents())} documents in {directory}")
