"""The simulated payer of the demo: who opens a subscription sees something happen, and it all goes by the services."""

from pathlib import Path

import pytest

from app.demo import payer
from app.demo.parties import PAYER, PROVIDER
from app.demo.payer import SimulatedPayer
from tests.gateway import embedded_settings, running_gateway
from tests.seeded import CLAIMS, copy_seeded

WATCH = """subscription { claimStatusChanged {
  claim { history(last: 1) { nodes { actor } } payer { ansCode } } } }"""
LEFT = """{
  submitted: claims(filter: { status: [SUBMITTED] }) { totalCount }
  reviewed: claims(filter: { status: [UNDER_REVIEW] }) { totalCount }
  unpaid: invoices(filter: { status: [ISSUED, PARTIALLY_SETTLED] }) { totalCount }
  appealed: denials(filter: { status: [APPEALED] }) { totalCount }
  unbilled: claims(filter: { status: [APPROVED, PARTIALLY_APPROVED], invoiced: false }) { totalCount }
  all: claims { totalCount }
  reconciliation { unexplainedAmount }
}"""


async def test_a_subscription_gets_an_event_without_anybody_doing_anything(tmp_path: Path) -> None:
    copy_seeded(tmp_path)
    async with running_gateway(embedded_settings(tmp_path, demo_payer_seconds=0.3), is_prepared=True) as gateway:
        token = gateway.token("reviewer", providers=[PROVIDER])
        async with gateway.subscribed(WATCH, token) as stream:
            # What the seed did may still be on its way.
            found = ["seed-demo"]
            while found == ["seed-demo"]:
                claim = (await stream.next())["claimStatusChanged"]["claim"]
                found = [each["actor"] for each in claim["history"]["nodes"]]
    assert (found, claim["payer"]) == (["demo-payer"], {"ansCode": PAYER})


async def test_it_moves_all_but_the_newest_and_then_the_clinic_has_another_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_seeded(tmp_path)
    async with running_gateway(embedded_settings(tmp_path), is_prepared=True) as gateway:
        token = gateway.token("reviewer", providers=["*"])
        count = (await gateway.gql(LEFT, token=token)).data["all"]["totalCount"]
        monkeypatch.setattr(payer, "CLAIMS_MAX", count)
        acts = SimulatedPayer(gateway.parts.database, gateway.parts.changes, may_act=lambda: True)
        moves = 0
        while await acts.act():
            moves += 1
        left = (await gateway.gql(LEFT, token=token)).data
        assert left == {
            "submitted": {"totalCount": payer.SPARED},
            "reviewed": {"totalCount": payer.SPARED},
            "unpaid": {"totalCount": 0},
            "appealed": {"totalCount": 1},
            "unbilled": {"totalCount": payer.SPARED},
            "all": {"totalCount": count},
            "reconciliation": {"unexplainedAmount": "0.00"},
        }
        monkeypatch.setattr(payer, "CLAIMS_MAX", count + 1)
        assert await acts.act()
        assert (await gateway.gql(LEFT, token=token)).data["all"]["totalCount"] == count + 1
    assert moves > CLAIMS // 2
