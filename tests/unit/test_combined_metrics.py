"""The metrics of several workers are one page: counts add up and never fall, each gauge by its own rule."""

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.combined import Combined
from app.telemetry.metrics import Metrics
from app.telemetry.shared import SharedBytes

SIZE = 10_000_000
NAME = "billing_outbox_published_total"


def _page(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def _samples(page: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(page.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


def test_one_worker_alone_has_its_own_page() -> None:
    metrics = Metrics({"Claims": "query"})
    metrics.published.inc(3)
    page = _page(metrics)
    names = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
    combined = Combined(SharedBytes(SIZE)).text({0: (1, page)}).decode()
    assert [line.split()[2] for line in combined.splitlines() if line.startswith("# TYPE")] == names
    assert _samples(combined.encode()) == _samples(page.encode())


def test_counts_add_up_and_gauges_follow_their_rules() -> None:
    first, second = Metrics(), Metrics()
    for metrics, published, listening, skew, waiting in ((first, 3, 2, -0.5, 7), (second, 4, 5, 0.25, 6)):
        metrics.published.inc(published)
        metrics.subscribers.set(listening)
        metrics.clock_skew.labels("database").set(skew)
        metrics.outbox_pending.set(waiting)
        metrics.batch_seconds.observe(1)
    first.dependency_up.labels("redis").set(1)
    second.dependency_up.labels("redis").set(0)
    page = Combined(SharedBytes(SIZE)).text({0: (1, _page(first)), 1: (2, _page(second))})
    found = _samples(page)
    assert (found[NAME], found["billing_subscribers"], found["billing_outbox_pending"]) == (7, 7, 7)
    assert found["billing_relay_batch_seconds_count"] == 2
    lines = page.decode().splitlines()
    assert 'billing_dependency_up{dependency="redis"} 0.0' in lines
    assert 'billing_clock_skew_seconds{server="database"} -0.5' in lines
    # Nobody has added up the books yet.
    assert "billing_unexplained_cents" not in found


def test_what_an_ended_worker_has_counted_stays() -> None:
    first, second, third = Metrics(), Metrics(), Metrics()
    first.published.inc(3)
    second.published.inc(4)
    combined = Combined(SharedBytes(SIZE))
    assert _samples(combined.text({0: (1, _page(first)), 1: (2, _page(second))}))[NAME] == 7
    # The second does not answer, then it is another process, which begins at 0.
    assert _samples(combined.text({0: (1, _page(first))}))[NAME] == 7
    assert _samples(combined.text({0: (1, _page(first)), 1: (3, _page(third))}))[NAME] == 7
    third.published.inc()
    assert _samples(combined.text({0: (1, _page(first)), 1: (3, _page(third))}))[NAME] == 8


def test_whoever_combines_next_goes_on_with_the_counts() -> None:
    first, second, third = Metrics(), Metrics(), Metrics()
    first.published.inc(3)
    second.published.inc(4)
    kept = SharedBytes(SIZE)
    Combined(kept).text({0: (1, _page(first)), 1: (2, _page(second))})
    # Of another page the second process is gone, and the first does not answer yet.
    assert _samples(Combined(kept).text({1: (3, _page(third))}))[NAME] == 7
    first.published.inc()
    third.published.inc()
    assert _samples(Combined(kept).text({0: (1, _page(first)), 1: (3, _page(third))}))[NAME] == 9


def test_bytes_are_those_that_were_written_last() -> None:
    kept = SharedBytes(4)
    found = [kept.read()]
    for each in (b"one", b"two2", b"", b"3", b"longer"):
        kept.write(each)
        found.append(kept.read())
    assert found == [b"", b"one", b"two2", b"", b"3", b""]
