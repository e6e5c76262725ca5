"""What the benchmark derives from its samples, and how it is shown."""

import re

from app.db import tables
from app.domain.invoices import InvoiceStatus
from benchmarks.chart import bars
from benchmarks.data import CODES, PROVIDERS, Books
from benchmarks.markdown import table
from benchmarks.measure import Figures, Sample
from benchmarks.values import cpu_ms, per_core_second, per_gb_second, per_second

SAMPLE = Sample(answers=200, failed=1, seconds=2.0, cpu=0.5, median=0.01, slowest=0.04, memory=50_000_000)


def test_figures_are_per_answer_core_and_gigabyte() -> None:
    assert cpu_ms(SAMPLE) == 2.5
    assert per_second(SAMPLE) == 100
    assert per_core_second(SAMPLE) == 400
    assert per_gb_second(SAMPLE) == 2_000


def test_the_median_of_the_rounds_is_shown() -> None:
    figures = Figures()
    for answers in (100, 400, 200):
        figures.add("gateway", "Q1", Sample(answers, 0, 2.0, 0.5, 0.01, 0.04, 50_000_000))
    assert figures.typical("gateway", "Q1", cpu_ms) == 2.5
    assert (figures.has("gateway", "Q1"), figures.has("gateway", "Q2")) == (True, False)


def test_a_table_is_markdown() -> None:
    assert table(["", "Q1"], [["gateway", "1.00"]]) == "|  | Q1 |\n| --- | ---: |\n| gateway | 1.00 |\n"


def test_a_chart_has_a_bar_for_each_value() -> None:
    chart = bars("CPU <ms>", {"Q1": [("gateway", 1.0), ("peer", 10.0)], "Q2": [("peer", 1.0)]})
    assert chart.count("<rect") == 3
    assert re.findall('fill="(#[0-9a-f]{6})"', chart) == ["#0b6e4f", "#3d5a80", "#3d5a80"]
    assert 'width="0.0"' in chart
    assert 'width="460.0"' in chart
    assert "CPU &lt;ms&gt;" in chart


def test_the_rows_are_consistent() -> None:
    books = Books(2_000)
    books.fill()
    claims, lines = books.rows[tables.claims], books.rows[tables.invoice_lines]
    assert {claim["provider_cnes"] for claim in claims} == set(PROVIDERS)
    assert len(books.rows[tables.claim_items]) == len(claims) * len(CODES)
    decided = [claim for claim in claims if claim["processed_cents"] is not None]
    assert sorted(line["billed_claim_id"] for line in lines) == sorted(claim["id"] for claim in decided)
    assert all(claim["processed_cents"] == claim["approved_cents"] + claim["denied_cents"] for claim in decided)
    assert sum(denial["amount_cents"] for denial in books.rows[tables.denials]) == sum(
        claim["denied_cents"] for claim in decided
    )
    for invoice in books.rows[tables.invoices]:
        own = [line for line in lines if line["invoice_id"] == invoice["id"]]
        assert sum(line["amount_cents"] for line in own) == invoice["total_cents"]
        assert sum(line["settled_cents"] for line in own) == invoice["settled_cents"]
        is_settled = invoice["settled_cents"] == invoice["total_cents"]
        assert (invoice["status"] is InvoiceStatus.SETTLED) == is_settled
    paid = sum(row["amount_cents"] for row in books.rows[tables.settlements])
    assert paid == sum(row["amount_cents"] for row in books.rows[tables.allocations])
    assert paid == sum(invoice["settled_cents"] for invoice in books.rows[tables.invoices])
