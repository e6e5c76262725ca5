"""Posts the statements that are POSTING, unit by unit, so that whoever takes one over goes on after the last unit."""

import asyncio
import contextlib
import secrets
from typing import Any, Final

import structlog

from app.db import clock
from app.db import postings as postings_db
from app.db import remittances as remittances_db
from app.db.engine import Database, DatabaseUnavailable
from app.db.postings import PostingRecord
from app.services import leases, posting
from app.services.leases import Leases
from app.services.posting import UNIT_CLAIMS, Hold, PostingLost
from app.unit_of_work.action import Action
from app.unit_of_work.run import Changes

REST_SECONDS_MAX: Final = 0.5
_LEASES: Final = Leases(postings_db.take, postings_db.renew, postings_db.give_back)
_log = structlog.get_logger("billing.postings")


class PostingRunner:
    """Posts in this process; after each unit it gives other callers as much time as the unit has taken."""

    def __init__(self, database: Database, changes: Changes) -> None:
        self._database = database
        self._changes = changes
        self._holder = secrets.token_hex(8)

    async def next(self) -> PostingRecord | None:
        """The oldest posting that no process holds; None if there is none."""
        async with self._database.reading() as connection:
            return await postings_db.next_free(connection, clock.time_of(connection))

    async def run(self, job: PostingRecord) -> None:
        """Post to the end, unless another process holds the posting, or takes it over."""
        async with leases.taken(self._database, _LEASES, job.remittance_id, self._holder) as is_taken:
            if is_taken:
                with contextlib.suppress(PostingLost):
                    await self._post(job)

    async def _post(self, job: PostingRecord) -> None:
        loop = asyncio.get_running_loop()
        async with self._database.reading() as connection:
            stated = await remittances_db.stated_cents(connection, job.remittance_id)
        hold = Hold(job.remittance_id, self._holder, stated)
        # Units of one claim follow after a unit has failed, so that only the claim that fails is left out.
        alone, has_more = 0, True
        while has_more:
            begun = loop.time()
            try:
                has_more = await self._unit(job, posting.POST_UNIT, hold, claims_max=1 if alone else UNIT_CLAIMS)
            except PostingLost:
                raise
            except Exception as error:
                if alone and isinstance(error, DatabaseUnavailable):
                    raise
                if alone:
                    _log.exception("claim_not_posted", remittance=job.remittance_id)
                    has_more = await self._unit(job, posting.SKIP_CLAIM, hold)
                else:
                    alone = UNIT_CLAIMS + 1
            alone = max(alone - 1, 0)
            await asyncio.sleep(min(loop.time() - begun, REST_SECONDS_MAX))

    async def _unit(self, job: PostingRecord, action: Action[bool], hold: Hold, **arguments: Any) -> bool:
        return (await self._changes.run(action, job.actor, {"hold": hold, **arguments})).value
