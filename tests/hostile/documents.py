"""Hostile documents, each with the code that refuses it: the whole of it, or (INPUT) the field that asks too much."""

TOO_COMPLEX, INVALID, PARSE = "TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"
INPUT = "BAD_USER_INPUT"


def _chain(count: int, body: str = "", *, spreads: int = 2, last: str = "__typename") -> str:
    """Fragments that each spread the next one several times."""
    parts = [f"fragment F{n} on Query{{{body}{f' ...F{n + 1}' * spreads}}}" for n in range(count)]
    return "{...F0}" + "".join(parts) + f"fragment F{count} on Query{{{last}}}"


def _deep(levels: int, *, member: str = "replaces", inner: str = "id") -> str:
    return "{claims{nodes" + f"{{{member}" * levels + f"{{{inner}}}" + "}" * levels + "}}"


def _nested(count: int) -> str:
    return "".join(f"fragment F{n} on Claim{{replaces{{...F{n + 1}}}}}" for n in range(count))


def _binary(levels: int) -> str:
    return "{id}" if levels == 0 else "{" + f" replaces{_binary(levels - 1)}" * 2 + "}"


def _many(count: int, each: str) -> str:
    return " ".join(each.replace("#", str(number)) for number in range(count))


DOCUMENTS: dict[str, tuple[str, str]] = {
    "a chain of 40 fragments that doubles": (_chain(40, "a:me{name}"), TOO_COMPLEX),
    "a chain of 75 fragments that doubles": (_chain(75), TOO_COMPLEX),
    "a chain of 55 fragments with fields": (_chain(55, "claims{nodes{id}}"), TOO_COMPLEX),
    "a long chain of single spreads": (_chain(105, spreads=1, last="x"), TOO_COMPLEX),
    "a fragment within itself": ("{...A} fragment A on Query{...A}", INVALID),
    "a circle of 90 fragments": (
        "{...F0}" + _many(90, "fragment F# on Query{...G#}").replace("...G89", "...F0").replace("...G", "...F"),
        TOO_COMPLEX,
    ),
    "a circle of three fragments": (
        "{...A} fragment A on Query{...B} fragment B on Query{...C} fragment C on Query{...A}",
        INVALID,
    ),
    "a circle of 110 fragments": (
        "{...F0}" + _many(110, "fragment F# on Query{...G#}").replace("...G109", "...F0").replace("...G", "...F"),
        TOO_COMPLEX,
    ),
    "a circle below a field": (
        "{...A} fragment A on Query{claims{nodes{replaces{...B}}}} fragment B on Claim{...B}",
        INVALID,
    ),
    "101 aliases": ("{me{" + _many(101, "a#:id") + "}}", TOO_COMPLEX),
    "330 aliases of one name": ("{" + "a:__typename " * 330 + "}", TOO_COMPLEX),
    "aliases times spreads": (
        "{claims{nodes{" + "...A " * 21 + "}}} fragment A on Claim{" + _many(5, "a#:id") + "}",
        TOO_COMPLEX,
    ),
    "21 root fields": ("{" + "me{id} " * 21 + "}", TOO_COMPLEX),
    "990 of one root field": ("{" + "__typename " * 990 + "}", TOO_COMPLEX),
    "root fields through fragments": (
        "{" + "...A " * 7 + "} fragment A on Query{claim(id:1){id} me{id} invoice(id:1){id}}",
        TOO_COMPLEX,
    ),
    "51 directives": ("{__typename" + " @skip(if:true)" * 51 + "}", TOO_COMPLEX),
    "490 unknown directives": ("{__typename" + " @a" * 490 + "}", TOO_COMPLEX),
    "directives on spreads": ("{" + "...A @skip(if:true) " * 51 + "} fragment A on Query{__typename}", TOO_COMPLEX),
    "16 levels": (_deep(13), TOO_COMPLEX),
    "400 levels": (_deep(400), PARSE),
    "900 levels of an unknown field": ("{a" * 900 + "}" * 900, PARSE),
    "600 inline fragments within each other": ("{" + "...{" * 600 + "__typename" + "}" * 600 + "}", PARSE),
    "depth through fragments": (
        "{claims{nodes{...F0}}}" + _nested(13) + "fragment F13 on Claim{id}",
        TOO_COMPLEX,
    ),
    "100 claims of 100 claims": (
        "{claims(first:100){nodes{items{denials{claim{items{denials{claim{history{nodes{id}}}}}}}}}}}",
        TOO_COMPLEX,
    ),
    "a page of two thousand millions": ("{claims(first:2147483647){nodes{id}}}", INPUT),
    "a page of 5,000 digits": ("{claims(first:" + "9" * 5_000 + "){nodes{id}}}", INVALID),
    "a page of minus 5,000 digits": ("{claims(first:-" + "9" * 5_000 + "){nodes{id}}}", INVALID),
    "a float of 5,000 digits": ("{claims(first:1" + "0" * 5_000 + ".5){nodes{id}}}", INVALID),
    "an argument of 320 fields": ("{claims(filter:{" + _many(320, "a#:1") + "}){totalCount}}", INVALID),
    "a list of 950 literals": ("{nodes(ids:[" + "1 " * 950 + "]){...on Claim{history{nodes{id}}}}}", INPUT),
    "lists within lists within lists": ("{nodes(ids:" + "[" * 700 + "]" * 700 + "){id}}", PARSE),
    "200,000 brackets": ("{nodes(ids:" + "[" * 120_000, TOO_COMPLEX),
    "30,000 braces": ("{" * 30_000, PARSE),
    "a comment of 30 KB": ("#" + "x" * 30_000 + "\n{x}", INVALID),
    "a string of 30 KB that does not end": ('{claim(id:"' + "x" * 30_000 + "){id}}", PARSE),
    "120,000 braces": ("{" * 120_000, TOO_COMPLEX),
    "1,001 tokens": ("{" + "a " * 999 + "}", PARSE),
    "a comment of 120 KB": ("#" + "x" * 120_000 + "\n{x}", TOO_COMPLEX),
    "a name of 100 KB": ("{" + "x" * 100_000 + "}", TOO_COMPLEX),
    "a string that does not end": ('{claim(id:"' + "x" * 100_000 + "){id}}", TOO_COMPLEX),
    "a block string that does not end": ('{claim(id:"""' + '\\"""' * 8_000 + "){id}}", PARSE),
    "120 KB of commas": ("," * 120_000, TOO_COMPLEX),
    "an enum of 30 KB": ("{claims(orderBy:{direction:ASC,field:" + "x" * 30_000 + "}){totalCount}}", INVALID),
    "a field of 30 KB": ("{" + "x" * 30_000 + "}", INVALID),
    "an argument of 30 KB": ("{claims(" + "x" * 30_000 + ":1){totalCount}}", INVALID),
    "an input field of 30 KB": ("{claims(filter:{" + "x" * 30_000 + ":1}){totalCount}}", INVALID),
    "a directive of 30 KB": ("{__typename @" + "x" * 30_000 + "}", INVALID),
    "a type of 30 KB": ("{...on " + "x" * 30_000 + "{id}}", INVALID),
    "a fragment of 30 KB": ("{..." + "x" * 30_000 + "}", INVALID),
    "parts of messages in a value": ("{claim(id:[" + '"' + "Value '" * 4_000 + '"' + "]){id}}", INVALID),
    "default lists of many variables": (
        "query(" + _many(18, "$v#:[ID!]=[" + "1 " * 40 + "]") + "){__typename}",
        INVALID,
    ),
    "variables of 3 KB each by default": (
        "query(" + _many(10, '$v#:ID="' + "x" * 3_000 + '"') + "){__typename}",
        INVALID,
    ),
    "fragments that read what one skips": (
        "{...@skip(if:true){claims(first:100){nodes{items{denials{claim{items{denials{claim{history{nodes{id}}}}}}}}}}}}",
        TOO_COMPLEX,
    ),
    "lists of lists by aliases": (
        "{" + _many(19, "a#:claims(first:100){nodes{items{denials{id code}}}}") + "}",
        TOO_COMPLEX,
    ),
    "introspection by fragments": (
        "{__schema{types{...T}}}fragment T on __Type{fields{type{...U}}}fragment U on __Type{fields{type{fields{x}}}}",
        INVALID,
    ),
    "escapes of lone surrogates": ('{claim(id:"\\ud800"){id}}', PARSE),
    "an escape beyond Unicode": ('{claim(id:"\\u{110000}"){id}}', PARSE),
    "a type system": ("type Query{a:Int} directive @a on FIELD " * 50 + "{__typename}", INVALID),
    "240 variables that nobody uses": ("query(" + _many(240, "$v#:Int") + "){__typename}", INVALID),
    "240 variables of one name": ("query(" + "$v:Int " * 240 + "){__typename}", INVALID),
    "variables of deep types": ("query($v:" + "[" * 300 + "Int" + "]" * 300 + "){__typename}", PARSE),
    "a default of 150 objects": ("query($v:[ID!]=[" + "{a:1}" * 150 + "]){nodes(ids:$v){id}}", INVALID),
    "fields that overlap in pairs": ("{claims{" + "nodes{id}" * 240 + "}}", TOO_COMPLEX),
    "fields that overlap in trees": ("{claims{nodes" + _binary(7) + "}}", TOO_COMPLEX),
    "980 of one leaf": ("{claims{nodes{" + "id " * 980 + "}}}", TOO_COMPLEX),
    "fragments that overlap": (
        "{claims{nodes{" + _many(75, "...F#") + "}}}" + _many(75, "fragment F# on Claim{replaces{id}}"),
        TOO_COMPLEX,
    ),
    "fragments that overlap with a selection": (
        "{claims{nodes{"
        + "replaces{id version}" * 60
        + _many(52, "...F#")
        + "}}}"
        + _many(52, "fragment F# on Claim{replaces{id status}}"),
        TOO_COMPLEX,
    ),
    "conflicts without end": ("{claims{nodes{" + _many(99, "a:id b:status c:version") + "}}}", TOO_COMPLEX),
    "introspection within itself": ("{__schema{types{fields{type{fields{type{fields{name}}}}}}}}", INVALID),
    "190 operations": (_many(190, "query Q#{__typename}"), TOO_COMPLEX),
    "operations of one name": ("query Q{__typename} " * 190, TOO_COMPLEX),
    "140 fragments that nobody spreads": ("{__typename}" + _many(140, "fragment F# on Query{__typename}"), TOO_COMPLEX),
    "140 fragments of one name": ("{...F}" + "fragment F on Query{__typename} " * 140, INVALID),
    "150 unknown types": ("{" + _many(150, "...on T#{a}") + "}", TOO_COMPLEX),
    "a mutation of 21 steps": (
        "mutation{" + _many(21, "a#:cancelClaim(input:{claimId:1}){replayed}") + "}",
        TOO_COMPLEX,
    ),
    "an unknown field with suggestions": ("{clams{nodes{id}}}", INVALID),
}
