"""Random operations that find something in a world with one of everything."""

from random import Random

from app.schema.root import schema
from tests.access.world import Rich
from tests.executor.operations import Operations
from tests.factories import today


def operations_on(rich: Rich, random: Random) -> Operations:
    """Makes operations with the ids and the values of this world."""
    return Operations(schema._schema, random, {**rich.ids, **rich.shared}, _texts(rich))


def _texts(rich: Rich) -> dict[str, list[str]]:
    day = today().isoformat()
    names = rich.names
    return {
        "String": ["10101012", "22", "1705", rich.number, "consulta"],
        "AnsCode": [rich.world.payer],
        "Cnes": [rich.world.provider],
        "Date": [day, "2020-01-01", "x"],
        "Time": ["08:15:00"],
        "DateTime": [f"{day}T00:00:00Z", "2020-01-01T00:00:00Z"],
        "Money": ["1.00", "0.01", "100.00"],
        "Quantity": ["1"],
        "Factor": ["1.00"],
        "YearMonth": [day[:7]],
        "Cpf": ["52998224725"],
        "cardNumber": [names["card"]],
        "after": ["x"],
        "before": ["x"],
        "code": ["10101012", "40304361"],
        "codeSystem": ["22"],
    }
