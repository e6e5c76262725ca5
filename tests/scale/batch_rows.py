"""The rows of batches and of the claims in them."""

from typing import Final

from tests.scale.expressions import at, first, id_of, insert, one_of, payer, provider

TYPES: Final = ("SP_SADT", "SP_SADT", "SP_SADT", "CONSULTATION", "ADMISSION_SUMMARY", "INDIVIDUAL_FEES")
SENT_BATCHES: Final = ("PROCESSED",) * 6 + ("SENT", "RECEIVED", "REJECTED", "CANCELLED")


def statements(batches: int, claims: int) -> list[str]:
    """So many batches, of ten claims each."""
    is_open = f"n >= {batches * 98 // 100}"
    batch = {
        "id": id_of("bat"),
        "number": "n",
        "provider_cnes": provider(),
        "payer_ans": payer(),
        "type": one_of("batch type", TYPES),
        "tiss_version": "'4.03.00'",
        "status": f"IF({is_open}, 'OPEN', {one_of('batch', SENT_BATCHES)})",
        "guide_count": "10",
        "total_cents": "1000",
        "protocol_number": f"IF({is_open}, NULL, CONCAT('R', n))",
        "version": "1",
        "created_by": "'test'",
        "created_at": at(batches),
        "changed_at": at(batches),
    }
    member = {
        "batch_id": id_of("bat", f"(n * {batches} DIV {claims})"),
        "claim_id": id_of("clm"),
        "sequence": "n",
        "active_claim_id": id_of("clm"),
    }
    return [insert("batches", batch, first(batches)), insert("batch_claims", member, first(claims))]
