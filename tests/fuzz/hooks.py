"""What the command line of schemathesis is told of this gateway: its scalars, and which answers are a fault.

Its own check takes every error of a field for a fault of the server; here those count that no client should get.
"""

from typing import Any

import schemathesis

from tests.fuzz.values import FAULTS, scalars

for name, values in scalars({}, []).items():
    if name not in {"ID", "String", "Int"}:
        schemathesis.graphql.scalar(name, values)


@schemathesis.check
def no_fault(_ctx: Any, response: Any, _case: Any) -> None:
    """The answer is GraphQL, each error has a code, and none is a fault of the gateway."""
    assert response.status_code == 200, response.text
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] not in FAULTS, response.text
