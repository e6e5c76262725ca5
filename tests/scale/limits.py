"""What the page of a list may cost: how many rows and entries it looks at, by the rows of the list's own table, and
whether it may sort."""

from collections.abc import Iterator
from typing import Final

from tests.scale.cases import Case
from tests.scale.expressions import PAYERS, PROVIDERS
from tests.scale.reads import Work
from tests.scale.rows import DOCTORS
from tests.scale.size import SIZE
from tests.scale.sorted_pages import SORTED

SMALL: Final = frozenset({"payers", "providers", "contracts"})
"""Tables that do not grow with the claims: the server reads and sorts them as it likes."""
PAGE: Final = 110
"""Twenty rows and the one after them, as entries, as rows, and in the result; of merged pages this for each, and once
more for the page that is made of them."""
SHARE_MAX: Final = 0.01
"""So large a part of the table may be looked at besides; where nothing is sorted at most a page, and three for a data
scope, which passes over ten rows for each of its own. So the limit is as narrow for a million claims as for 50,000."""
PAIRS_MAX: Final = 0.31
"""The same for a filter in the order of another column or together with a data scope: an index has one of the two, and
the rows of two years are two thirds of all."""
MORE: Final = (
    # The oldest of what is recent, or of what is rare, come after everything older.
    ("invoices(inDispute) CREATED_AT ASC", 10.2),
    ("claims(not invoiced) CREATED_AT ASC", 2.1),
    ("claims(not invoiced) SERVICE_DATE ASC", 2.1),
    ("claims(status SUBMITTED) SERVICE_DATE ASC", 1.1),
    ("claims(inDispute) CREATED_AT ASC", 0.6),
    ("batches(status OPEN) NUMBER ASC", 1.1),
    ("batches(status RECEIVED) CREATED_AT ASC of two", 0.37),
    ("denials(status OPEN) CREATED_AT ASC", 1.0),
    ("denials(status OPEN, APPEALED) CREATED_AT ASC", 1.0),
    # The server reads the index of the order, or sorts all that a party has, where its statistics show no better.
    ("remittances(paidOn of two years) CREATED_AT ASC of two", 1.1),
    ("remittances(paidOn of two years) CREATED_AT DESC of two", 1.1),
    ("remittances(paidOn of two years) of two", 1.1),
    ("invoices(inDispute) TOTAL_AMOUNT", 1.2),
    ("invoices(status SETTLED) TOTAL_AMOUNT", 1.1),
    ("batches(type CONSULTATION) CREATED_AT ASC of two", 0.8),
    ("batches(type SP_SADT) NUMBER", 0.6),
    ("bankEntries(payers) BOOKED_ON DESC of two", 0.5),
    ("remittanceAdjustments(status ACCEPTED) of two", 0.5),
    ("remittanceAdjustments(all backwards) of two", 0.46),
    ("remittanceAdjustments(direction ", 0.42),
    # Pages of each provider, merged by number: twice the entries, which are sorted.
    ("batches(all) NUMBER", 0.14),
    # A range of years that has ended is read past all that is newer: entries only.
    ("denials(appealDeadline of two years) CREATED_AT", 0.34),
    ("claims(submittedAt of two years)", 0.27),
    ("claims(serviceDate of two years)", 0.26),
    ("eligibilityHistory(serviceDate of two years)", 0.28),
    ("invoices(dueDate of two years)", 0.31),
    ("remittances(paidOn of two years)", 0.31),
    ("settlements(paidOn of two years)", 0.27),
    ("remittanceAdjustments(paidOn of two years) of everybody", 0.23),
    ("denials(createdAt of two years) of everybody", 0.11),
    # The days are sorted: the rows of a month, some with their statement.
    ("claims(serviceDate of a month) of everybody", 0.06),
    ("claims(serviceDate of a month)", 0.14),
    ("unmatchedRemittanceLines(paidOn of a month)", 0.05),
    ("unmatchedRemittanceLines(createdAt of a month)", 0.05),
    ("remittanceAdjustments(paidOn of a month)", 0.14),
    ("remittanceAdjustments(paidOn of a week)", 0.03),
    # Found from another table: the newest of what is billed come after 5 % that are not.
    ("claims(inDispute)", 0.17),
    ("claims(invoiced)", 0.12),
    ("claims(denialCode) of everybody", 0.02),
    ("claims(denialCode)", 0.06),
    ("invoices(not inDispute)", 0.42),
    # Won denials are read by their status, those that are billed already with them.
    ("denials(not recoveryInvoiced) CREATED_AT ASC", 0.9),
    ("denials(not recoveryInvoiced) of two", 0.62),
    ("denials(not recoveryInvoiced) APPEAL_DEADLINE ASC of two", 0.62),
    ("denials(not recoveryInvoiced)", 0.51),
    ("denials(recoveryInvoiced) APPEAL_DEADLINE DESC", 0.44),
    ("denials(recoveryInvoiced) ", 1.0),
    # Denials and emergency accesses do not repeat the parties: the claims of a provider are read, or those of others
    # passed over.
    ("denials(providerCnes)", 0.55),
    ("denials(providers) of everybody", 0.05),
    ("denials(payers) of everybody", 0.05),
    ("denials(payerAnsCode) of everybody", 0.05),
    ("denials(all", 0.06),
    ("emergencyAccesses(all)", 0.16),
    # Ten rows are passed over for each that is of the two providers.
    ("invoices(all) TOTAL_AMOUNT", 0.03),
    ("settlements(all) PAID_ON", 0.02),
    # Lines that wait are read from the first one on, or by their statements.
    ("unmatchedRemittanceLines(paidOn of two years)", 0.1),
    ("unmatchedRemittanceLines(createdAt of two years)", 0.1),
    *((f"unmatchedRemittanceLines({part}", 0.05) for part in ("all", "payer", "provider", "status ", "source ")),
    *((f"unmatchedRemittanceLines({part}", 0.05) for part in ("paidOn of ", "createdAt of ")),
    # Adjustments do not repeat the parties of their statement, which are read and sorted.
    ("remittanceAdjustments(providers)", 0.66),
    ("remittanceAdjustments(providerCnes)", 0.24),
    ("remittanceAdjustments(payers)", 0.93),
    ("remittanceAdjustments(payerAnsCode)", 0.47),
    ("remittanceAdjustments(all) of two", 0.46),
    # Two states of adjustments: the server sorts those, or reads on until the page is full; the newest are last.
    ("remittanceAdjustments(status OPEN, DISPUTED)", 1.1),
    # Credits that are left are looked for past those that are used, and announced payments past those that came:
    # the latter read the statement and what the bank has matched with it.
    ("unappliedCredits(isLeft)", 1.1),
    ("announcedPayments(", 2.3),
    # The price of each item of the days or of the providers is looked up, or of each until the page is full.
    ("underpayments(payer of nothing)", 2.2),
    ("underpayments(providers)", 0.62),
    ("underpayments(all) of two", 0.42),
    ("underpayments(all backwards) of two", 0.42),
    ("underpayments(performedOn of two years) of two", 0.38),
    ("underpayments(", 0.22),
    # Each practitioner of each provider once (with each payer for the scope of one), whatever number of claims there
    # are: an entry that is read, stored and read again.
    ("practitioners(registered)", 0),
    *((f"practitioners({part}) of a payer", 5.1) for part in ("all", "all backwards")),
    ("practitioners(", 3.1),
    # A thirty-sixth of the rows.
    (" of a month) of everybody", 0.035),
    # All within ten reais.
    ("denials(amount) of everybody", 0.015),
)
"""Parts of the names of cases that may look at more, with their share; the first that fits counts."""


def faults(case: Case, work: Work) -> Iterator[str]:
    """What the work for the case has that it must not have; nothing if all is well. A whole index may be read only
    where the share says so: LIMIT ends the other pages."""
    for table in work.scanned:
        if table not in SMALL:
            yield f"reads all of {table}"
    if case.is_alone and not _may_sort(case):
        yield from (f"sorts {table}" for table in work.sorted if table not in SMALL)
    if work.examined > (most := _most(case, work.pages)):
        yield f"looks at {work.examined} instead of {most:.0f}"


def _most(case: Case, pages: int) -> float:
    """How much a page of so many merged ones may look at."""
    rows, merged = _rows(case.listed.name), PAGE * (pages if pages == 1 else pages + 1)
    if case.listed.name in SMALL:
        return 1.1 * rows + merged
    share = next((most for part, most in MORE if part in case.title), None)
    if share is None and case.is_alone and not _may_sort(case):
        return min(SHARE_MAX * rows, PAGE * (3 if "of two providers" in case.title else 1)) + merged
    default = SHARE_MAX if case.is_alone else PAIRS_MAX
    return (default if share is None else share) * rows + merged


def _may_sort(case: Case) -> bool:
    return any(part in case.title for part in SORTED)


def _rows(name: str) -> int:
    """The rows of the list's own table, or of one parent of a list on objects."""
    half = SIZE.claims // 2
    return {
        "claims": SIZE.claims,
        "denials": SIZE.denials,
        "invoices": SIZE.invoices,
        "settlements": SIZE.settlements,
        "remittances": SIZE.remittances,
        "unmatchedRemittanceLines": half,
        "batches": SIZE.batches,
        "eligibilityHistory": half,
        "contracts": PROVIDERS * PAYERS,
        "patients": SIZE.patients,
        "payers": PAYERS,
        "providers": PROVIDERS,
        "practitioners": PROVIDERS * DOCTORS,
        "myAccessLog": half,
        "emergencyAccesses": SIZE.patients,
        "appealBatches": SIZE.remittances // 2,
        "unappliedCredits": SIZE.remittances,
        "remittanceAdjustments": SIZE.remittances,
        "bankEntries": half,
        "announcedPayments": SIZE.remittances,
        "underpayments": SIZE.claims,
        "Invoice.lines": SIZE.invoice_lines,
        "ImportJob.results": SIZE.import_results,
    }[name]
