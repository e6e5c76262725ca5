"""The rules of docs/api-conventions.md: each a function that says in sentences what a schema breaks."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_specified_scalar_type,
    print_ast,
)

Rule = Callable[[GraphQLSchema], Iterator[str]]
Kind = TypeVar("Kind")
RULES: Final[dict[str, Rule]] = {}

ROOTS: Final = ("Query", "Mutation", "Subscription")
SPECIFIED_BY_DESCRIPTION: Final = {"BigInt", "Factor", "Money", "Quantity", "Ratio", "Scope"}
"""Scalars of this API alone: there is no document to name but their description."""
WITHOUT_KEY: Final = {"checkEligibility"}
"""A question, not a change: asking twice does no harm."""
KEY_REQUIRED: Final = re.compile(r"^(create|settle|reverse|import|post|adjudicate|adjust|replace|answer|export)")
"""Verbs of mutations that would create or pay twice."""
VERSIONED: Final = ("Claim", "Invoice", "Contract")
OF_A_DOCUMENT: Final = {"importBatch"}
"""Mutations whose objects are in a document, not in the input."""
PAST: Final = re.compile(r"(Recorded|Changed|Waiting|Progressed)$")
AMOUNT: Final = re.compile(r"([aA]mount|Price)$")
HALVES: Final = re.compile(r"(From|To|Before|After|Min|Max)$")
EITHER: Final = re.compile(r"(?i)null if `\w+` is given|either `\w+` or|exactly one of")
TOLD: Final = re.compile(r"`\w+`.*\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b")
SHARED_MAX: Final = 4
"""Fields of one name and type that two inputs may have in common before they are a form."""
COPIES: Final = {("ClaimChangesInput", "ClaimInput")}
"""A change has the fields of the form, all optional: null clears, what is left out stays."""
IDS_OF_THE_TOKEN: Final = {"Me.patientId"}
"""The token may name a patient that does not exist."""
OF_WHAT_IS_GONE: Final = re.compile(r"deleted[A-Z]\w*Id")


def rule(check: Rule) -> Rule:
    """Add the function to the rules, under its name as words."""
    RULES[check.__name__.replace("_", " ")] = check
    return check


def _kinds(schema: GraphQLSchema, *wanted: type[Any]) -> list[Any]:
    return [kind for name, kind in sorted(schema.type_map.items()) if isinstance(kind, wanted) and name[:2] != "__"]


def _outputs(schema: GraphQLSchema) -> list[tuple[str, str, GraphQLField]]:
    kinds = _kinds(schema, GraphQLObjectType, GraphQLInterfaceType)
    return [(kind.name, name, field) for kind in kinds for name, field in kind.fields.items()]


def _given(schema: GraphQLSchema) -> list[tuple[str, str, GraphQLInputField]]:
    kinds = _kinds(schema, GraphQLInputObjectType)
    return [(kind.name, name, field) for kind in kinds for name, field in kind.fields.items()]


def _everything(schema: GraphQLSchema) -> list[tuple[str, str, GraphQLField | GraphQLInputField]]:
    return [*_outputs(schema), *_given(schema)]


def _members(root: GraphQLObjectType | None) -> Mapping[str, GraphQLField]:
    return {} if root is None else root.fields


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]


def _is_list(kind: Any) -> bool:
    return isinstance(get_nullable_type(kind), GraphQLList)


def _has(field: GraphQLField, directive: str) -> bool:
    node = field.ast_node
    return node is not None and any(each.name.value == directive for each in node.directives or ())


def _inputs_of(schema: GraphQLSchema, name: str) -> Mapping[str, GraphQLInputField]:
    found = schema.type_map.get(f"{_capital(name)}Input")
    return found.fields if isinstance(found, GraphQLInputObjectType) else {}


@rule
def names_are_written_as_graphql_writes_them(schema: GraphQLSchema) -> Iterator[str]:
    for kind in _kinds(schema, object):
        if not re.fullmatch(r"[A-Z][A-Za-z]*", kind.name):
            yield f"{kind.name} is not PascalCase"
    for owner, name, _ in _everything(schema):
        if not re.fullmatch(r"[a-z][A-Za-z]*", name):
            yield f"{owner}.{name} is not camelCase"
    for kind in _kinds(schema, GraphQLEnumType):
        yield from (f"{kind.name}.{name} is not SCREAMING_SNAKE_CASE" for name in kind.values if not name.isupper())


@rule
def an_enum_carries_the_name_of_its_owner(schema: GraphQLSchema) -> Iterator[str]:
    for kind in _kinds(schema, GraphQLEnumType):
        if len(re.findall(r"[A-Z][a-z]+", kind.name)) < 2:
            yield f"{kind.name} is one word: put the owner's name before it"


@rule
def a_mutation_has_an_input_and_a_payload_of_its_own(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in _members(schema.mutation_type).items():
        if {argument: str(each.type) for argument, each in field.args.items()} != {"input": f"{_capital(name)}Input!"}:
            yield f"{name} must take input: {_capital(name)}Input! alone"
        if str(field.type) != f"{_capital(name)}Payload":
            yield f"{name} must return {_capital(name)}Payload, nullable"
        payload = get_named_type(field.type)
        if isinstance(payload, GraphQLObjectType) and not {"errors", "replayed"} <= set(payload.fields):
            yield f"{payload.name} must have errors and replayed"


@rule
def subscriptions_are_named_after_what_happened(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in _members(schema.subscription_type).items():
        if not PAST.search(name):
            yield f"{name} does not say what happened"
        if get_named_type(field.type).name != f"{_capital(name)}Event":
            yield f"{name} must return {_capital(name)}Event"


@rule
def an_input_names_objects_by_the_id_of_what_they_are(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _given(schema):
        if get_named_type(field.type).name == "ID" and not (name.endswith(("Id", "Ids")) or name == "ids"):
            yield f"{owner}.{name} is an id: say of what, as in claimId"


@rule
def parties_are_named_by_their_public_numbers(schema: GraphQLSchema) -> Iterator[str]:
    arguments = [
        (f"{owner}.{name}", argument)
        for owner, name, field in _outputs(schema)
        if owner in ROOTS
        for argument in field.args
    ]
    for owner, name in [*((owner, name) for owner, name, _ in _given(schema)), *arguments]:
        if name in {"payer", "provider", "payers", "providers"}:
            yield f"{owner}.{name}: name payers by payerAnsCode and providers by providerCnes"


@rule
def only_look_ups_have_an_id_argument(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        if "id" in field.args and (owner != "Query" or _is_list(field.type)):
            yield f"{owner}.{name}(id:) is no look-up of one object"


@rule
def output_has_objects_and_not_their_ids(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        if (
            get_named_type(field.type).name == "ID"
            and name != "id"
            and not OF_WHAT_IS_GONE.fullmatch(name)
            and f"{owner}.{name}" not in IDS_OF_THE_TOKEN
        ):
            yield f"{owner}.{name} is an id: return the object"


@rule
def guarded_fields_and_root_fields_are_nullable(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        is_guarded = _has(field, "requiresScopes") or _has(field, "authenticated")
        if is_guarded and isinstance(field.type, GraphQLNonNull) and owner != "Subscription":
            yield f"{owner}.{name} can be refused: make it nullable"


@rule
def lists_have_no_nulls_in_them(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        listed = get_nullable_type(field.type)
        if isinstance(listed, GraphQLList) and not isinstance(listed.of_type, GraphQLNonNull) and name != "nodes":
            yield f"{owner}.{name} may have nulls in its list: write [{listed.of_type}!]"


@rule
def a_list_has_pages_or_a_bound(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        target = get_named_type(field.type)
        if target.name.endswith("Connection") and isinstance(target, GraphQLObjectType):
            yield from _faults_of_connection(f"{owner}.{name}", field, target)
        elif _is_list(field.type) and name not in {"edges", "nodes"} and not _has(field, "listSize"):
            yield f"{owner}.{name} is a list without a bound: give it a ListSize of app/schema/base/lists.py"


def _faults_of_connection(place: str, field: GraphQLField, target: GraphQLObjectType) -> Iterator[str]:
    if not {"first", "after", "last", "before"} <= set(field.args):
        yield f"{place} is a connection without first, after, last and before"
    if not {"edges", "nodes", "pageInfo", "totalCount"} <= set(target.fields):
        yield f"{target.name} lacks edges, nodes, pageInfo or totalCount"
    if not _has(field, "listSize"):
        yield f"{place} lacks directives=[lists.PAGE]"


@rule
def filters_and_orders_have_their_shape(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _outputs(schema):
        for argument, given in field.args.items():
            kind = get_named_type(given.type)
            if argument == "filter" and not kind.name.endswith("FilterInput"):
                yield f"{owner}.{name}(filter:) must be an input called …FilterInput"
            is_order = isinstance(kind, GraphQLInputObjectType) and sorted(kind.fields) == ["direction", "field"]
            if argument == "orderBy" and not is_order:
                yield f"{owner}.{name}(orderBy:) must have a field and a direction"


@rule
def ranges_are_types_with_two_ends(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, _ in _given(schema):
        if owner.endswith("FilterInput") and HALVES.search(name):
            yield f"{owner}.{name} is half a range: use DateRangeInput, DateTimeRangeInput or MoneyRangeInput"
    for kind in _kinds(schema, GraphQLInputObjectType):
        if kind.name.endswith("RangeInput") and sorted(kind.fields) != ["from", "to"]:
            yield f"{kind.name} must have from and to alone"


@rule
def scalars_are_specified_and_no_amount_is_a_float(schema: GraphQLSchema) -> Iterator[str]:
    for kind in _kinds(schema, GraphQLScalarType):
        is_ours = not is_specified_scalar_type(kind) and kind.name not in SPECIFIED_BY_DESCRIPTION
        if is_ours and kind.specified_by_url is None:
            yield f"{kind.name} has no @specifiedBy"
    for owner, name, field in _everything(schema):
        target = get_named_type(field.type).name
        if name.endswith(("Amount", "Price")) and owner not in ROOTS and target not in {"Money", "MoneyRangeInput"}:
            yield f"{owner}.{name} is an amount and not Money"


@rule
def amounts_are_named_as_amounts(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _everything(schema):
        is_money = get_named_type(field.type).name == "Money" and not owner.endswith("RangeInput")
        if is_money and not AMOUNT.search(name):
            yield f"{owner}.{name} is Money: end it in Amount or Price"


@rule
def errors_of_a_payload_are_user_errors(schema: GraphQLSchema) -> Iterator[str]:
    error = schema.type_map.get("UserError")
    members = {name: str(field.type) for name, field in getattr(error, "fields", {}).items()}
    texts = {"message": "String!", "tissCode": "String", "tissDescription": "String"}
    if members != {"code": "ErrorCode!", "field": "[String!]", **texts}:
        yield "UserError must have code, message, field (a list), tissCode and tissDescription alone"
    for owner, name, field in _outputs(schema):
        if name == "errors" and str(field.type) != "[UserError!]!":
            yield f"{owner}.{name} must be [UserError!]!"


@rule
def work_on_many_objects_has_one_shape(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in _members(schema.mutation_type).items():
        payload = get_named_type(field.type)
        if name in OF_A_DOCUMENT or not isinstance(payload, GraphQLObjectType) or "results" not in payload.fields:
            continue
        result = get_named_type(payload.fields["results"].type)
        if "BulkResult" not in {each.name for each in getattr(result, "interfaces", ())}:
            yield f"{payload.name}.results must be of a type that is a BulkResult"
        atomic = _inputs_of(schema, name).get("atomic")
        if atomic is None or atomic.ast_node is None or ": Boolean! = false" not in print_ast(atomic.ast_node):
            yield f"{_capital(name)}Input must have atomic: Boolean! = false"


@rule
def a_mutation_may_have_a_key_and_must_where_it_would_act_twice(schema: GraphQLSchema) -> Iterator[str]:
    for name in _members(schema.mutation_type):
        key = _inputs_of(schema, name).get("idempotencyKey")
        if key is None and name not in WITHOUT_KEY:
            yield f"{_capital(name)}Input has no idempotencyKey"
        elif key is not None and KEY_REQUIRED.match(name) and str(key.type) != "String!":
            yield f"{name} would act twice: its key must be String!"


@rule
def a_change_of_a_versioned_object_may_name_its_version(schema: GraphQLSchema) -> Iterator[str]:
    for name, field in _members(schema.mutation_type).items():
        given, payload = _inputs_of(schema, name), get_named_type(field.type)
        results = {get_named_type(each.type).name for each in getattr(payload, "fields", {}).values()}
        is_of_one = any(each in results and f"{each.lower()}Id" in given for each in VERSIONED)
        if is_of_one and "version" not in given:
            yield f"{_capital(name)}Input has no version"


@rule
def either_or_is_one_of(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _given(schema):
        if field.description and EITHER.search(field.description):
            yield f"{owner}.{name} excludes another field: make the two a @oneOf input"


@rule
def inputs_do_not_copy_each_other(schema: GraphQLSchema) -> Iterator[str]:
    kinds = [kind for kind in _kinds(schema, GraphQLInputObjectType) if not kind.name.endswith("FilterInput")]
    forms = [(kind.name, {f"{name}: {field.type}" for name, field in kind.fields.items()}) for kind in kinds]
    for place, (first, members) in enumerate(forms):
        for second, others in forms[place + 1 :]:
            shared = sorted(members & others)
            if len(shared) > SHARED_MAX and (first, second) not in COPIES:
                yield f"{first} and {second} share {', '.join(shared)}: make a form of them"


@rule
def a_deprecation_names_its_replacement_and_its_day(schema: GraphQLSchema) -> Iterator[str]:
    for owner, name, field in _everything(schema):
        if field.deprecation_reason is not None and not TOLD.search(field.deprecation_reason):
            yield f"{owner}.{name}: name the replacement in backticks and the day of removal"
