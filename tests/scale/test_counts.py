"""A count costs at most what counting to its bound costs, and says whether there is more."""

from tests.scale.conftest import Large
from tests.scale.lists import EVERYBODY
from tests.scale.reads import sent_statements, work_of

COUNTED_MAX = 10_000
COUNT = "{ %s { totalCount isLongerThanCounted } }"
LISTS = {
    "claims": "reviewer",
    "denials": "reviewer",
    "invoices": "finance",
    "settlements": "finance",
    "eligibilityHistory": "reviewer",
}


async def test_a_long_list_is_counted_to_its_bound(large: Large) -> None:
    for name, role in LISTS.items():
        with sent_statements(large.gateway) as sent:
            answer = await large.gateway.gql(COUNT % name, token=large.gateway.token(role, **EVERYBODY[1]))
        assert answer.data[name] == {"totalCount": COUNTED_MAX, "isLongerThanCounted": True}
        # Both fields are one count.
        (count,) = [each for each in sent if "count(*)" in each.text]
        async with large.gateway.parts.probe_database.reading() as connection:
            work = await work_of(connection, count)
        # The entries that are counted, and each of them once more in the result.
        assert work.examined <= 2 * COUNTED_MAX + 10, name


async def test_a_shorter_list_is_counted_exactly(large: Large) -> None:
    found = f'claims(filter: {{ ids: ["clm_{7:026d}", "clm_{8:026d}"] }})'
    answer = await large.gateway.gql(COUNT % found, token=large.gateway.token("reviewer", **EVERYBODY[1]))
    assert answer.data["claims"] == {"totalCount": 2, "isLongerThanCounted": False}
