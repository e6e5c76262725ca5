"""The engine's messages for clients, without values: what a client sent may be a person's card or CPF, and clients log
the messages that they get.

graphql-core ends most messages with the value that it could not use, for example

    Variable '$input' has invalid value at .items: Expected value of type 'Int', found: '4111111111111111'.

becomes `Variable '$input' has invalid value at .items: Expected value of type 'Int'.` A form that is not known
here loses everything after `has invalid value`, so that a new version of graphql-core cannot begin to repeat values.

Values are as long as a request may be, and the forms take time in the square of their text: of a long message only both
ends are read.
"""

import re
from collections.abc import Callable
from typing import Final

_TYPE: Final = r"'[\w!\[\]]+'"
# A name that a client wrote into its document is shown, but not the digits in it.
_DIGITS: Final = re.compile(r"\d{6,}")
_NAME: Final = re.compile(r"[_A-Za-z]\w{0,79}")
_INVALID: Final = re.compile(
    r"^((?:Variable|Argument) .*? has invalid (?:default )?value(?: at [\w.\[\]]+)?)(?:: |$)", re.DOTALL
)


def _unknown_field(found: re.Match[str]) -> str:
    """The name is shown if it is one: the keys of a variable may be anything."""
    field = found[2].partition("'")[0]
    return f"{found[1]} '{field}'." if _NAME.fullmatch(field) else f"{found[1]}."


_VALUES: Final[tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]] = tuple(
    (re.compile(form, re.DOTALL), replacement)
    for form, replacement in (
        (rf"(Expected value of type {_TYPE} not to include unknown field) '(.*)$", _unknown_field),
        (rf"(Expected value of type {_TYPE}(?: to be an object| to include required field '\w+')?),.*$", r"\1."),
        (r"(\b\w+ cannot represent (?:an? )?(?:[\w-]+ )*?value): .*$", r"\1."),
        (r"(Enum '\w+' cannot represent [\w-]+ value): .*$", r"\1."),
        (r"Value '.*' does not exist in '(\w+)' enum\..*$", r"Value does not exist in '\1' enum."),
    )
)
_WITHOUT_VALUES: Final = re.compile(
    rf"Expected (?:a )?value of non-null type {_TYPE} (?:not to be None|to be provided)\."
    rf"|Expected variable '\$\w+' provided to (?:field '\w+' for OneOf Input Object |non-null )?type {_TYPE} .*"
    rf"|Within OneOf Input Object type {_TYPE}, exactly one field must be specified, .*"
)
_TOKEN: Final = re.compile(
    r"(Name|Int|Float|String|BlockString|Comment) '(?!(?:true|false|null)' is reserved).*$", re.DOTALL
)
_CHARACTERS: Final = re.compile(r"(, did you mean '0\.|: ['U]).*$", re.DOTALL)
_SYNTAX: Final = "Syntax Error: "
_LONG: Final = 1_500
_START, _END = 1_000, 200
_TOO_LONG: Final = "Use shorter names and values."


def without_values(message: str) -> str:
    """What graphql-core says of a document or of variables, without any value in them. A long message is only known by
    its ends: it is replaced if they are in no known form."""
    is_long = len(message) > _LONG
    if is_long:
        message = message[:_START] + message[-_END:]
    if message.startswith(_SYNTAX):
        text = _CHARACTERS.sub(".", _TOKEN.sub(r"\1.", message.removeprefix(_SYNTAX)))
        return _SYNTAX + _DIGITS.sub("***", text)
    invalid = _INVALID.match(message)
    start = invalid[0] if invalid else ""
    text = _core(message.removeprefix(start), is_value=is_long or invalid is not None)
    if is_long and not (start or text):
        return _TOO_LONG
    found = f"{start}{text}" if text else f"{start.removesuffix(': ')}."
    return _DIGITS.sub("***", found)


def _core(text: str, *, is_value: bool) -> str:
    """The part about the value; "" if it is in no known form."""
    for form, replacement in _VALUES:
        found, count = form.subn(replacement, text)
        if count:
            return found
    return text if not is_value or _WITHOUT_VALUES.fullmatch(text) else ""
