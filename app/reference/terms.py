"""The page about the TUSS tables: what each has, how many terms are loaded, and how they are asked for."""

from collections.abc import Mapping

from app.domain.code_tables import TABLES
from app.reference.markdown import table

_INTRO = """# TISS terms

The tables of the unified health terminology (TUSS) of which the gateway knows the terms, and how many there are. A code
that a claim, a denial or a statement names is one of these; elsewhere it is refused with `UNKNOWN_CODE`.

[`tussTerms`](queries.html#Query.tussTerms) searches one table or all, [`tussTerm`](queries.html#Query.tussTerm) finds
one term:

```graphql
query Terms {
  tussTerms(codeSystem: "22", search: "consulta", first: 5) {
    totalCount
    nodes { codeSystem code term validFrom validTo }
  }
}
```

"""


def document(counts: Mapping[str, int]) -> str:
    """The page as Markdown; `counts` are the terms of each table."""
    rows = ([f"`{number}`", TABLES.get(number, ""), f"{count:,}"] for number, count in sorted(counts.items()))
    return _INTRO + table(["codeSystem", "table", "terms"], rows)
