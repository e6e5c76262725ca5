"""The documented filters and orders of the lists about waiting lines, money without a claim, banks and appeals."""

from tests.scale.lists import PARTIES, List, of_amount, of_day, of_time, words
from tests.scale.rows import identifier


def further_lists() -> list[List]:
    """Those that grow with the statements of payers."""
    waiting = List(
        "unmatchedRemittanceLines",
        "finance",
        {
            "ids": f'ids: ["{identifier("rml", 7)}"]',
            **words("problem", "UNKNOWN_CLAIM", "OVERPAID", "REPEATED", "AMBIGUOUS, UNKNOWN_ITEM"),
            **words("reasonCode", '"1705"', '"1801"', '"9999"'),
            "assignee": 'assignee: "person 3"',
            "assigned": "isAssigned: true",
            "not assigned": "isAssigned: false",
            "set aside": "isSetAside: true",
            "not set aside": "isSetAside: false",
            **of_time("waitingSince"),
        },
        argument="lineFilter",
    )
    appeals = List(
        "appealBatches",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("apb", 7)}"]',
            **words("status", "OPEN", "ANSWERED", "REJECTED, CANCELLED"),
            **PARTIES,
            **of_time("createdAt"),
        },
        ("CREATED_AT",),
    )
    credits_ = List(
        "unappliedCredits",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("crd", 7)}"]',
            **PARTIES,
            "isLeft": "isLeft: true",
            "not isLeft": "isLeft: false",
        },
    )
    adjustments = List(
        "remittanceAdjustments",
        "finance",
        {
            "all": "",
            **PARTIES,
            **words("status", "OPEN", "ACCEPTED", "OPEN, DISPUTED"),
            **words("direction", "DEBIT", "CREDIT"),
            **of_day("paidOn"),
        },
    )
    entries = List(
        "bankEntries",
        "finance",
        {
            "all": "",
            "ids": f'ids: ["{identifier("bke", 7)}"]',
            **PARTIES,
            **words("status", "WAITING", "MATCHED", "WAITING, DISMISSED"),
            **words("direction", "CREDIT", "DEBIT"),
            **of_day("bookedOn"),
            **of_amount("amount"),
        },
        ("BOOKED_ON",),
    )
    announced = List("announcedPayments", "finance", {"all": "", **PARTIES, **of_day("paidOn")})
    underpaid = List(
        "underpayments",
        "reviewer",
        {"all": "", **PARTIES, **of_day("performedOn")},
        nodes="performedOn",
    )
    return [waiting, appeals, credits_, adjustments, entries, announced, underpaid]
