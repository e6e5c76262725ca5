"""Hostile requests: bytes over HTTP with the status and code that answer them."""

import json
from typing import Any

from tests.hostile.wire import JSON, get, post

BAD = (400, "BAD_REQUEST")
TOKEN = b"authorization: Bearer <token>"
"""A reviewer's, which the test puts in."""
TYPE = (415, "UNSUPPORTED_MEDIA_TYPE")
LARGE = (413, "PAYLOAD_TOO_LARGE")
HEADERS = (431, "HEADERS_TOO_LARGE")
MISSING = (404, "NOT_FOUND")
QUERY = b'{"query":"{__typename}"'
OWN_HEADERS = 5  # of post()
BARE = b"GET /graphql?query=%7B__typename%7D HTTP/1.1\r\nconnection: close\r\n"
END = b"0\r\n\r\n"
TRAILED = (
    b"POST /graphql HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
    + JSON
    + b"\r\n%x\r\n%s}\r\n" % (len(QUERY) + 1, QUERY)
)
SOCKET = (
    b"GET /graphql HTTP/1.1\r\nhost: g\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\n"
)


def _body(**members: Any) -> bytes:
    return post(json.dumps({"query": "{__typename}", **members}).encode())


def _variables(raw: bytes) -> bytes:
    return post(QUERY + b',"variables":' + raw + b"}")


def _ordered(by: bytes) -> bytes:
    """A list in an order that there is not."""
    query = b'{"query":"query($f:ClaimOrderField!){claims(orderBy:{field:$f,direction:ASC}){totalCount}}",'
    query += b'"variables":{"f":"%s"}}'
    return post(query % by, TOKEN)


def _java(body: bytes) -> bytes:
    """What Java's HttpClient sends first, in the hope of HTTP/2."""
    settings = (b"upgrade: h2c", b"http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA")
    return post(body, *settings).replace(b": close", b": upgrade, http2-settings")


Process = bytes | tuple[bytes, ...]

REQUESTS: dict[str, tuple[Process, tuple[int, str | None]]] = {
    "an empty body": (post(b""), BAD),
    "null": (post(b"null"), BAD),
    "a number": (post(b"1"), BAD),
    "a string": (post(b'"{__typename}"'), BAD),
    "a batch": (post(b"[" + b",".join([QUERY + b"}"] * 20) + b"]"), BAD),
    "an empty batch": (post(b"[]"), BAD),
    "an empty object": (post(b"{}"), BAD),
    "a query of null": (_body(query=None), BAD),
    "a query of a list": (_body(query=["{__typename}"]), BAD),
    "a query of an object": (_body(query={"a": 1}), BAD),
    "an empty query": (_body(query=""), BAD),
    "a query with NUL": (_body(query="{__typename}\0"), BAD),
    "variables of a list": (_body(variables=[]), BAD),
    "variables of a string": (_body(variables="{}"), BAD),
    "extensions of a number": (_body(extensions=1), BAD),
    "a name of an object": (_body(operationName={}), BAD),
    "a persisted query of a list": (_body(extensions={"persistedQuery": []}), BAD),
    "a persisted query without a hash": (_body(extensions={"persistedQuery": {"version": 1}}), BAD),
    "a hash of an object": (_body(extensions={"persistedQuery": {"version": 1, "sha256Hash": {}}}), BAD),
    "a hash of another text": (_body(extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}), BAD),
    "an id and a query": (_body(documentId="0" * 64), BAD),
    "an id of a path": (post(b'{"documentId":"../../etc/passwd"}'), BAD),
    "an id that nobody knows": (post(b'{"documentId":"%s"}' % (b"0" * 64)), (400, "PERSISTED_QUERY_NOT_FOUND")),
    "NaN": (_variables(b'{"a":NaN}'), BAD),
    "Infinity": (_variables(b'{"a":-Infinity}'), BAD),
    "an integer of 5,000 digits": (_variables(b'{"a":' + b"7" * 5_000 + b"}"), BAD),
    "an integer of 100,000 digits": (_variables(b'{"a":' + b"7" * 100_000 + b"}"), BAD),
    "a lone surrogate": (_variables(b'{"a":"\\ud800"}'), BAD),
    "33 levels": (_variables(b'{"a":' + b"[" * 32 + b"]" * 32 + b"}"), BAD),
    "1,000 levels": (_variables(b'{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}"), BAD),
    "50,000 levels": (_variables(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), BAD),
    "120,000 open brackets": (post(b"[" * 120_000), BAD),
    "bad UTF-8": (post(b'{"query":"{__typename}\xff\xfe"}'), BAD),
    "an overlong encoding": (post(b'{"query":"\xc0\xaf"}'), BAD),
    "a byte order mark": (post(b"\xef\xbb\xbf" + QUERY + b"}"), BAD),
    "UTF-16": (post('{"query":"{__typename}"}'.encode("utf-16")), BAD),
    "something behind the end": (post(QUERY + b"}}"), BAD),
    "single quotes": (post(b"{'query':'{__typename}'}"), BAD),
    "11,000 variables": (_variables(b"{" + b",".join(b'"%x":1' % n for n in range(11_000)) + b"}"), (200, None)),
    "a variable of 120 KB": (_variables(b'{"a":"' + b"x" * 120_000 + b'"}'), (200, None)),
    "a list of 60,000": (
        post(b'{"query":"query($i:[ID!]!){nodes(ids:$i){id}}","variables":{"i":[' + b"1," * 60_000 + b"1]}}"),
        BAD,
    ),
    "a page asked by a variable": (
        post(b'{"query":"query($n:Int!){claims(first:$n){nodes{id}}}","variables":{"n":2000000000}}'),
        (401, "UNAUTHENTICATED"),
    ),
    "a page asked by a float": (
        post(b'{"query":"query($n:Int!){claims(first:$n){nodes{id}}}","variables":{"n":1e300}}', TOKEN),
        (400, "BAD_USER_INPUT"),
    ),
    "a page asked by a list": (
        post(b'{"query":"query($n:Int!){claims(first:$n){nodes{id}}}","variables":{"n":[[1]]}}', TOKEN),
        (400, "BAD_USER_INPUT"),
    ),
    "an enum of an object": (
        post(
            b'{"query":"query($d:OrderDirection!){claims(orderBy:{field:CREATED_AT,direction:$d}){totalCount}}",'
            b'"variables":{"d":{"a":1}}}',
            TOKEN,
        ),
        (400, "BAD_USER_INPUT"),
    ),
    "an enum of 120 KB": (_ordered(b"x" * 120_000), (400, "BAD_USER_INPUT")),
    "an enum of parts of messages": (_ordered(b"Value '" * 17_000), (400, "BAD_USER_INPUT")),
    "an enum of other parts of messages": (_ordered(b"a cannot represent " * 6_000), (400, "BAD_USER_INPUT")),
    "an input field of 120 KB": (
        post(
            b'{"query":"query($f:ClaimFilterInput!){claims(filter:$f){totalCount}}","variables":{"f":{"%s":1}}}'
            % (b"x" * 120_000),
            TOKEN,
        ),
        (400, "BAD_USER_INPUT"),
    ),
    "no content type": (post(QUERY + b"}", media=b""), TYPE),
    "a form": (post(b"query=%7B__typename%7D", media=b"content-type: application/x-www-form-urlencoded\r\n"), TYPE),
    "multipart": (post(b"--x--", media=b"content-type: multipart/form-data; boundary=x\r\n"), TYPE),
    "text": (post(QUERY + b"}", media=b"content-type: text/plain\r\n"), TYPE),
    "another charset": (post(QUERY + b"}", media=b"content-type: application/json; charset=utf-7\r\n"), TYPE),
    "a content type of 8 KB": (
        post(QUERY + b"}", media=b"content-type: application/json" + b";a=b" * 2_000 + b"\r\n"),
        (200, None),
    ),
    "a gzip bomb": (post(b"\x1f\x8b" + b"\0" * 1_000, b"content-encoding: gzip"), TYPE),
    "a body too large, announced": (post(b"x", length=10_000_000), LARGE),
    "a body too large, announced absurdly": (post(b"x", length=10**18), LARGE),
    "a body too large, in pieces": (
        b"POST /graphql HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n"
        + JSON
        + b"\r\n"
        + b"".join([b"4000\r\n" + b" " * 0x4000 + b"\r\n"] * 10)
        + b"0\r\n\r\n",
        LARGE,
    ),
    "a body of 2,000 one-byte pieces": (
        b"POST /graphql HTTP/1.1\r\nhost: g\r\nconnection: close\r\ntransfer-encoding: chunked\r\n"
        + JSON
        + b"\r\n"
        + b"1\r\n[\r\n" * 2_000
        + b"0\r\n\r\n",
        BAD,
    ),
    "a chunk that is no number": (
        b"POST /graphql HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n" + JSON + b"\r\nzz\r\n\r\n",
        BAD,
    ),
    "a negative length": (b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-length: -1\r\n\r\n", BAD),
    "two lengths": (
        b"POST /graphql HTTP/1.1\r\nhost: g\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        BAD,
    ),
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, BAD),
    "garbage behind a request": (post(QUERY + b"}") + b"\0\xff" * 5_000, (200, None)),
    "a method of its own": (b"BREW /graphql HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n", BAD),
    "DELETE": (b"DELETE /graphql HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n", (405, "METHOD_NOT_ALLOWED")),
    "a GET of a mutation": (
        get(
            b"query=mutation%7BacceptDenial(input%3A%7BdenialId%3A1,idempotencyKey%3A%221%22%7D)%7Breplayed%7D%7D",
            TOKEN,
        ),
        (405, "METHOD_NOT_ALLOWED"),
    ),
    "a GET of nothing": (get(b""), BAD),
    "a GET in bad percent-encoding": (get(b"query=%ff%fe%zz%"), (400, "GRAPHQL_PARSE_FAILED")),
    "a GET with NUL": (get(b"query=%7B__typename%7D%00"), BAD),
    "a GET with bad variables": (get(b"query=%7B__typename%7D&variables=%7B"), BAD),
    "a GET with variables of a list": (get(b"query=%7B__typename%7D&variables=%5B%5D"), BAD),
    "a GET with deep variables": (get(b"query=%7B__typename%7D&variables=" + b"%5B" * 5_000), BAD),
    "a GET with 5,000 parameters": (get(b"query=%7B__typename%7D&" + b"a=1&" * 5_000), (200, None)),
    "a GET from a form": (get(b"query=%7B__typename%7D", b"sec-fetch-mode: navigate"), BAD),
    "an accept of 2,000 ranges": (post(QUERY + b"}", b"accept: " + b"a/b;q=0.1," * 2_000), (200, None)),
    "a token of 8 KB": (post(QUERY + b"}", b"authorization: Bearer " + b"x" * 8_000), (401, "UNAUTHENTICATED")),
    "a token of dots": (post(QUERY + b"}", b"authorization: Bearer ...."), (401, "UNAUTHENTICATED")),
    "a token of another kind": (post(QUERY + b"}", b"authorization: Basic YTpi"), (401, "UNAUTHENTICATED")),
    "a header of bytes": (post(QUERY + b"}", b"x-request-id: \xff\xfe\x80"), (200, None)),
    "200 headers": (post(QUERY + b"}", *[b"x-%d: y" % n for n in range(200 - OWN_HEADERS)]), (200, None)),
    "201 headers": (post(QUERY + b"}", *[b"x-%d: y" % n for n in range(201 - OWN_HEADERS)]), HEADERS),
    "2,000 headers": (post(QUERY + b"}", *[b"x-%d: y" % n for n in range(2_000)]), HEADERS),
    "a header of 60 KB": (post(QUERY + b"}", b"x-long: " + b"x" * 60_000), (200, None)),
    "a header of 70 KB": (post(QUERY + b"}", b"x-long: " + b"x" * 70_000), HEADERS),
    "a header without end": (b"GET /graphql HTTP/1.1\r\nhost: g\r\nx: " + b"x" * 500_000, HEADERS),
    "a name without end": (b"GET /graphql HTTP/1.1\r\nhost: g\r\n" + b"x" * 500_000, HEADERS),
    "a folded line": (get(b"query=%7B__typename%7D", b"x: a\r\n b"), BAD),
    "a path without end": (b"GET /" + b"x" * 500_000, HEADERS),
    # With more letters it depends on how many of them are read at once: the second one is wrong already.
    "a method of 60,000 letters": (b"G" * 60_000, (400, "BAD_REQUEST")),
    "blank lines without end": (b"\r\n" * 50_000, HEADERS),
    "trailers without end": (TRAILED + b"0\r\n" + b"x: y\r\n" * 100_000, HEADERS),
    "a trailer without end": (TRAILED + b"0\r\nx: " + b"y" * 500_000, HEADERS),
    "201 trailers": (TRAILED + b"0\r\n" + b"x: y\r\n" * 201 + b"\r\n", HEADERS),
    "three trailers": (TRAILED + b"0\r\nx: y\r\nhost: evil\r\nx: z\r\n\r\n", (200, None)),
    "a body of blank lines in chunks": (
        TRAILED + b"".join([b"4000\r\n" + b"\r\n\r\n" * 0x1000 + b"\r\n"] * 7) + b"0\r\n\r\n",
        (200, None),
    ),
    "blank lines before a request": (b"\r\n" * 1_000 + post(QUERY + b"}"), (200, None)),
    "chunk extensions without end": (TRAILED + b"1;a=" + b"b" * 500_000, HEADERS),
    "a chunk extension for each byte": (TRAILED + (b"1;" + b"a" * 100 + b"\r\n \r\n") * 1_000, HEADERS),
    "a chunk extension": (TRAILED.replace(b"18\r\n", b"18;a=b\r\n") + END, (200, None)),
    "no host": (BARE + b"\r\n", BAD),
    "no host in HTTP/1.0": (BARE.replace(b"1.1", b"1.0") + b"\r\n", (200, None)),
    "two hosts": (BARE + b"host: a\r\nhost: b\r\n\r\n", BAD),
    "one host twice": (BARE + b"host: a\r\nhost: a\r\n\r\n", BAD),
    "a host with a path": (BARE + b"host: a/b\r\n\r\n", BAD),
    "a host with a user": (BARE + b"host: a@b\r\n\r\n", BAD),
    "a host in IPv6": (BARE + b"host: [::1]:8000\r\n\r\n", (200, None)),
    "two tokens": (post(QUERY + b"}", b"authorization: Bearer a", b"authorization: Bearer b"), BAD),
    "two content types": (post(QUERY + b"}", b"content-type: text/plain"), BAD),
    "two origins": (post(QUERY + b"}", b"origin: http://a", b"origin: http://b"), BAD),
    "chunks in HTTP/1.0": ((TRAILED + END).replace(b"HTTP/1.1", b"HTTP/1.0"), BAD),
    "chunks and a length": ((TRAILED + END).replace(b"host: g\r\n", b"host: g\r\ncontent-length: 5\r\n"), BAD),
    "a length and chunks": ((TRAILED + END).replace(JSON, JSON + b"content-length: 5\r\n"), BAD),
    "an empty operation": (post(b'{"query":"mutation{}"}'), (400, "GRAPHQL_PARSE_FAILED")),
    "a slash behind the path": (get(b"query=%7B__typename%7D").replace(b"/graphql?", b"/graphql/?"), MISSING),
    "an unknown path": (get(b"").replace(b"/graphql", b"/admin"), MISSING),
    "a POST to health": (post(b"{}").replace(b"/graphql", b"/health"), (405, "METHOD_NOT_ALLOWED")),
    "another protocol with a body": (_java(QUERY + b"}"), (200, None)),
    "another protocol with a body that is no request": (_java(b"GET /x HTTP/1.1\r\n\r\n"), BAD),
    "another protocol with chunks": (
        (TRAILED + END).replace(b": close", b": upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA"),
        (200, None),
    ),
    "another protocol without a body": (
        get(b"query=%7B__typename%7D", b"upgrade: h2c").replace(b": close", b": upgrade"),
        (200, None),
    ),
    "a socket with a body": (SOCKET + b"content-length: 5\r\n\r\nabcde", BAD),
    "a socket without a key": (SOCKET.replace(b"sec-websocket-key", b"x-key") + b"\r\n", BAD),
    "a socket of an old version": (SOCKET.replace(b"version: 13", b"version: 8") + b"\r\n", BAD),
    "a socket by POST": (SOCKET.replace(b"GET", b"POST") + b"\r\n", (405, "BAD_REQUEST")),
    "a socket of 150 headers": (SOCKET + b"x: y\r\n" * 150 + b"\r\n", HEADERS),
    "a socket with a header of 10 KB": (SOCKET + b"x: " + b"y" * 10_000 + b"\r\n\r\n", HEADERS),
    "a socket with a path of 10 KB": (
        SOCKET.replace(b"/graphql", b"/" + b"x" * 10_000) + b"\r\n",
        (414, "HEADERS_TOO_LARGE"),
    ),
    "a socket with two hosts": (SOCKET + b"host: h\r\n\r\n", BAD),
    "a socket of a foreign page": (SOCKET + b"origin: http://evil\r\n\r\n", (403, "FORBIDDEN")),
    "a socket at an unknown path": (SOCKET.replace(b"/graphql", b"/x") + b"\r\n", (403, "FORBIDDEN")),
}
