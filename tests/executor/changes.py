"""A good input for every mutation, and one change that is answered many times."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from app.schema.base import mutations
from tests.access.inputs import inputs_of
from tests.access.world import Rich, denied
from tests.factories import key


@contextmanager
def noted(payloads: list[Any]) -> Iterator[None]:
    """The payload of each mutation is added to the list."""
    answer = mutations._answer

    async def noting(*asked: Any) -> Any:
        payloads.append(await answer(*asked))
        return payloads[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "_answer", noting)
        yield


@contextmanager
def answered_by(payload: Any) -> Iterator[None]:
    """Whoever runs a mutation gets this payload to select from, and nothing changes: both executors find the same."""

    async def given(*_asked: Any) -> Any:
        return payload

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "_answer", given)
        yield


async def inputs_of_all(rich: Rich) -> dict[str, dict[str, Any]]:
    """The inputs, flat, by the mutation's name and what is special about it, in an order in which each is good; those
    for many objects have one that is refused too."""
    found, world = inputs_of(rich), rich.world
    parties = {"registerPayer": {"payerAnsCode": world.payer[::-1], "name": "Operadora Nova"}}
    parties["registerProvider"] = {"providerCnes": world.provider[::-1], "name": "Clinica Nova", "taxId": "52998224725"}
    row = f"patient;{world.provider};Maria Importada"
    parties["importParties"] = {"csv": f"kind;provider_cnes;name;birth_date\n{row};1990-05-17\n{row};"}
    found["cancelClaims"]["claimIds"].append((await world.create_claim())["claim"]["id"])
    found["issueInvoices"]["invoiceIds"].append((await world.draft_invoice())["id"])
    lost, opened, appealed = [(await denied(world))[1] for _ in range(3)]
    found["acceptDenials"]["denialIds"].append(lost)
    found["appealDenials"]["appeals"] += [{"denialId": each, "justification": "devida"} for each in (opened, appealed)]
    found["answerAppeals"]["answers"].append({"denialId": appealed, "acceptedAmount": "1.00"})
    return found | {name: {**values, "idempotencyKey": key()} for name, values in parties.items()}
