"""Preflights through the API, and what they find."""

from typing import Any

from tests.factories import World
from tests.inputs import dotted, shaped

FINDING = "severity code field tissCode atRiskAmount"
REPORT = f"passes atRiskAmount findings {{ {FINDING} message tissDescription }}"
OF_INPUT = f"query($claim: ClaimInput!) {{ claimPreflight(input: {{claim: $claim}}) {{ {REPORT} }} }}"
OF_CLAIM = f"query($id: ID!) {{ claimPreflight(input: {{claimId: $id}}) {{ {REPORT} }} }}"

Found = tuple[str, str, str | None, str | None, str]


def claim_values(world: World, **changes: Any) -> dict[str, Any]:
    """A ClaimInput with these changes."""
    values: dict[str, Any] = shaped("createClaim", world.claim_input(**changes))["claim"]
    return values


def findings(report: Any) -> list[Found]:
    """The findings of a report, with the path of each as one text."""
    names = FINDING.split()
    listed = [{**each, "field": dotted(each["field"])} for each in report["findings"]]
    return [tuple(each[name] for name in names) for each in listed]


async def preflight(world: World, **changes: Any) -> Any:
    """The report on a claim with these changes."""
    return (await world.call("biller", OF_INPUT, claim=claim_values(world, **changes)))["claimPreflight"]


async def preflight_of(world: World, claim_id: str) -> Any:
    """The report on a stored claim."""
    return (await world.call("biller", OF_CLAIM, id=claim_id))["claimPreflight"]


async def findings_on(world: World, **changes: Any) -> list[Found]:
    """The findings on a claim with these changes."""
    return findings(await preflight(world, **changes))


async def save_contract(world: World, *prices: dict[str, Any], window: int = 180, **details: Any) -> None:
    """A contract with these prices, which replace those of an earlier one."""
    query = "mutation($input: SaveContractInput!) { saveContract(input: $input) { errors { code field } } }"
    terms = {"submissionWindowDays": window, "appealDeadlineDays": 30, "paymentTermDays": 30}
    values = {"provider": world.provider, "payer": world.payer, **terms, "prices": list(prices), **details}
    answer = await world.gateway.gql(
        query, {"input": shaped("saveContract", values)}, token=world.gateway.token("admin")
    )
    assert answer.data["saveContract"]["errors"] == []


async def stored_warnings(world: World, claim_id: str) -> list[Found]:
    """The warnings that were stored with the claim when it was sent."""
    query = f"query($id: ID!) {{ claim(id: $id) {{ warnings {{ {FINDING} }} }} }}"
    claim = (await world.call("biller", query, id=claim_id))["claim"]
    return findings({"findings": claim["warnings"]})
