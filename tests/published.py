"""The published schema, as a file that is built once for all modules that look at it."""

from pathlib import Path
from typing import Final

from graphql import build_schema

SCHEMA: Final = build_schema((Path(__file__).parents[1] / "schema.graphql").read_text(encoding="utf-8"))
