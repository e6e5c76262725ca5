"""The engine's messages reach clients without the values that were sent."""

from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values

from app.schema.root import schema
from app.transport.documents import RULES
from app.transport.messages import without_values

CPF = "52998224725"
CORE = schema._schema
UNKNOWN_FIELD = "Expected value of type 'ClaimFilterInput' not to include unknown field"
OF_VARIABLES: list[tuple[str, Any, str]] = [
    ("Int", CPF, "Variable '$x' has invalid value: Int cannot represent non-integer value."),
    ("Int", int(CPF), "Variable '$x' has invalid value: Int cannot represent non 32-bit signed integer value."),
    ("Float", CPF, "Variable '$x' has invalid value: Float cannot represent non numeric value."),
    ("String", int(CPF), "Variable '$x' has invalid value: String cannot represent a non string value."),
    ("Boolean", CPF, "Variable '$x' has invalid value: Boolean cannot represent a non boolean value."),
    ("ID", {CPF: 1}, "Variable '$x' has invalid value: ID cannot represent value."),
    ("ClaimStatus", CPF, "Variable '$x' has invalid value: Value does not exist in 'ClaimStatus' enum."),
    ("ClaimStatus", [CPF], "Variable '$x' has invalid value: Enum 'ClaimStatus' cannot represent non-string value."),
    ("[ID!]!", [None], "Variable '$x' has invalid value at [0]: Expected value of non-null type 'ID!' not to be None."),
    (
        "ClaimFilterInput",
        CPF,
        "Variable '$x' has invalid value: Expected value of type 'ClaimFilterInput' to be an object.",
    ),
    (
        "ClaimFilterInput",
        {"cardNumbr": CPF},
        f"Variable '$x' has invalid value: {UNKNOWN_FIELD} 'cardNumbr'.",
    ),
    (
        "ClaimFilterInput",
        {f"Maria {CPF}": 1},
        f"Variable '$x' has invalid value: {UNKNOWN_FIELD}.",
    ),
    (
        "ClaimFilterInput",
        {f"cpf_{CPF}": 1},
        f"Variable '$x' has invalid value: {UNKNOWN_FIELD} 'cpf_***'.",
    ),
    (
        "ClaimStatusChangedFilterInput",
        {"status": [CPF]},
        "Variable '$x' has invalid value at .status[0]: Value does not exist in 'ClaimStatus' enum.",
    ),
    (
        "ProcedureInput",
        {"codeSystem": CPF},
        "Variable '$x' has invalid value: Expected value of type 'ProcedureInput' to include required field 'code'.",
    ),
    ("ClaimPreflightInput", {}, "OneOf Input Object 'ClaimPreflightInput' must specify exactly one key."),
]
OF_DOCUMENTS = {
    f'{{ claims(first: "{CPF}") {{ totalCount }} }}': "Int cannot represent non-integer value.",
    f"{{ claims(first: {CPF}) {{ totalCount }} }}": "Int cannot represent non 32-bit signed integer value.",
    f"{{ claims(filter: {{status: C{CPF}}}) {{ totalCount }} }}": "Value does not exist in 'ClaimStatus' enum.",
    f'{{ claims(filter: {{status: "{CPF}"}}) {{ totalCount }} }}': (
        "Enum 'ClaimStatus' cannot represent non-enum value."
    ),
    f'{{ claims(filter: "{CPF}") {{ totalCount }} }}': "Expected value of type 'ClaimFilterInput' to be an object.",
    f'{{ claims(filter: {{card: "{CPF}"}}) {{ totalCount }} }}': (
        "Expected value of type 'ClaimFilterInput' not to include unknown field 'card'."
    ),
    f'{{ claim(id: {{a: "{CPF}"}}) {{ id }} }}': "ID cannot represent a non-string and non-integer value.",
    f'{{ me @include(if: "{CPF}") {{ subject }} }}': "Boolean cannot represent a non boolean value.",
    f'query($x: Int! = "{CPF}") {{ claims(first: $x) {{ totalCount }} }}': "Int cannot represent non-integer value.",
    f"{{ c{CPF} }}": "Cannot query field 'c***' on type 'Query'.",
    f"{{ me {{ ...F{CPF} }} }}": "Unknown fragment 'F***'.",
}
OF_TEXTS = {
    f'{{ a "{CPF}" }}': "Syntax Error: Expected Name, found String.",
    f"{{ a {CPF} }}": "Syntax Error: Expected Name, found Int.",
    "{ a } Maria": "Syntax Error: Unexpected Name.",
    f"{{ a(b: .{CPF}) }}": "Syntax Error: Invalid number, expected digit before '.'.",
    f'{{ a(b: "\\u{{{CPF}}}") }}': "Syntax Error: Invalid Unicode escape sequence.",
    f"{{ a(b: 0{CPF}) }}": "Syntax Error: Invalid number, unexpected digit after 0.",
    f'{{ a(b: "{CPF}': "Syntax Error: Unterminated string.",
    "{ a(b: é) }": "Syntax Error: Unexpected character.",
    "{ a": "Syntax Error: Expected Name, found <EOF>.",
    "enum A { true }": "Syntax Error: Name 'true' is reserved and cannot be used for an enum value.",
}


@pytest.mark.parametrize(("type_name", "value", "message"), OF_VARIABLES)
def test_of_a_variable(type_name: str, value: Any, message: str) -> None:
    (operation,) = parse(f"query($x: {type_name}) {{ __typename }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    found = get_variable_values(CORE, operation.variable_definitions or (), {"x": value}, hide_suggestions=True)
    assert isinstance(found, list)
    assert message in [without_values(error.message) for error in found]


@pytest.mark.parametrize("text", OF_DOCUMENTS)
def test_of_a_document(text: str) -> None:
    found = validate(CORE, parse(text), RULES, hide_suggestions=True)
    assert [without_values(error.message) for error in found] == [OF_DOCUMENTS[text]]


@pytest.mark.parametrize("text", OF_TEXTS)
def test_of_a_text_that_is_no_document(text: str) -> None:
    with pytest.raises(GraphQLError) as caught:
        parse(text)
    assert without_values(caught.value.message) == OF_TEXTS[text]


def test_a_form_that_is_not_known_loses_everything_about_the_value() -> None:
    assert without_values("Variable '$x' has invalid value at .a: Maria is odd.") == (
        "Variable '$x' has invalid value at .a."
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Value '{}' does not exist in 'E' enum.", "Value does not exist in 'E' enum."),
        ("Variable '$x' has invalid value: Value '{}' does not exist in 'E' enum.", "Variable '$x' has invalid value"),
        ("Cannot query field '{}' on type 'Query'.", "Use shorter names and values."),
    ],
)
def test_of_a_long_message_only_the_ends_are_read(message: str, shown: str) -> None:
    found = without_values(message.format("Maria " * 20_000))
    assert found.startswith(shown)
    assert "Maria" not in found
