"""The contracts as documents: a JSON Schema for every event type, and an AsyncAPI document of them all."""

from typing import Any, Final

from pydantic import TypeAdapter

from app.events.contracts import CONTRACTS, INBOUND, SOURCE, Contract

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TOPIC: Final = "billing.events"
INBOX: Final = "billing.remittances"
INBOUND_NAME: Final = "RemittanceIssued"
MEDIA_TYPE: Final = "application/cloudevents+json"
ENVELOPE: Final = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "eventname", "position")


def json_schema(name: str) -> dict[str, Any]:
    """The whole CloudEvents message of one event; unknown members are allowed, since members may be added."""
    contract = CONTRACTS[name]
    return {
        "$schema": DIALECT,
        "title": name,
        "description": " ".join((contract.data.__doc__ or "").split()),
        "type": "object",
        "required": [*ENVELOPE, "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "pattern": "^evt_", "description": "The same however often it is delivered."},
            "source": {"const": SOURCE},
            "type": {"const": contract.ce_type},
            "subject": {"type": "string", "description": "The aggregate, which is also the message key."},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "eventname": {"const": name, "description": "The short name."},
            "position": {"type": "integer", "minimum": 1, "description": "Its place in the event log, without gaps."},
            "data": _data(contract.data),
        },
    }


def inbound_schema() -> dict[str, Any]:
    """The CloudEvents message that payers send; only what is read of it is asked for."""
    return {
        "$schema": DIALECT,
        "title": INBOUND_NAME,
        "description": " ".join((INBOUND.data.__doc__ or "").split()),
        "type": "object",
        "required": ["id", "source", "type", "data"],
        "properties": {
            "id": {"type": "string", "maxLength": 80, "description": "The same id of a source is taken in once."},
            "source": {"type": "string", "maxLength": 80, "description": "Who sends it."},
            "type": {"const": INBOUND.ce_type},
            "data": _data(INBOUND.data),
        },
        "$defs": TypeAdapter(INBOUND.data).json_schema()["$defs"],
    }


def _data(kind: type) -> dict[str, Any]:
    found = TypeAdapter(kind).json_schema()
    properties = {name: _untitled(value) for name, value in found["properties"].items()}
    return {"type": "object", "required": found["required"], "properties": properties}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the titles that pydantic makes of the names."""
    return {name: value for name, value in schema.items() if name != "title"}


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3: one topic, one message per event type."""
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in CONTRACTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Convênio billing events",
            "version": "1.0.0",
            "description": "Every change of claims, denials, invoices, settlements and remittances, as CloudEvents 1.0 "
            "in structured JSON. A message may come again with the same id and position; none is left out.",
        },
        "defaultContentType": MEDIA_TYPE,
        "channels": {
            "events": {"address": TOPIC, "messages": messages},
            "remittances": {
                "address": INBOX,
                "messages": {INBOUND_NAME: {"$ref": f"#/components/messages/{INBOUND_NAME}"}},
            },
        },
        "operations": {
            "hearEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The gateway publishes in position order, keyed by the aggregate.",
            },
            "takeRemittances": {
                "action": "receive",
                "channel": {"$ref": "#/channels/remittances"},
                "summary": f"Payers send statements; what can never be taken in goes to {INBOX}.dead with its reason.",
            },
        },
        "components": {
            "messages": {
                **{name: _message(name, CONTRACTS[name]) for name in CONTRACTS},
                INBOUND_NAME: _message(INBOUND_NAME, INBOUND),
            }
        },
    }


def _message(name: str, contract: Contract) -> dict[str, Any]:
    return {
        "name": contract.ce_type,
        "title": name,
        "contentType": MEDIA_TYPE,
        "payload": {"$ref": f"./{contract.ce_type}.json"},
    }


def documents() -> dict[str, dict[str, Any]]:
    """Every document by its file name."""
    told = {f"{CONTRACTS[name].ce_type}.json": json_schema(name) for name in CONTRACTS}
    return {**told, f"{INBOUND.ce_type}.json": inbound_schema(), "asyncapi.json": asyncapi()}
