"""The REST door of the pipeline: each request becomes one stored operation, and runs as a trusted document does."""

import json
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import orjson
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.language.messages import in_language
from app.rest import problems
from app.rest.endpoint import HEADER, Endpoint, Form, Values
from app.rest.kinds import Invalid, Member, Number, Text, Whole, located, placed
from app.rest.results import page_of, plain, redacted
from app.telemetry.logs import request_id
from app.transport import errors
from app.transport.admission import CountingRefusals
from app.transport.answers import Answer
from app.transport.context import OperationContext
from app.transport.deadlines import disconnected
from app.transport.errors import Refused, Unauthenticated
from app.transport.parameters import Parameters
from app.transport.pipeline import Pipeline
from app.transport.requests import read_body

ROUTE: Final = "route_template"
"""Where a request's scope has the path as the table writes it, for logs and metrics: without ids."""


class Wrong(Refused):
    """A request that the table does not understand: 422 with the field."""

    def __init__(self, invalid: Invalid) -> None:
        super().__init__(problems.INVALID, invalid.message, status=422)
        self.field = invalid.field


class Door:
    """An ASGI endpoint for the Route of one path, with the endpoints of its methods."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        pipeline: Pipeline,
        *,
        context: Callable[[HTTPConnection], Awaitable[OperationContext]],
        body_seconds: float,
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._template = endpoints[0].path
        self._pipeline = pipeline
        self._context = context
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope[ROUTE] = self._template
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        context: OperationContext | None = None
        try:
            endpoint = self._endpoint(request.method)
            context = await self._context(request)
            async with CountingRefusals(context):
                form, variables = await self._read(endpoint, request, context)
            parameters = Parameters.of({"documentId": form.operation.digest, "variables": variables})
            operation = await self._pipeline.prepare(parameters, context)
            gone = None if form.operation.is_mutation else partial(disconnected, request.receive)
            answer = await self._pipeline.answer(operation, context.for_operation(), gone)
        except Exception as error:  # noqa: BLE001 - masked and logged
            answer = self._pipeline.refuse(error, request_id=request_id.get())
            return _refused(answer, error.field if isinstance(error, Wrong) else None)
        return _answered(endpoint, form, answer)

    def _endpoint(self, method: str) -> Endpoint:
        for each in self._endpoints:
            if each.method == method:
                return each
        allowed = ", ".join(each.method for each in self._endpoints)
        raise Refused("METHOD_NOT_ALLOWED", f"use {allowed}", status=405, headers={"allow": allowed})

    async def _read(
        self, endpoint: Endpoint, request: Request, context: OperationContext
    ) -> tuple[Form, dict[str, Any]]:
        """The form of the request and the variables of its operation; nothing is read for an anonymous caller."""
        if not context.is_authenticated:
            raise Unauthenticated("send an Authorization header with a bearer token")
        try:
            given = _of_query(endpoint, request) if endpoint.method == "GET" else await self._of_body(request)
            form = endpoint.form_of(given)
            return form, _variables(form, given, request)
        except Invalid as invalid:
            raise Wrong(invalid) from None

    async def _of_body(self, request: Request) -> Values:
        if request.query_params:
            raise Invalid("", "send everything in the body: this endpoint has no parameters")
        value = decoded(await read_body(request, self._body_seconds))
        if not isinstance(value, dict):
            raise Invalid("", "send a JSON object")
        return value


def decoded(body: bytes) -> Any:
    """The JSON of a body with the text of each number; Refused (BAD_REQUEST) for what is no JSON."""
    try:
        # The stricter reader first: no NaN, no broken Unicode.
        orjson.loads(body)
        return json.loads(body, parse_float=Number, parse_int=Number)
    except (ValueError, RecursionError):
        raise Refused(errors.BAD_REQUEST, "send valid JSON") from None


def _of_query(endpoint: Endpoint, request: Request) -> Values:
    kinds = {each.name: each.kind for each in endpoint.forms[0].members}
    found: Values = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise Invalid("", "send each parameter once")
        found[name] = Number(value) if isinstance(kinds.get(name), Whole) else value
    return found


def _variables(form: Form, given: Values, request: Request) -> dict[str, Any]:
    key = _key(form, request)
    values = form.group.values(given)
    if form.complete is not None:
        values = form.complete(values, key or uuid.uuid4().hex)
    members, identifier = _with_id(form), request.path_params.get("id")
    placed_values = placed(members, values if identifier is None else {**values, "id": identifier})
    if not form.operation.is_mutation:
        return placed_values
    return {"input": placed_values if key is None else {**placed_values, "idempotencyKey": key}}


def _with_id(form: Form) -> tuple[Member, ...]:
    return (Member("id", form.id_path, Text({}), "Id"), *form.members) if form.id_path else form.members


def _key(form: Form, request: Request) -> str | None:
    """The idempotency key: the header's, or one of our own where the mutation needs one. Then a retry is not
    recognized, as it never was."""
    given = request.headers.get(HEADER)
    if form.operation.key == "none":
        return None
    if given is None:
        return uuid.uuid4().hex if form.operation.key == "required" else None
    return given


def _located(form: Form, steps: Sequence[str]) -> str | None:
    return HEADER if list(steps) == ["idempotencyKey"] else located(_with_id(form), steps)


def _refused(answer: Answer, field: str | None) -> Response:
    found = problems.of_response(answer.errors, lambda _: None)
    if field:
        found[0]["field"] = field
    status = problems.status_of(found[0]) if answer.status == 400 else answer.status
    return problems.problem(status, found, answer.headers)


def _answered(endpoint: Endpoint, form: Form, answer: Answer) -> Response:
    """The response to an execution, or to what the pipeline did not admit."""
    response = orjson.loads(answer.body)
    root = next(iter((response.get("data") or {}).values()), None)
    where = partial(_located, form)
    if answer.errors and (
        root is None or any(each["extensions"]["code"] != errors.FORBIDDEN for each in answer.errors)
    ):
        found = problems.of_response(answer.errors, where)
        status = answer.status if answer.status >= 400 and answer.status != 400 else None
        return problems.problem(status or problems.status_of(found[0]), found, answer.headers)
    if root is None:
        return problems.problem(
            404, [{"code": "NOT_FOUND", "detail": in_language("there is no such object in your data scope")}]
        )
    if form.operation.is_mutation and (refusals := _refusals(root)):
        found = problems.of_payload(refusals, where)
        return problems.problem(problems.status_of(found[0]), found)
    return _found(endpoint, form, root, answer)


def _refusals(payload: Any) -> list[Any]:
    return [*payload["errors"], *(error for each in payload.get("results") or () for error in each["errors"])]


def _found(endpoint: Endpoint, form: Form, root: Any, answer: Answer) -> Response:
    found = root
    for step in filter(None, form.operation.result.split(".")):
        found = found[int(step)] if step.isdecimal() else found[step]
    # A caller who may change an object but not read it gets an empty one.
    body = page_of(found) if endpoint.is_list else plain(found) or {}
    names = redacted(answer.errors)
    headers = dict(problems.NO_STORE)
    if endpoint.location and "id" in body:
        headers["location"] = f"{endpoint.location}{body['id']}"
    if form.operation.is_mutation and root.get("replayed"):
        headers["idempotency-replayed"] = "true"
    return Response(
        orjson.dumps({**body, "redacted": names} if names else body), endpoint.status, headers, "application/json"
    )
