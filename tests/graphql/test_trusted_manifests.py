"""The manifest of trusted documents: the command line makes it, and one that cannot be used stops the start."""

import json
from pathlib import Path

import pytest

from app.transport.trusted import ManifestError, digest_of, load_trusted
from tests.commands import billing
from tests.gateway import embedded_settings, running_gateway
from tests.transport.test_trusted_documents import TRUSTED, posted

# graphql-js prints so what Apollo Client makes of the operation: `__typename` in every selection but the root's.
SENT_BY_APOLLO = """query Claims {
  claims {
    nodes {
      ...Row
      __typename
    }
    __typename
  }
}

fragment Row on Claim {
  id
  ...Money
  __typename
}

fragment Money on Claim {
  status
  __typename
}"""


async def test_the_command_line_makes_the_manifest_and_names_what_cannot_be_trusted(tmp_path: Path) -> None:
    sources = tmp_path / "client"
    sources.mkdir()
    (sources / "fragments.graphql").write_text(
        "fragment Row on Claim { id ...Money } fragment Money on Claim { status }"
    )
    (sources / "claims.graphql").write_text("query Claims { claims { nodes { ...Row } } }")
    output = tmp_path / "trusted.json"
    made = billing("trusted-documents", str(sources), "--output", str(output))
    assert (made.returncode, made.stderr.startswith("1 operations")) == (0, True), made.stderr
    written, sent = json.loads(output.read_text())["operations"]
    for operation in (written, sent):
        named = (operation["name"], operation["type"], operation["id"])
        assert named == ("Claims", "query", digest_of(operation["body"]))
    assert "__typename" not in written["body"]
    assert sent["body"] == SENT_BY_APOLLO
    async with running_gateway(
        embedded_settings(tmp_path, trusted_documents=output, trusted_documents_only=True)
    ) as gateway:
        assert await posted(gateway, {"documentId": written["id"]}) == (200, {"claims": {"nodes": []}})
        claims = {"nodes": [], "__typename": "ClaimConnection"}
        assert await posted(gateway, {"documentId": sent["id"]}) == (200, {"claims": claims})
        assert await posted(gateway, {"query": SENT_BY_APOLLO}) == (200, {"claims": claims})
    (sources / "bad.graphql").write_text("query Bad { claims { nothing } }")
    (sources / "worse.graphql").write_text("query {")
    refused = billing("trusted-documents", str(sources), "--output", str(output))
    assert refused.returncode == 2
    assert [line.rpartition("/")[2].partition(":")[0] for line in refused.stderr.splitlines()[1:]] == [
        "worse.graphql", "bad.graphql",
    ]  # fmt: skip


def _manifest(tmp_path: Path, text: str | None) -> Path:
    path = tmp_path / "trusted.json"
    if text is not None:
        path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "cannot read"),
        ("{", "is not valid JSON"),
        ("[]", "is not a manifest"),
        ('{"a": 1}', "is not a manifest"),
        (json.dumps({"0" * 64: TRUSTED}), "has the hash"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told_in_one_line(tmp_path: Path, text: str | None, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason) as refused:
        load_trusted(_manifest(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_a_trusted_document_that_does_not_fit_the_schema_stops_the_start(tmp_path: Path) -> None:
    path = _manifest(tmp_path, json.dumps({digest_of("{ nothing }"): "{ nothing }"}))
    variables = {"BILLING_VAR_DIR": str(tmp_path), "BILLING_TRUSTED_DOCUMENTS": str(path)}
    assert billing("migrate", **variables).returncode == 0
    done = billing("serve", **variables)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "billing: wrong trusted documents")
    assert "Traceback" not in done.stderr
