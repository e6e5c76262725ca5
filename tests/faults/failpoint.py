"""`billing` with one flaw: while the file that FAILPOINT names is there, it dies between a commit and its answer."""

import os
import signal
from pathlib import Path
from typing import Any

from app.cli import main
from app.db.engine import Database
from app.domain.actor import Door

_file = Path(os.environ["FAILPOINT"])
_transact = Database.transact


async def _transact_and_die(self: Database, work: Any, **options: Any) -> Any:
    result = await _transact(self, work, **options)
    # The runner gives the result with its unit of work; the relay, the access log and the sweep are left alone.
    if isinstance(result, tuple) and result[1].actor.door is Door.GRAPHQL:
        _die_if_wanted()
    return result


def _die_if_wanted() -> None:
    if _file.exists():
        _file.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    Database.transact = _transact_and_die  # type: ignore[method-assign]
    main()
