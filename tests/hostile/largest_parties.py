"""The largest call of every mutation of master data: names as long as they may be."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from app.services.party_import import ROWS_MAX
from tests.factories import World, key, new_world
from tests.hostile.big_data import copied_claims
from tests.hostile.largest_data import Big, Call

NAME: Final = "x" * 160
PERSON: Final = "x" * 70
HISTORY: Final = "history(first: 100) { nodes { id action } }"
FIELDS: Final = {
    "payer": f"id name version {HISTORY}",
    "provider": f"id name version {HISTORY}",
    "patient": f"id version {HISTORY} coverages(first: 100) {{ nodes {{ id cardNumber }} }}",
    "coverage": f"id version {HISTORY}",
    "practitioner": f"id name version {HISTORY}",
}


class Central(World):
    """Callers for all providers: payers belong to everybody."""

    def token(self, role: str) -> str:
        """A token of this role for everything."""
        return self.gateway.token(role, providers=["*"])


async def _named(big: Big, kind: str) -> dict[str, Any]:
    """What names a party of this kind that nothing else uses."""
    world = await new_world(big.gateway)
    if kind == "payer":
        return {"payerAnsCode": world.payer}
    if kind == "provider":
        return {"providerCnes": world.provider}
    made = await big.world.mutate("biller", *_made(kind), **_registration(world, kind, big.world.patient))
    return {f"{kind}Id": made[kind]["id"]}


def _made(kind: str) -> tuple[str, str]:
    return f"register{kind.capitalize()}", f"{kind} {{ id }}"


def _registration(world: World, kind: str, patient: str) -> dict[str, Any]:
    once = {"idempotencyKey": key()}
    own = {
        "payer": {"payerAnsCode": f"9{world.payer[1:]}", "name": NAME},
        "provider": {"providerCnes": f"9{world.provider[1:]}", "name": NAME, "taxId": "11222333000181"},
        "patient": {"providerCnes": world.provider, "name": PERSON},
        "coverage": {
            "patientId": patient,
            "payerAnsCode": world.payer,
            "cardNumber": key()[:20],
            "plan": "x" * 80,
            "startsOn": "2026-01-01",
        },
        "practitioner": {
            "providerCnes": world.provider,
            "name": PERSON,
            "council": "06",
            "number": key()[:15],
            "state": "35",
            "cbo": "225125",
        },
    }
    return {**own[kind], **once}


async def _call(verb: str, kind: str, big: Big) -> Call:
    name = f"{verb}{kind.capitalize()}"
    central = Central(big.gateway, *[getattr(big.world, each) for each in ("payer", "provider", "patient", "card")])
    if verb == "register":
        values = _registration(await new_world(big.gateway), kind, big.world.patient)
    else:
        values = await _named(replace(big, world=central), kind)
        if verb == "reactivate":
            deactivated = f"deactivate{kind.capitalize()}"
            role = "admin" if kind in ("payer", "provider") else "biller"
            await central.mutate(role, deactivated, f"{kind} {{ id }}", **values)
        values |= {"update": {"plan": "y" * 80} if kind == "coverage" else {"name": "y" * 70}}.get(verb, {})
        values |= {"endsOn": "2099-01-01"} if verb == "end" else {}
    role = "admin" if kind in ("payer", "provider") else "front_desk"
    return replace(big.change(role, name, f"{kind} {{ {FIELDS[kind]} }}", '"version":', 1, **values), world=central)


VERBS: Final = ("register", "update", "deactivate", "reactivate")
KINDS: Final = {
    **dict.fromkeys(("payer", "provider", "patient", "practitioner"), VERBS),
    "coverage": ("register", "update", "end"),
}
CALLS: Final[dict[str, Callable[[Big], Awaitable[Call]]]] = {
    f"{verb}{kind.capitalize()}": partial(_call, verb, kind) for kind, verbs in KINDS.items() for verb in verbs
}


async def merge(big: Big) -> Call:
    """A patient with 200 claims and their events, who becomes another one."""
    world = await new_world(big.gateway)
    claim = (await world.submitted_claim())["id"]
    await copied_claims(big.gateway, claim, 200)
    made = await world.mutate("front_desk", *_made("patient"), **_registration(world, "patient", world.patient))
    values = {"patientId": made["patient"]["id"], "mergedPatientId": world.patient, "idempotencyKey": key()}
    fields = f"patient {{ {FIELDS['patient']} claims(first: 100) {{ nodes {{ id }} }} }}"
    return replace(big.change("front_desk", "mergePatients", fields, '"id":"clm_', 100, **values), world=world)


async def import_rows(big: Big) -> Call:
    """As many new practitioners as a call may have."""
    world = await new_world(big.gateway)
    header = "kind,provider_cnes,name,council,number,state,cbo"
    rows = [f"practitioner,{world.provider},{PERSON},06,N{number},35,225125" for number in range(ROWS_MAX)]
    values = {"csv": "\n".join([header, *rows]), "idempotencyKey": key()}
    fields = "rows { line outcome object { id } }"
    call = big.change("front_desk", "importParties", fields, '"TAKEN"', ROWS_MAX, **values)
    return replace(call, world=world)


async def patient(big: Big) -> Call:
    """A patient with cards, history and a page of claims."""
    fields = f"{FIELDS['patient']} claims(first: 100) {{ nodes {{ id status }} }}"
    query = f"query($id: ID!) {{ patient(id: $id) {{ {fields} }} }}"
    return big.read(query, '"status":', 100, role="front_desk", id=big.world.patient)


async def coverage(big: Big) -> Call:
    """A coverage with its history and its patient."""
    found = await _named(replace(big, world=big.world), "coverage")
    return big.read(
        f"query($id: ID!) {{ coverage(id: $id) {{ {FIELDS['coverage']} patient {{ {FIELDS['patient']} }} }} }}",
        '"coverages":',
        1,
        role="front_desk",
        id=found["coverageId"],
    )


async def coverage_of_card(big: Big) -> Call:
    """The same by the card."""
    world = big.world
    query = "query($payer: AnsCode!, $card: String!) { coverageOfCard(payerAnsCode: $payer, cardNumber: $card) "
    query += f"{{ {FIELDS['coverage']} patient {{ {FIELDS['patient']} }} }} }}"
    return big.read(query, '"coverages":', 1, role="front_desk", payer=world.payer, card=world.card)


async def practitioners_page(big: Big) -> Call:
    """A page of a hundred practitioners, each with its history."""
    world = big.world
    for number in range(100):
        values = {**_registration(world, "practitioner", world.patient), "number": f"N{number}-{key()[:8]}"}
        await world.mutate("biller", *_made("practitioner"), **values)
    query = f"{{ registeredPractitioners(first: 100) {{ nodes {{ {FIELDS['practitioner']} }} }} }}"
    return big.read(query, '"version":', 100, role="front_desk")
