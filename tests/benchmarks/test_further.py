"""What the benchmark says of the gateway alone: layers, workers, subscribers and goals."""

import re
import time
from collections.abc import Callable
from threading import Thread
from typing import Any, cast

import pytest

from benchmarks import goals, layers, subscribers, workers
from benchmarks.chart import stacks
from benchmarks.contenders import GATEWAY
from benchmarks.layer_shares import layer_of, shares
from benchmarks.measure import Figures, Sample
from benchmarks.profiled import OTHERS, Samples
from benchmarks.subscribers import Heard

REST, DB = "hsl(0 45% 45%)", "hsl(138 45% 45%)"
SITE = "/x/.venv/lib/python3.11/site-packages"


def _sample(cpu: float, answers: int = 1_000) -> Sample:
    return Sample(answers, 0, 1.0, cpu, 0.01, 0.04, 2**20)


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("/work/app/db/driver.py", "app/db"),
        ("<plan>", "app/executor"),
        (f"{SITE}/aiomysql/connection.py", "aiomysql"),
        ("/usr/lib/python3.11/asyncio/streams.py", "asyncio"),
        ("/usr/lib/python3.14/enum.py", "standard library"),
        ("<rows>", None),
    ],
)
def test_a_function_belongs_to_its_folder_or_package(path: str, layer: str | None) -> None:
    assert layer_of(path) == layer


def test_small_layers_are_in_the_rest() -> None:
    found = shares({"rest": 0.02, "app/auth": 0.005, "app/db": 0.75, "uvicorn": 0.225})
    assert found == pytest.approx({"app/db": 0.75, "uvicorn": 0.225, "rest": 0.025})
    assert list(found) == ["app/db", "uvicorn", "rest"]


def _works(path: str, lines: str) -> Callable[..., None]:
    """The function `work` of a file with these lines."""
    names: dict[str, Any] = {"clock": time.thread_time}
    exec(compile(lines, path, "exec"), names)  # noqa: S102 - the lines of this file
    return cast("Callable[..., None]", names["work"])


BUSY = """
def work(seconds):
    end = clock() + seconds
    while clock() < end:
        sum(range(100))
"""
CALLING = """
def work(other, seconds):
    other(seconds)
"""


def test_a_profile_tells_the_main_thread_from_others() -> None:
    beside = Thread(target=_works("/x/app/db/driver.py", BUSY), args=[0.06])
    generated, calling = _works("<rows>", BUSY), _works("/x/app/resolvers/claims.py", CALLING)
    samples, began = Samples(), time.process_time()
    samples.begin()
    beside.start()
    _works("/x/app/db/driver.py", BUSY)(0.1)
    beside.join()
    calling(generated, 0.06)
    samples.end()
    used = time.process_time() - began
    assert sum(samples.seconds.values()) == pytest.approx(used, rel=0.1)
    found = {layer: samples.seconds[layer] for layer in ("app/db", OTHERS, "app/resolvers")}
    assert found == pytest.approx({"app/db": 0.1, OTHERS: 0.06, "app/resolvers": 0.06}, abs=0.02)
    assert sum(shares(samples.seconds).values()) == pytest.approx(1.0)


def test_two_workers_gain_what_the_cpu_of_a_request_allows() -> None:
    figures = Figures()
    for operation in workers.ASKED:
        figures.add("1 worker", operation, _sample(0.9))
        figures.add("2 workers", operation, _sample(1.0, 1_500 if operation == "Q4" else 1_000))
    page = workers.section(figures)
    assert "| Q1 | 1.00 | 1.80 |\n" in page
    assert "| Q4 | 1.50 | 2.70 |\n" in page
    assert "| 2 workers: Q1 | 1000 | 1.000 | 1 |\n" in page


def test_each_goal_is_shown_with_the_ratio_of_its_operation() -> None:
    by, of_workers = Figures(), Figures()
    for name, first, second in (
        (GATEWAY, 0.9, 2.0),
        ("stock Strawberry", 1.0, 1.0),
        ("Mercurius with duties", 1.0, 4.0),
    ):
        by.add(name, "Q1", _sample(first))
        by.add(name, "Q2", _sample(second))
    by.add("REST async", "Q4", _sample(1.0))
    for operation in workers.ASKED:
        of_workers.add("1 worker", operation, _sample(0.9))
        of_workers.add("2 workers", operation, _sample(1.0))
    heard = {"equal": [Heard(1_000, cpu, 0.1, 2**20) for cpu in (39.6e-6, 40e-6, 90e-6)]}
    page = goals.section(by, of_workers, heard, 0.00204)
    assert "| Q1: CPU per request to Mercurius with duties | 0.90 | at most 0.90 | yes |\n" in page
    assert "| Q2: CPU per request to Mercurius with duties | 0.50 | at most 0.60 | yes |\n" in page
    assert "| Q2: CPU per request to stock Strawberry | 2.00 | at most 0.02 | no |\n" in page
    assert "| two workers, each with a core | 1.80 (Q1) | at least 1.8 | yes |\n" in page
    assert "| 1000 subscribers, equal: microseconds of CPU for each | 40 | at most 40 | yes |\n" in page
    assert "| 1000 subscribers, equal: milliseconds to the last | 100 | at most 100 | yes |\n" in page
    assert "| CPU without requests, of a core | 0.204% | at most 0.200% | no |\n" in page
    assert "Q3" not in page


def test_subscribers_are_shown_by_the_median_of_the_rounds() -> None:
    rounds = [Heard(1_000, cpu, 0.2, 2**20) for cpu in (0.0001, 0.0003, 0.0002)]
    assert "| 1000 subscribers, equal | 0.2000 | 200 | 1 |\n" in subscribers.section({"equal": rounds})


def test_a_stack_has_a_block_for_each_part_and_a_legend() -> None:
    chart = stacks("Layers", ["rest", "app/db"], {"Q1": {"app/db": 0.75, "rest": 0.25}, "Q2": {"rest": 1.0}})
    assert chart.count("<rect") == 5
    assert re.findall(r'width="([\d.]+)" height="11"', chart) == ["115.0", "345.0", "460.0", "14.0", "14.0"]
    assert "<title>app/db: 75%</title>" in chart
    assert re.findall(r'fill="(hsl[^"]+)"', chart) == [REST, DB, REST, REST, DB]


def test_layers_are_ordered_by_size_with_the_rest_at_the_end() -> None:
    found = {"Q1": {"app/db": 0.3, "uvicorn": 0.1, "rest": 0.6}, "Q4": {"uvicorn": 0.5, "rest": 0.5}}
    assert layers.by_size(found) == ["uvicorn", "app/db", "rest"]
