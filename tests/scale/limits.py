"""How many rows and entries the page of a list may look at, measured by the rows of the list's own table."""

from typing import Final

from tests.length import IS_FULL
from tests.scale.expressions import PAYERS, PROVIDERS
from tests.scale.rows import Size

PAGES: Final = 370
"""What merged pages of several values, and an index that is left after one page, look at whatever the table has."""
SHARE_MAX: Final = 0.03
"""So large a part of the table may be looked at besides."""
MORE: Final = (
    # Pages of each provider, merged by number: twice the entries, which are sorted.
    ("batches(all) NUMBER", 0.14),
    # A range of years that has ended is read past all that is newer: entries only.
    ("claims(submittedAt of two years)", 0.27),
    ("claims(serviceDate of two years)", 0.26),
    ("eligibilityHistory(serviceDate of two years)", 0.28),
    ("invoices(dueDate of two years)", 0.31),
    ("remittances(paidOn of two years)", 0.31),
    ("settlements(paidOn of two years)", 0.27),
    ("remittanceAdjustments(paidOn of two years)", 0.23),
    # The days are sorted: the rows of a month, each with its statement.
    ("claims(serviceDate of a month)", 0.06),
    ("remittanceAdjustments(paidOn of a month)", 0.14),
    ("denials(createdAt of two years)", 0.11),
    # Found from another table: the newest of what is billed come after 5 % that are not.
    ("claims(inDispute)", 0.17),
    ("claims(invoiced)", 0.12),
    ("invoices(not inDispute)", 0.42),
    # Won denials are read by their status, those that are billed already with them.
    ("denials(not recoveryInvoiced)", 0.51),
    # Denials and emergency accesses do not repeat the provider: the claims of a provider are read.
    ("denials(providerCnes)", 0.55),
    ("emergencyAccesses(all)", 0.16),
    # Adjustments do not repeat the parties of their statement, which are read and sorted.
    ("remittanceAdjustments(providers)", 0.66),
    ("remittanceAdjustments(providerCnes)", 0.24),
    ("remittanceAdjustments(payers)", 0.93),
    ("remittanceAdjustments(payerAnsCode)", 0.47),
    ("remittanceAdjustments(all) of two", 0.46),
    # Credits that are left are looked for past those that are used, and announced payments past those that came:
    # the latter read the statement and what the bank has matched with it.
    ("unappliedCredits(isLeft)", 1.1),
    ("announcedPayments(", 2.3),
    # The price of each item of the days or of the providers is looked up, or of each until the page is full.
    ("underpayments(providers)", 0.62),
    ("underpayments(all) of two", 0.42),
    ("underpayments(", 0.22),
)
"""Parts of the names of cases that may look at more, with their share; the first that fits counts."""
UNEVEN_MAX: Final = 3.0
"""In the full run, with every order in both directions: at most so many entries and rows for each claim."""


def limit(title: str, name: str, size: Size) -> float:
    """How much the page of the case may look at; `name` is the list's."""
    order = title.partition(" of ")[0].rpartition(")")[2].strip()
    if IS_FULL and order:
        return size.claims * UNEVEN_MAX
    share = next((most for part, most in MORE if part in title), SHARE_MAX)
    return share * _rows(name, size) + PAGES


def _rows(name: str, size: Size) -> int:
    """The rows of the list's own table."""
    half = size.claims // 2
    return {
        "claims": size.claims,
        "denials": size.denials,
        "invoices": size.invoices,
        "settlements": size.settlements,
        "remittances": size.remittances,
        "unmatchedRemittanceLines": half,
        "batches": size.batches,
        "eligibilityHistory": half,
        "contracts": PROVIDERS * PAYERS,
        "patients": size.patients,
        "payers": PAYERS,
        "providers": PROVIDERS,
        "myAccessLog": half,
        "emergencyAccesses": size.patients,
        "appealBatches": size.remittances // 2,
        "unappliedCredits": size.remittances,
        "remittanceAdjustments": size.remittances,
        "bankEntries": half,
        "announcedPayments": size.remittances,
        "underpayments": size.claims,
    }[name]
