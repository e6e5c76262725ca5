"""The event contracts as documents: a JSON Schema for every event type, and one AsyncAPI document."""

from typing import Any, Final

from pydantic import TypeAdapter

from app.events.cloud_events import SOURCE
from app.events.contracts import CONTRACTS, INBOUND
from app.events.event_contract import EventContract

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TOPIC: Final = "billing.events"
INBOX: Final = "billing.remittances"
INBOUND_NAME: Final = "RemittanceIssued"
MEDIA_TYPE: Final = "application/cloudevents+json"
ENVELOPE: Final = ("specversion", "id", "source", "type", "subject", "time", "datacontenttype", "eventname", "position")


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the whole CloudEvents message of the event `name`; KeyError if it has no contract.

    Unknown members are allowed, since members may be added.
    """
    contract = CONTRACTS[name]
    return {
        "$schema": DIALECT,
        "title": name,
        "description": " ".join((contract.data.__doc__ or "").split()),
        "type": "object",
        "required": [*ENVELOPE, "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {
                "type": "string",
                "pattern": "^evt_",
                "description": "The id of the event, the same in every delivery.",
            },
            "source": {"const": SOURCE},
            "type": {"const": contract.ce_type},
            "subject": {"type": "string", "description": "The id of the aggregate, which is also the message key."},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "eventname": {"const": name, "description": "The short name of the event."},
            "position": {
                "type": "integer",
                "minimum": 1,
                "description": "The position in the event log, without gaps. Drop events whose position is not above "
                "the last one handled of their subject.",
            },
            "data": _data(contract.data),
        },
    }


def inbound_schema() -> dict[str, Any]:
    """The JSON Schema of the CloudEvents message that payers send; it requires only what is read."""
    return {
        "$schema": DIALECT,
        "title": INBOUND_NAME,
        "description": " ".join((INBOUND.data.__doc__ or "").split()),
        "type": "object",
        "required": ["id", "source", "type", "data"],
        "properties": {
            "id": {
                "type": "string",
                "maxLength": 80,
                "description": "A second message with this id from the same source is ignored.",
            },
            "source": {
                "type": "string",
                "maxLength": 80,
                "description": "The sender, which must be bound to the payer: by default /payer/ and its registro ANS.",
            },
            "type": {"const": INBOUND.ce_type},
            "data": _data(INBOUND.data),
        },
        "$defs": TypeAdapter(INBOUND.data).json_schema()["$defs"],
    }


def _data(kind: type) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema()
    properties = {name: _untitled(value) for name, value in schema["properties"].items()}
    return {"type": "object", "required": schema["required"], "properties": properties}


def _untitled(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the title that pydantic derives from the name."""
    return {name: value for name, value in schema.items() if name != "title"}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: the topic of events, the topic of remittances, and one message per event type."""
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in CONTRACTS}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Convênio billing events",
            "version": "1.0.0",
            "description": "Every change of claims, denials, invoices, settlements, remittances and master data, as "
            "CloudEvents 1.0 in structured JSON. A message may be delivered again with the same id and position, also "
            "after later ones: drop those whose position is not above the last one handled of their subject. None is "
            "skipped.",
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
            "publishEvents": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The gateway publishes events in position order; the message key is the aggregate.",
            },
            "receiveRemittances": {
                "action": "receive",
                "channel": {"$ref": "#/channels/remittances"},
                "summary": f"Payers send statements; those that can never succeed go to {INBOX}.dead with the reason.",
            },
        },
        "components": {
            "messages": {
                **{name: _message(name, CONTRACTS[name]) for name in CONTRACTS},
                INBOUND_NAME: _message(INBOUND_NAME, INBOUND),
            }
        },
    }


def _message(name: str, contract: EventContract) -> dict[str, Any]:
    return {
        "name": contract.ce_type,
        "title": name,
        "contentType": MEDIA_TYPE,
        "payload": {"$ref": f"./{contract.ce_type}.json"},
    }


def documents() -> dict[str, dict[str, Any]]:
    """All documents by file name."""
    published = {f"{CONTRACTS[name].ce_type}.json": json_schema(name) for name in CONTRACTS}
    return {**published, f"{INBOUND.ce_type}.json": inbound_schema(), "asyncapi.json": asyncapi()}
