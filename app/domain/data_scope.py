"""Whose data a caller may see: the scope that stands in the WHERE of every statement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DataScope:
    """Every given part must hold; with no part given the scope holds nothing.

    `providers` are CNES codes, `payer` a registro ANS, `patient` a patient id; `any_provider` is the explicit
    "all providers" of the operator's own staff.
    """

    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    any_provider: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether this scope holds nothing at all."""
        return not (self.any_provider or self.providers or self.payer or self.patient)

    def holds(self, *, provider: str | None, payer: str | None, patient: str | None) -> bool:
        """Whether a row of this provider, payer and patient is visible: the rule that the WHERE states in SQL."""
        if self.is_empty:
            return False
        if self.providers and not self.any_provider and provider not in self.providers:
            return False
        return self.payer in (None, payer) and self.patient in (None, patient)


EVERYTHING = DataScope(any_provider=True)
"""For the gateway's own commands (imports, demo data); never for a request."""
