"""What a test run takes from the environment of the person who starts it."""

import os
import subprocess
import sys

SHOW = """
import os
import tests.conftest
from app.runtime.settings import Settings

read = Settings()
print(sorted(name for name in os.environ if name.startswith("BILLING_")))
print(read.database, read.events_url, read.events_topic)
"""


def test_a_test_run_does_not_use_the_settings_that_a_developer_has_exported() -> None:
    exported = {
        "BILLING_DATABASE_URL": "mysql+aiomysql://root@127.0.0.1:3306/billing",
        "BILLING_REDIS_URL": "redis://127.0.0.1:6379/0",
        "BILLING_EVENTS_URL": "kafka://127.0.0.1:9092",
        "BILLING_EVENTS_TOPIC": "billing.mine",
        "BILLING_TEST_EXAMPLES": "3",
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("BILLING_")}
    shown = subprocess.run(
        [sys.executable, "-c", SHOW], env={**others, **exported}, capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == [
        "['BILLING_TEST_EXAMPLES']",
        "sqlite+aiosqlite:///var/billing.db memory:// billing.events",
    ]
