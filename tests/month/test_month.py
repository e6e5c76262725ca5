"""A month of three payers, from documents alone: every line ends posted or resolved, books and bank explain each other
to the cent after every step. `make month` runs 2,000 claims and prints the report."""

import os

import pytest

from tests.factories import new_world
from tests.figures import Figures
from tests.gateway import Gateway
from tests.month.payers import AnalysisThenPayment, DenialsOfGuides, NetOfTax
from tests.month.stage import PayersMonth, money

CLAIMS = int(os.environ.get("BILLING_TEST_MONTH_CLAIMS", "99"))


@pytest.mark.parametrize("habits", [AnalysisThenPayment, DenialsOfGuides, NetOfTax])
async def test_a_payers_month_is_explained_to_the_cent(
    server_gateway: Gateway, habits: type[PayersMonth], figures: Figures
) -> None:
    world = await new_world(server_gateway)
    parts = await habits(world, CLAIMS // 3).live()
    assert parts["billed"] == CLAIMS // 3 * 100_00
    figures(**{f"{habits.__name__} {name}": money(value) for name, value in parts.items()})
