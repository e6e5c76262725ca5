"""Results of a change to many objects: one for each, as a caller sees them and as they are stored with a key."""

from dataclasses import asdict
from typing import Any, Generic

from app.domain.errors import FAILURES, ErrorCode, Failure
from app.unit_of_work.action import Row, StoredAnswer, StoredRecord
from app.unit_of_work.unit import UnitOfWork
from app.values.frozen import frozen


@frozen
class Outcome(Generic[Row]):
    """The result for one object: the object as it is now, or why it was not changed."""

    id: str
    object: Row | None
    failures: tuple[Failure, ...] = ()


def answer_of_outcomes(stored: StoredRecord[Row]) -> StoredAnswer[list[Outcome[Row]]]:
    """How outcomes are stored: objects are read again, refusals are stored whole."""

    def facts(outcomes: list[Outcome[Row]]) -> Any:
        return [
            {
                "id": each.id,
                "object": None if each.object is None else stored.facts(each.object),
                "failures": [{"kind": type(failure).__name__, **asdict(failure)} for failure in each.failures],
            }
            for each in outcomes
        ]

    async def rebuild(unit: UnitOfWork, facts: Any) -> list[Outcome[Row]]:
        named = [_named(each) for each in facts]
        records = iter(await stored.read(unit, [each["object"] for each in named if each["object"]]))
        return [
            Outcome(each["id"], next(records) if each["object"] else None, tuple(map(_failure, each["failures"])))
            for each in named
        ]

    return StoredAnswer(facts, rebuild)


def _named(stored: Any) -> Any:
    """The first release stored only claims."""
    if "claim_id" in stored:
        return {"id": stored["claim_id"], "object": stored["claim"], "failures": stored["failures"]}
    return stored


def _failure(stored: Any) -> Failure:
    """A refusal as it was stored; the first release stored a list of values."""
    if isinstance(stored, list):
        code, *rest = stored
        return Failure(ErrorCode(code), *rest)
    values = {**stored, "code": ErrorCode(stored["code"])}
    return FAILURES[values.pop("kind")](**values)
