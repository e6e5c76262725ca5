"""Card numbers cannot be guessed: each look-up is logged, unknown cards have a budget, and a hit shows no documents."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.auth import roles
from app.db.access_log_tables import access_log_entries
from app.domain.access_log import AccessDecision
from tests.access.test_fields import ALL
from tests.factories import World, new_world
from tests.figures import Figures
from tests.gateway import Gateway, embedded_settings, running_gateway
from tests.inputs import shaped

BUDGET = 5
PREFLIGHT = "query($input: ClaimPreflightInput!) { claimPreflight(input: $input) { passes findings { code message } } }"
CHECK = """mutation($input: CheckEligibilityInput!) { checkEligibility(input: $input) {
  eligibility { outcome patient { id name cpf birthDate } } errors { code } } }"""
CREATE = "mutation($input: CreateClaimInput!) { createClaim(input: $input) { claim { id } errors { code message } } }"


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway where a caller may ask for five unknown cards in an hour."""
    async with running_gateway(embedded_settings(tmp_path, unknown_cards_per_hour=BUDGET)) as gateway:
        yield gateway


def _asking(world: World, way: str, card: str) -> tuple[str, dict[str, Any]]:
    if way == "checkEligibility":
        return CHECK, {"providerCnes": world.provider, "payerAnsCode": world.payer, "cardNumber": card}
    created = shaped("createClaim", world.claim_input(cardNumber=card))
    return (CREATE, created) if way == "createClaim" else (PREFLIGHT, {"claim": created["claim"]})


@pytest.mark.parametrize("way", ["checkEligibility", "claimPreflight", "createClaim"])
async def test_guessed_cards_end_with_the_budget_for_hits_too(limited: Gateway, way: str, figures: Figures) -> None:
    world = await new_world(limited)
    token = limited.token("biller", providers=[world.provider], sub=f"guesser-{way}")

    async def ask(card: str, as_whom: str = token) -> tuple[list[str], Any]:
        query, values = _asking(world, way, card)
        answer = await limited.gql(query, {"input": values}, token=as_whom)
        return answer.codes, answer.body.get("errors", [{}])[0].get("extensions", {}).get("retryAfterSeconds")

    assert (await ask(world.card))[0] == []
    answered = 0
    for number in range(20):
        codes, wait = await ask(f"9999{number:04}")
        answered += codes == []
    assert (answered, codes) == (BUDGET, ["RATE_LIMITED"])
    # A card of the world is refused as well, or the refusals would tell which guess was right.
    codes, wait = await ask(world.card)
    assert (codes, 600 < wait <= 720) == (["RATE_LIMITED"], True)
    assert (await ask(world.card, limited.token("biller", providers=[world.provider], sub="colleague")))[0] == []
    figures(guesses=20, answered=answered)


async def _log(gateway: Gateway, actor: str) -> list[tuple[str, str, str | None, int]]:
    await gateway.parts.access_log.flush()
    table = access_log_entries.c
    query = select(table.operation, table.decision, table.detail, table.persons).where(table.actor == actor)
    async with gateway.database.reading() as connection:
        return [tuple(row) for row in (await connection.execute(query.order_by(table.id))).all()]


@pytest.mark.parametrize("way", ["claimPreflight", "createClaim", "checkEligibility"])
async def test_hits_and_misses_are_logged(gateway: Gateway, way: str) -> None:
    world = await new_world(gateway)
    actor = f"logged-{way}-{world.provider}"
    token = gateway.token("biller", providers=[world.provider], sub=actor)
    for card in ("99990001", world.card):
        query, values = _asking(world, way, card)
        assert (await gateway.gql(query, {"input": values}, token=token)).codes == []
    miss = (way, AccessDecision.REFUSED, "unknown card", 0)
    found = await _log(gateway, actor)
    assert miss in found
    assert [entry for entry in found if entry[0] == way and entry[3] == 1] != []


async def test_a_provider_sees_no_documents_of_a_patient_whom_it_does_not_treat(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(roles.ROLES, "everything", ALL)
    owner, guesser = await new_world(gateway), await new_world(gateway)
    token = gateway.token("everything", providers=[guesser.provider])
    asked = {"providerCnes": guesser.provider, "payerAnsCode": owner.payer, "cardNumber": owner.card}
    found = (await gateway.gql(CHECK, {"input": asked}, token=token)).data["checkEligibility"]["eligibility"]
    assert (found["outcome"], found["patient"]["id"]) == ("ELIGIBLE", owner.patient)
    assert (found["patient"]["cpf"], found["patient"]["birthDate"]) == (None, None)

    draft = shaped("createClaim", guesser.claim_input(payer=owner.payer, cardNumber=owner.card))
    created = (await gateway.gql(CREATE, {"input": draft}, token=token)).data["createClaim"]
    query = "query($id: ID!) { claim(id: $id) { patient { cpf birthDate } } }"
    identifier = {"id": created["claim"]["id"]}
    assert (await gateway.gql(query, identifier, token=token)).data["claim"]["patient"] == {
        "cpf": None, "birthDate": None,
    }  # fmt: skip
    submit = "mutation($ids: [ID!]!) { submitClaims(input: { claimIds: $ids }) { results { errors { code } } } }"
    submitted = (await gateway.gql(submit, {"ids": [created["claim"]["id"]]}, token=token)).data["submitClaims"]
    assert submitted["results"] == [{"errors": []}]
    seen = (await gateway.gql(query, identifier, token=token)).data["claim"]["patient"]
    payer = gateway.token("everything", providers=["*"], payer=owner.payer)
    assert seen == (await gateway.gql(query, identifier, token=payer)).data["claim"]["patient"]
    assert None not in seen.values()
