"""A try of a plan: its result or, if it gives up, a line in the log where that is a fault, and no cycle."""

from traceback import format_tb

import structlog
from graphql import ExecutionResult

from app.executor.execution import Execution
from app.executor.rules import NotPlanned
from app.transport.context import OperationContext
from app.transport.errors import is_expected, without_traceback

_log = structlog.get_logger("billing.graphql")


async def tried(execution: Execution, context: OperationContext) -> ExecutionResult | None:
    """What the plan answers; None if graphql-core has to begin from the start. Raises what stopped the operation."""
    try:
        result = await execution.run()
    except Exception as error:
        if context.work.stopped is not None:
            raise
        if execution.gave_up(error) and not isinstance(error, NotPlanned) and not is_expected(error):
            _report(execution, error)
        without_traceback(error)
        return None
    execution.finished()
    return result


def _report(execution: Execution, error: Exception) -> None:
    """One line for each plan. An error's text may hold what the operation has read: its type and place have to do."""
    plan = execution.plan
    if plan.is_reported:
        return
    plan.is_reported = True
    _log.warning(
        "plan_failed",
        operation=plan.operation,
        error=type(error).__name__,
        place="".join(format_tb(error.__traceback__)),
        effect="graphql-core executes the operation",
    )
