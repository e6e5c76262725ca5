"""Every root field has a largest call, or a largest event, which is measured."""

from app.schema.root import schema
from tests.hostile.largest_calls import LARGEST
from tests.hostile.largest_events import EVENTS


def test_every_root_field_has_a_largest_call() -> None:
    root = schema._schema
    kinds = [kind for kind in (root.query_type, root.mutation_type) if kind is not None]
    names = {f"{kind.name}.{name}" for kind in kinds for name in kind.fields}
    missing = [
        f"{name}: add a row to LARGEST (tests/hostile/largest_calls.py) that makes its largest call"
        for name in sorted(names - set(LARGEST))
    ]
    assert missing == []
    assert set(LARGEST) - names == set()


def test_every_subscription_has_a_largest_event() -> None:
    subscriptions = schema._schema.subscription_type
    assert subscriptions is not None
    assert set(EVENTS) == {f"Subscription.{name}" for name in subscriptions.fields}
