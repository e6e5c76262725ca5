"""A mixed load on one gateway: every kind of request that clinics and payers send, in batches of every size."""

import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from tests.factories import World, key, new_world
from tests.faults.processes import Fleet

CLAIMS_AT_ONCE = 8
FIELDS = ("id status claimedAmount", "id items { code term { term } }", "id invoice { id number } patient { name }")
STATUSES = ("DRAFT", "SUBMITTED", "APPROVED", "DENIED")


class Load:
    """Requests in one world; `sent` counts them by kind."""

    def __init__(self, fleet: Fleet, world: World, seed: int) -> None:
        self._fleet = fleet
        self._world = world
        self._random = random.Random(seed)
        self.sent: Counter[str] = Counter()

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[Any]]]:
        """Every kind of request by its name."""
        return {
            "list": self._list,
            "create": self._create,
            "submit": self._submit,
            "pay": self._pay,
            "eligibility": self._eligibility,
            "refused": self._refused,
        }

    async def send(self, kind: str) -> None:
        """One request of this kind; it must be answered as expected."""
        await self.kinds[kind]()
        self.sent[kind] += 1

    async def send_any(self) -> None:
        """One request of a kind by chance."""
        await self.send(self._random.choice(list(self.kinds)))

    async def _list(self) -> None:
        chosen = self._random.sample(STATUSES, self._random.randint(0, len(STATUSES)))
        wanted = {"status": chosen} if chosen else {}
        query = (
            "query($filter: ClaimFilterInput, $first: Int!) "
            f"{{ claims(filter: $filter, first: $first) {{ nodes {{ {self._random.choice(FIELDS)} }} }} }}"
        )
        await self._world.call("biller", query, filter=wanted, first=self._random.randint(1, 100))

    async def _create(self) -> None:
        assert (await self._world.create_claim())["errors"] == []

    async def _submit(self) -> None:
        count = self._random.randint(1, CLAIMS_AT_ONCE)
        drafts = [(await self._world.create_claim())["claim"]["id"] for _ in range(count)]
        given = {"claimIds": drafts, "idempotencyKey": key()}
        sent = await self._world.mutate("biller", "submitClaims", "results { object { id } }", **given)
        assert len(sent["results"]) == count

    async def _pay(self) -> None:
        invoice = await self._world.issued_invoice("10.00")
        assert (await self._world.settle(invoice["id"], "4.00"))["errors"] == []

    async def _eligibility(self) -> None:
        assert (await self._world.check_eligibility())["errors"] == []

    async def _refused(self) -> None:
        """A document of its own each time, which names fields that do not exist."""
        text = f"{{ claims {{ nodes {{ no{self._random.getrandbits(48):x} }} }} }}"
        answer = await self._fleet.gql(text, token=self._world.token("biller"))
        assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]


async def loads(fleet: Fleet, count: int) -> list[Load]:
    """Loads in worlds of their own, the same ones in every run."""
    return [Load(fleet, await new_world(fleet), seed) for seed in range(count)]  # type: ignore[arg-type]
