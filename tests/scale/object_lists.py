"""The documented filters of lists on objects: a page of the rows of one parent that has many."""

from tests.scale.lists import EVERYBODY, List, words
from tests.scale.rows import identifier


def object_lists() -> list[List]:
    """Those that grow with what is billed or imported at once."""
    lines = List(
        "Invoice.lines",
        "finance",
        {"all": "", **words("kind", "CLAIM", "DEBIT", "RECOVERY", "CREDIT, DEBIT")},
        scopes=(EVERYBODY,),
        parent=f'invoice(id: "{identifier("inv", 7)}")',
    )
    results = List(
        "ImportJob.results",
        "biller",
        {"all": "", **words("outcome", "TAKEN", "REFUSED", "UNCHANGED, REFUSED")},
        scopes=(EVERYBODY,),
        parent=f'importJob(id: "{identifier("job", 0)}")',
        nodes="position",
    )
    return [lines, results]
