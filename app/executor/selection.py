"""The parts of a plan: selections of objects of one type, and their children."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from graphql import FieldNode, GraphQLObjectType

from app.executor.asked import Asked
from app.executor.rules import NotPlanned
from app.executor.trials import Trials
from app.executor.writer import Write
from app.values.frozen import frozen

ATTRIBUTE_SHARE: Final = 0.1
"""Reading an attribute takes a tenth of the time of calling a resolver, or less."""


@frozen
class Arguments:
    """The arguments of a field, which are converted once in each execution; `place` is where they are."""

    place: int
    convert: Callable[[Any, Any], Mapping[str, Any]]
    """Coerced variables, info -> the resolver's arguments."""


@frozen
class Refusal:
    """A refused field: null and an error in every object."""

    key: str
    nodes: Sequence[FieldNode]
    refuse: Callable[[Any], Exception]


@dataclass(slots=True)
class Objects:
    """What is selected of the objects of a child: `selections` by type, one for a type that is not abstract.

    `resolve_type` finds the type of an object of an abstract type.
    """

    selections: Mapping[str, "Selection"]
    is_list: bool
    has_null_items: bool
    resolve_type: Callable[[Any, Any], Any] | None = None


@dataclass(slots=True)
class Child:
    """A field whose values are read for a whole level, before its objects are written."""

    key: str
    nodes: Sequence[FieldNode]
    is_nullable: bool
    read: Any
    objects: Objects | None = None
    arguments: Arguments | None = None


@dataclass
class Selection:
    """The fields of objects of one type: `size` is how many, `weight` how much work they are for each object."""

    type: GraphQLObjectType
    size: int = 0
    weight: float = 0
    classes: tuple[str, ...] = ()
    refusals: tuple[tuple[str, str], ...] = ()
    refused: list[Refusal] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    make: Callable[[], Write] | None = None
    uncovered: str = ""

    @cached_property
    def write(self) -> Write:
        """The function that writes the objects, generated on first use: most types of an interface never occur."""
        if self.make is None:
            raise NotPlanned(self.uncovered)
        return self.make()


@dataclass(slots=True)
class Plan:
    """How an operation is executed for all callers who may see the same: a query from its `root`.

    Of a mutation or a subscription, graphql-core executes the root fields, and the plan what is selected of their
    objects: `payloads`, by response key. `asked` are the attributes of records that a query may use. `trials` say how
    each payload fares, by its key, and the query by "". `is_reported` once a fault of the plan is in the log.
    """

    operation: str
    arguments: list[Arguments]
    root: Selection | None = None
    payloads: Mapping[str, Selection] = field(default_factory=dict)
    asked: Asked = None
    trials: Mapping[str, Trials] = field(default_factory=lambda: defaultdict(Trials))
    is_reported: bool = False
