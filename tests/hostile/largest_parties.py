"""The largest call of every mutation of master data: names as long as they may be."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from tests.factories import World, new_world, party_admin
from tests.hostile.largest_data import Big, Call

NAME: Final = "x" * 160


class Central(World):
    """Callers for all providers: payers belong to everybody."""

    def token(self, role: str) -> str:
        """A token of this role for everything."""
        return self.gateway.token(role, providers=["*"])


async def _register(name: str, kind: str, big: Big) -> Call:
    # The next numbers of a world that nothing else uses.
    world = await new_world(big.gateway)
    payer, provider = f"9{world.payer[1:]}", f"9{world.provider[1:]}"
    values: dict[str, Any] = {"payerAnsCode": payer} if kind == "payer" else {"providerCnes": provider}
    tax_id = {} if kind == "payer" else {"taxId": "11222333000181"}
    return await _call(big, name, kind, name=NAME, idempotencyKey=payer, **values, **tax_id)


async def _change(name: str, kind: str, big: Big) -> Call:
    world = await new_world(big.gateway)
    values: dict[str, Any] = {"payerAnsCode": world.payer} if kind == "payer" else {"providerCnes": world.provider}
    if name.startswith("reactivate"):
        await party_admin(world, name.replace("reactivate", "deactivate"), f"{kind} {{ id }}", **values)
    if name.startswith("update"):
        values["name"] = NAME
    return await _call(big, name, kind, **values)


async def _call(big: Big, name: str, kind: str, **values: Any) -> Call:
    fields = f"{kind} {{ id name version history {{ nodes {{ id action }} }} }}"
    central = Central(big.gateway, *[getattr(big.world, each) for each in ("payer", "provider", "patient", "card")])
    return replace(big.change("admin", name, fields, '"version":', 1, **values), world=central)


CALLS: Final[dict[str, Callable[[Big], Awaitable[Call]]]] = {
    f"{verb}{kind}": partial(_register if verb == "register" else _change, f"{verb}{kind}", kind.lower())
    for kind in ("Payer", "Provider")
    for verb in ("register", "update", "deactivate", "reactivate")
}
