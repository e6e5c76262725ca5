"""The schema and the operations of the documents satisfy the linters and compilers that frontends use."""

from pathlib import Path

import pytest

from tests.schema_tools.tools import HOME, ROOT, findings, node_version, operations, too_old

PREFIX = "@graphql-eslint/no-typename-prefix: Field"
UNREACHABLE = "@graphql-eslint/no-unreachable-types: Enum type"
DONE = "a participle of what was done, no prefix"
EDGE = "@graphql-eslint/relay-edge-types: Edge type's field `node` must implement `Node` interface. | type"
CODES = "the enum of `extensions.code`, which no field of a schema can have; generators write its type"
EXPECTED: dict[str, dict[str, str]] = {
    "graphql-eslint": {
        '@graphql-eslint/require-description: Description is required for directive "oneOf" | directive': (
            "GraphQL itself defines it; Strawberry prints it without a description"
        ),
        f'{PREFIX} "appealedAt" starts with the name of the parent type "Appeal" | appealedAt: DateTime': DONE,
        f'{PREFIX} "appealedAmount" starts with the name of the parent type "Appeal" | appealedAmount: Money': DONE,
        f'{PREFIX} "claimedAmount" starts with the name of the parent type "Claim" | claimedAmount: Money': DONE,
        f"{EDGE} UnderpaymentEdge {{": "an underpayment is a view of an item, under no id",
        f"{EDGE} WithheldTaxEdge {{": "a sum is no object that exists by itself",
        f"{EDGE} BillingGroupEdge {{": "a sum is no object that exists by itself",
        f"{EDGE} DenialGroupEdge {{": "a sum is no object that exists by itself",
        f"{EDGE} ImportResultEdge {{": "a result is a line of its job, under no id",
        f"{EDGE} SpreadsheetRowEdge {{": "a row is a line of its document, under no id",
        f"{EDGE} PractitionerEdge {{": "a practitioner is known by what claims say, under no id",
        f"{UNREACHABLE} `RequestErrorCode` is unreachable. | enum RequestErrorCode {{": CODES,
    },
    "graphql-schema-linter": {
        "defined-types-are-used: The type `RequestErrorCode` is defined in the schema but not used anywhere.": CODES,
    },
    "graphql-codegen": {},
    "relay-compiler": {},
}
"""What a tool reports on the schema and is right as it is, each with its reason."""
APP = (HOME / "relay" / "Claims.ts").read_text()


@pytest.fixture(scope="module", autouse=True)
def _node() -> None:
    reason = too_old(node_version())
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tools")


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, list[str]]:
    """What the tools find in this project; one run for all tests."""
    return findings(folder, (ROOT / "schema.graphql").read_text(), operations(), APP)


@pytest.mark.parametrize("tool", EXPECTED)
def test_a_tool_finds_nothing_but_what_is_right(found: dict[str, list[str]], tool: str) -> None:
    assert sorted(found[tool]) == sorted(EXPECTED[tool])


@pytest.mark.usefixtures("found")
def test_relay_pages_refetches_changes_and_subscribes(folder: Path) -> None:
    assert sorted(path.name.removesuffix(".graphql.ts") for path in (folder / "relay" / "artifacts").iterdir()) == [
        "ClaimsCreateMutation",
        "ClaimsListPaginationQuery",
        "ClaimsList_query",
        "ClaimsPageQuery",
        "ClaimsRowRefetchQuery",
        "ClaimsRow_claim",
        "ClaimsWatchSubscription",
    ]


FAULTY = """
scalar Pounds
"A claim"
type Claim { id: ID! "What it is" status_code: Pounds }
"The root"
type Query { "The claims" getClaims: [Claim!] }
"""


def test_each_tool_finds_the_faults_of_a_faulty_schema(tmp_path: Path) -> None:
    documents = {"client": "query { getClaims { id status_code } }"}
    found = findings(tmp_path, FAULTY, documents, APP)
    assert {line.partition(":")[0].removeprefix("@graphql-eslint/") for line in found["graphql-eslint"]} == {
        "description-style",
        "naming-convention",
        "no-anonymous-operations",
        "relay-page-info",
        "require-description",
    }
    assert {line.partition(":")[0] for line in found["graphql-schema-linter"]} == {
        "fields-are-camel-cased",
        "fields-have-descriptions",
        "relay-page-info-spec",
        "types-have-descriptions",
    }
    assert "Unknown scalar type Pounds" in found["graphql-codegen"][0]
    assert "The type `Query` has no field `claims`" in found["relay-compiler"][0]


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v18.20.4", "Node v18.20.4 cannot run the schema tools, which need 20.19, 22.13 or 24"),
        ("v20.18.3", "Node v20.18.3 cannot run the schema tools, which need 20.19, 22.13 or 24"),
        ("v22.12.0", "Node v22.12.0 cannot run the schema tools, which need 20.19, 22.13 or 24"),
        ("v23.11.0", "Node v23.11.0 cannot run the schema tools, which need 20.19, 22.13 or 24"),
        ("v20.19.0", None),
        ("v22.13.1", None),
        ("v24.0.0", None),
    ],
)
def test_an_old_node_is_named_in_one_line(version: str, reason: str | None) -> None:
    assert too_old(version) == reason
