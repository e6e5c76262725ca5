"""The event contracts in the repository are what the code says, and no consumer of the last release is left behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.events import schemas
from app.events.contracts import CONTRACTS

EVENTS = Path(__file__).parents[2] / "events"
RELEASED = sorted((EVENTS / "released").glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_documents_are_what_the_code_writes() -> None:
    assert {path.name: _read(path) for path in EVENTS.glob("*.json")} == schemas.documents()


def test_a_type_belongs_to_one_event() -> None:
    types = [contract.ce_type for contract in CONTRACTS.values()]
    assert len(set(types)) == len(types)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = schemas.asyncapi()
    messages = document["components"]["messages"]
    channels = document["channels"].values()
    assert {each["$ref"] for channel in channels for each in channel["messages"].values()} == {
        f"#/components/messages/{name}" for name in messages
    }
    assert all((EVENTS / message["payload"]["$ref"]).exists() for message in messages.values())


def breaks(old: dict[str, Any], new: dict[str, Any], path: str = "") -> list[str]:
    """What a consumer of the old schema would miss in messages of the new one."""
    found = [f"{path}{name} may be missing" for name in set(old.get("required", ())) - set(new.get("required", ()))]
    for name, part in old.get("properties", {}).items():
        other = new.get("properties", {}).get(name)
        if other is None:
            found.append(f"{path}{name} is gone")
        elif part.get("type") == "object":
            found += breaks(part, other, f"{path}{name}.")
        elif _meaning(part) != _meaning(other):
            found.append(f"{path}{name} means something else")
    return sorted(found)


def _meaning(schema: dict[str, Any]) -> dict[str, Any]:
    """What a value may be; texts and the values of today are no promise."""
    found = {name: value for name, value in schema.items() if name not in ("description", "examples", "title")}
    return found | {"anyOf": [_meaning(each) for each in found["anyOf"]]} if "anyOf" in found else found


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_released_event_keeps_its_promise(path: Path) -> None:
    assert breaks(_read(path), _read(EVENTS / path.name)) == []


def test_something_has_been_released() -> None:
    assert {path.stem for path in RELEASED} >= {"br.billing.claim.submitted.v1", "br.billing.invoice.settled.v1"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data["properties"].pop("amount"), ["data.amount is gone"]),
        (lambda data: data["required"].remove("amount"), ["data.amount may be missing"]),
        (lambda data: data["properties"]["amount"].update(type="number"), ["data.amount means something else"]),
        (lambda data: data["properties"].update(more={"type": "string"}), []),
        (lambda data: data["properties"]["status"].update(examples=["NEW"]), []),
    ],
    ids=["gone", "optional", "another type", "more", "another status"],
)
def test_a_broken_promise_is_noticed(change: Any, told: list[str]) -> None:
    old, new = (schemas.json_schema("SettlementConfirmed") for _ in range(2))
    change(new["properties"]["data"])
    assert breaks(old, new) == told
