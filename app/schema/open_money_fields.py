"""The open fields of taxes and the bank, as those of `open_fields.py`."""

from typing import Final

MONEY: Final[dict[str, tuple[str, ...]]] = {
    "which kind of money an amount is; the amount itself is guarded": (
        "SettlementDeduction.kind",
        "WithheldTax.month",
        "WithheldTax.payer",
        "WithheldTax.tax",
    ),
}
