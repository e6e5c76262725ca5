"""Makes the plan of an operation: everything about it that depends on neither the objects nor the variables' values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import Schema
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from app.executor import leaves
from app.executor.asked import Asked, names_in, passes_on, union
from app.executor.reads import LEVEL, Attribute, Await, Batched, Call, Related, Resolver
from app.executor.rules import SHOWN, NotPlanned, PlanContext, Verdict
from app.executor.selection import ATTRIBUTE_SHARE, Arguments, Child, Objects, Plan, Refusal, Selection
from app.executor.writer import Writer
from app.values.frozen import frozen

_DEFINITION: Final = "strawberry-definition"


class Planner:
    """Makes plans for operations on a schema."""

    def __init__(self, schema: Schema) -> None:
        converter = schema.schema_converter
        self.schema: GraphQLSchema = schema._schema  # noqa: SLF001 - Strawberry has no public name for it
        self._registry, self._config = converter.scalar_registry, converter.config

    def plan(self, query: "Query", context: PlanContext) -> Plan:
        """The plan for all callers who may see what this one may see; NotPlanned for an operation without one."""
        if query.operation.directives:
            raise NotPlanned("a directive on the operation")
        kind = query.operation.operation
        root = self.schema.get_root_type(kind)
        if root is None or root.is_type_of is not None:
            raise NotPlanned("no plain root type")
        work = _Planning(self, query, context)
        fields = collect_fields(self.schema, query.fragments, query.variables, root, query.operation, True)
        plan = Plan(root_fields(query.operation), work.arguments)
        if kind is OperationType.QUERY:
            plan.root = work.selection(root, fields.grouped_field_set)
            plan.asked = union(work.asked)
        else:
            plan.payloads = dict(work.payloads(root, fields.grouped_field_set))
        return plan

    def converter(self, field: GraphQLField, node: FieldNode) -> Callable[[Any, Any], Mapping[str, Any]]:
        """How the arguments of the node become those of its resolver."""
        given = field.extensions[_DEFINITION].arguments

        def convert(variables: Any, info: Any) -> Mapping[str, Any]:
            try:
                values = get_argument_values(field, node, variables, None, True)
                return convert_arguments(values, given, self._registry, self._config, info)
            except Exception as error:  # graphql-core says what is wrong, and of which field
                raise NotPlanned("wrong arguments") from error

        return convert


@frozen
class Query:
    """What is to be planned: the operation, the fragments, and variables that decide which fields are included."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    variables: VariableValues


def root_fields(operation: OperationDefinitionNode) -> str:
    """The names of the operation's root fields; its own name is free text of the client and may contain anything."""
    selections = operation.selection_set.selections
    names = [each.name.value if isinstance(each, FieldNode) else "..." for each in selections]
    return ",".join(dict.fromkeys(names))


class _Planning:
    """The making of one plan."""

    def __init__(self, planner: Planner, query: Query, context: PlanContext) -> None:
        self._planner = planner
        self._query = query
        self._context = context
        self.arguments: list[Arguments] = []
        self.asked: list[Asked] = []

    def selection(self, kind: GraphQLObjectType, fields: GroupedFieldSet) -> Selection:
        """The selection of these fields of objects of a type."""
        made = Selection(kind, size=len(fields))
        is_type_of = kind.extensions[_DEFINITION].is_type_of if kind.is_type_of is not None else None
        self.asked.append(frozenset() if is_type_of is None else names_in(is_type_of))
        writer = Writer()
        for key, details in fields.items():
            name = details[0].node.name.value
            if name == "__typename":
                writer.add(key, repr(kind.name))
                continue
            field = self._planner.schema.get_field(kind, name)
            if field is None or name.startswith("__"):
                raise NotPlanned(f"the field {name}")
            self._add(made, writer, key, details, field)
        made.make = writer.finish
        return made

    def payloads(self, root: GraphQLObjectType, fields: GroupedFieldSet) -> Iterator[tuple[str, Selection]]:
        """The selections of the root fields that give one object of a known type."""
        for key, details in fields.items():
            field = self._planner.schema.get_field(root, details[0].node.name.value)
            kind, _ = _unwrapped(field.type if field else None)
            if isinstance(kind, GraphQLObjectType) and kind.is_type_of is None:
                yield key, self._below(kind, details)

    def _add(self, made: Selection, writer: Writer, key: str, details: FieldDetailsList, field: GraphQLField) -> None:
        definition, verdict = self._ruled(field)
        nodes = [each.node for each in details]
        made.classes = tuple(dict.fromkeys((*made.classes, *verdict.classes)))
        made.refusals = (*made.refusals, *verdict.refusals)
        if verdict.refuse is not None:
            if isinstance(field.type, GraphQLNonNull):
                raise NotPlanned("a refused field that must not be null")
            made.refused.append(Refusal(key, nodes, verdict.refuse))
            writer.add(key, "None")
            return
        kind, is_nullable = _unwrapped(field.type)
        if _is_leaf(kind) and not definition.is_async and not field.args:
            made.weight += self._write_leaf(writer, key, kind, definition, verdict, is_nullable=is_nullable)
            return
        made.weight += 1
        child = self._child(key, details, field, definition)
        if _is_leaf(kind):
            value = _seen(writer.column(), definition, verdict, writer)
            writer.add(key, _leaf(kind, value, writer, is_nullable=is_nullable))
        else:
            child.objects = self._objects(kind, details)
            writer.add(key, writer.column())
        made.children.append(child)

    def _ruled(self, field: GraphQLField) -> tuple[StrawberryField, Verdict]:
        definition = field.extensions.get(_DEFINITION)
        if not isinstance(definition, StrawberryField):
            raise NotPlanned("a field that Strawberry does not define")
        if not definition.extensions:
            return definition, SHOWN
        if len(definition.extensions) > 1 or not hasattr(definition.extensions[0], "verdict"):
            raise NotPlanned("an extension that is no rule")
        rule: Any = definition.extensions[0]
        return definition, rule.verdict(self._context)

    def _write_leaf(
        self,
        writer: Writer,
        key: str,
        kind: Any,
        definition: StrawberryField,
        verdict: Verdict,
        *,
        is_nullable: bool,
    ) -> float:
        """Write a value that is read where it is written; the work of that."""
        resolver = _resolver(definition)
        self.asked.append(_asked(definition, resolver))
        if resolver is None:
            value = f"o.{definition.python_name}"
        else:
            value = f"{writer.bind(resolver.function)}({', '.join(_call(resolver))})"
        value = _seen(value, definition, verdict, writer)
        writer.add(key, _leaf(kind, value, writer, is_nullable=is_nullable))
        return ATTRIBUTE_SHARE if resolver is None else 1

    def _child(self, key: str, details: FieldDetailsList, field: GraphQLField, definition: StrawberryField) -> Child:
        nodes = [each.node for each in details]
        read = _read(definition)
        child = Child(key, nodes, not isinstance(field.type, GraphQLNonNull), read)
        self.asked.append(
            read.asked if isinstance(read, Related | Batched) else _asked(definition, _resolver(definition))
        )
        if field.args:
            child.arguments = Arguments(len(self.arguments), self._planner.converter(field, nodes[0]))
            self.arguments.append(child.arguments)
        return child

    def _objects(self, kind: Any, details: FieldDetailsList) -> Objects:
        is_list = is_list_type(kind)
        inner, has_null_items = _unwrapped(kind.of_type) if is_list else (kind, False)
        if is_list_type(inner):
            raise NotPlanned("a list of lists of objects")
        if not is_abstract_type(inner):
            return Objects({inner.name: self._below(inner, details)}, is_list, has_null_items)
        kinds = self._planner.schema.get_possible_types(inner)
        selections = {each.name: self._of_member(each, details) for each in kinds}
        return Objects(selections, is_list, has_null_items, self._type_resolver(inner))

    def _of_member(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        """The selection of one type of an interface; that it is not covered matters only if there is such an object."""
        try:
            return self._below(kind, details)
        except NotPlanned as reason:
            return Selection(kind, uncovered=str(reason))

    def _below(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Selection:
        query = self._query
        fields = collect_subfields(
            self._planner.schema, query.fragments, query.variables, query.operation, kind, details, True
        )
        return self.selection(kind, fields.grouped_field_set)

    def _type_resolver(self, kind: GraphQLAbstractType) -> Callable[[Any, Any], Any]:
        resolve = kind.resolve_type
        if resolve is None:
            raise NotPlanned("an abstract type without a resolver")

        def resolved(value: Any, info: Any) -> Any:
            return resolve(value, info, kind)

        return resolved


def _unwrapped(kind: Any) -> tuple[Any, bool]:
    """The type without its "non-null", and whether it had none."""
    return (kind.of_type, False) if isinstance(kind, GraphQLNonNull) else (kind, True)


def _is_leaf(kind: Any) -> bool:
    """Whether it is a scalar, an enum, or a list of them."""
    return is_leaf_type(_unwrapped(kind.of_type)[0] if is_list_type(kind) else kind)


def _leaf(kind: Any, value: str, writer: Writer, *, is_nullable: bool) -> str:
    if not is_list_type(kind):
        return leaves.expression(kind, value, writer.bind, is_nullable=is_nullable)
    inner, has_null_items = _unwrapped(kind.of_type)
    item = leaves.expression(inner, "i", writer.bind, is_nullable=has_null_items)
    name = writer.bind(_each(item, writer))
    otherwise = "None" if is_nullable else f"{writer.bind(leaves.missing)}()"
    return f"{name}(v) if (v := {value}) is not None else {otherwise}"


def _each(item: str, writer: Writer) -> Callable[[Any], list[Any]]:
    """A function that writes the items of a list."""
    return writer.function(f"[{item} for i in listed]", "listed")


def _seen(value: str, definition: StrawberryField, verdict: Verdict, writer: Writer) -> str:
    """The value as the caller may see it."""
    return value if verdict.text is None or definition.is_async else f"{writer.bind(verdict.text)}({value})"


def _call(resolver: Resolver) -> Iterator[str]:
    if resolver.source == "self":
        yield "o"
    elif resolver.source:
        yield f"{resolver.source}=o"
    if resolver.info:
        yield f"{resolver.info}=info"


def _resolver(definition: StrawberryField) -> Resolver | None:
    """How the field's resolver is called; None for a field that is an attribute."""
    found = definition.base_resolver
    if found is None:
        return None
    source = "self" if found.self_parameter else ""
    for parameter in (found.parent_parameter, found.root_parameter):
        if parameter is not None:
            if source:
                raise NotPlanned("a resolver that takes the object twice")
            source = parameter.name
    function: Any = found.wrapped_func
    return Resolver(function, source, found.info_parameter.name if found.info_parameter else "")


def _asked(definition: StrawberryField, resolver: Resolver | None) -> Asked:
    if resolver is None:
        return frozenset({definition.python_name})
    if resolver.source and passes_on(resolver.function, resolver.source):
        return None
    return names_in(resolver.function)


def _read(definition: StrawberryField) -> Attribute | Call | Await | Related | Batched:
    resolver = _resolver(definition)
    if resolver is None:
        return Attribute(definition.python_name)
    declared = getattr(resolver.function, LEVEL, None)
    if isinstance(declared, (Related, Batched)):
        return declared
    return Await(resolver) if definition.is_async else Call(resolver)
