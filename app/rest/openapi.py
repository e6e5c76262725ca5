"""The OpenAPI 3.1 document, generated from the table."""

from typing import Any, Final

import orjson
from graphql import GraphQLSchema

from app.rest.endpoint import HEADER, Endpoint
from app.rest.problems import PROBLEM
from app.rest.shapes import answer_of
from app.rest.table import ENDPOINTS

_TEXT: Final = {"type": "string"}
_ERROR: Final = {
    "code": {"type": "string", "description": "Stable code, for programs"},
    "detail": {"type": "string", "description": "What is wrong, for people"},
    "field": {"type": "string", "description": "Dotted path of the member, parameter or header"},
    "tiss_code": {"type": "string", "description": "Number of Tabela 38"},
    "tiss_description": {"type": "string", "description": "Official text of the number, in Portuguese"},
}
_PROBLEM: Final = {
    "type": "object",
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        **_ERROR,
        "request_id": {"type": "string", "description": "What to tell the support"},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": _ERROR, "required": ["code", "detail"]},
        },
    },
    "required": ["type", "title", "status", "code", "detail", "request_id", "errors"],
}
_REFUSALS: Final = {
    "400": "No valid JSON",
    "401": "No token that is accepted",
    "403": "Not permitted",
    "404": "No such object in the data scope",
    "409": "The state does not allow it",
    "422": "Something in the request is wrong",
    "429": "Too many requests",
    "default": "Any other failure",
}


def document(version: str, schema: GraphQLSchema) -> bytes:
    """The document as JSON, with the answers as the GraphQL schema types them."""
    paths: dict[str, Any] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    found = {
        "openapi": "3.1.0",
        "info": {
            "title": "Convênio billing gateway",
            "version": version,
            "description": "The endpoints of the earlier service. New callers use GraphQL, which has the rest.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Problem": _PROBLEM, **{each.answers: answer_of(each, schema) for each in ENDPOINTS}},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }
    return orjson.dumps(found)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    name = endpoint.forms[0].operation.text.split(" ")[1].partition("(")[0]
    is_read = endpoint.method == "GET"
    return {
        "operationId": "ChangeStatus" if endpoint.choose else name,
        "summary": endpoint.summary,
        "tags": [endpoint.path.split("/")[1]],
        "parameters": [*_path_parameters(endpoint), *(_query(endpoint) if is_read else _headers(endpoint))],
        **({} if is_read else {"requestBody": {"required": True, "content": {"application/json": _body(endpoint)}}}),
        "responses": {
            str(endpoint.status): _content("Done", "application/json", endpoint.answers),
            **{status: _content(text, PROBLEM, "Problem") for status, text in _REFUSALS.items()},
        },
    }


def _content(text: str, media: str, name: str) -> dict[str, Any]:
    return {"description": text, "content": {media: {"schema": {"$ref": f"#/components/schemas/{name}"}}}}


def _path_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [{"name": "id", "in": "path", "required": True, "schema": _TEXT}] if "{id}" in endpoint.path else []


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": each.name, "in": "query", "description": each.description, "schema": each.kind.schema}
        for each in endpoint.forms[0].members
    ]


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.forms[0].operation.key == "none":
        return []
    text = "The same request again under the same key gets the first answer"
    return [
        {"name": HEADER, "in": "header", "description": text, "schema": {"type": "string", "pattern": "^[!-~]{1,80}$"}}
    ]


def _body(endpoint: Endpoint) -> dict[str, Any]:
    """One object, or one of several: the form of a change is chosen by its status."""
    schemas = [{**form.group.schema, **({"title": form.summary} if form.summary else {})} for form in endpoint.forms]
    return {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
