"""Hostile frames: what is said over a socket, and the close code or the error that answers it."""

import json
from typing import Any

Frames = list[str | bytes]


def _subscribe(query: Any = "{__typename}", id: Any = "1", **more: Any) -> str:
    return json.dumps({"type": "subscribe", "id": id, "payload": {"query": query, **more}})


BEFORE_INIT: dict[str, tuple[Frames, int]] = {
    "a subscription before the initialisation": ([_subscribe()], 4401),
    "an initialisation without a token": (['{"type":"connection_init"}'], 4403),
    "an initialisation of a list": (['{"type":"connection_init","payload":[]}'], 4400),
    "a token of an object": (['{"type":"connection_init","payload":{"authorization":{}}}'], 4403),
    "a token that is none": (['{"type":"connection_init","payload":{"authorization":"Bearer x.y.z"}}'], 4403),
}

CLOSED: dict[str, tuple[Frames, int]] = {
    "a binary frame": ([b'{"type":"ping"}'], 4400),
    "no JSON": (["subscribe"], 4400),
    "an array": (["[]"], 4400),
    "a number": (["1"], 4400),
    "null": (["null"], 4400),
    "an empty frame": ([""], 4400),
    "an object without a type": (["{}"], 4400),
    "a type of a list": (['{"type":[]}'], 4400),
    "an unknown type": (['{"type":"start","id":"1"}'], 4400),
    "an id of null": ([_subscribe(id=None)], 4400),
    "an id of an object": ([_subscribe(id={})], 4400),
    "an empty id": ([_subscribe(id="")], 4400),
    "an id of 129 characters": ([_subscribe(id="x" * 129)], 4400),
    "a payload of null": (['{"type":"subscribe","id":"1","payload":null}'], 4400),
    "a payload of a list": (['{"type":"subscribe","id":"1","payload":[]}'], 4400),
    "a query of a number": ([_subscribe(1)], 4400),
    "variables of a list": ([_subscribe(variables=[])], 4400),
    "a ping of a string": (['{"type":"ping","payload":"x"}'], 4400),
    "brackets without end": (["[" * 100_000], 4400),
    "35 levels": ([_subscribe(variables={"a": json.loads("[" * 33 + "]" * 33)})], 4400),
    "NaN": (['{"type":"ping","payload":{"a":NaN}}'], 4400),
    "a frame of 200 KB": (["x" * 200_000], 1009),
    "a second initialisation": (['{"type":"connection_init"}'], 4429),
    "one id twice": ([_subscribe("subscription{settlementRecorded{cursor}}")] * 2, 4409),
}

REFUSED: dict[str, tuple[Frames, str]] = {
    "a document too deep": ([_subscribe("{a" * 90 + "}" * 90)], "TOO_COMPLEX"),
    "101 aliases": ([_subscribe("{" + " ".join(f"a{n}:__typename" for n in range(101)) + "}")], "TOO_COMPLEX"),
    "no GraphQL": ([_subscribe("{")], "GRAPHQL_PARSE_FAILED"),
    "a bad cursor": ([_subscribe('subscription{settlementRecorded(after:"\U0001f4a3"){cursor}}')], "BAD_USER_INPUT"),
    "an unknown document": (
        [json.dumps({"type": "subscribe", "id": "1", "payload": {"documentId": "0" * 64}})],
        "PERSISTED_QUERY_NOT_FOUND",
    ),
    "the eleventh operation": (
        [_subscribe("subscription{settlementRecorded{cursor}}", str(number)) for number in range(11)],
        "RATE_LIMITED",
    ),
}
