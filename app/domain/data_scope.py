"""The data scope: whose rows a caller may see. It is a condition in the WHERE of every statement."""

from app.values.frozen import frozen


@frozen
class DataScope:
    """A row is in the scope when it matches every part given; with no part given the scope is empty.

    `providers` are CNES codes, `payer` a registro ANS, `patient` a patient id; `any_provider` is the explicit
    "all providers" of the operator's own staff.
    """

    providers: frozenset[str] = frozenset()
    payer: str | None = None
    patient: str | None = None
    any_provider: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no row is in this scope."""
        return not (self.any_provider or self.providers or self.payer or self.patient)

    @property
    def is_everything(self) -> bool:
        """Whether every row is in this scope."""
        return self.any_provider and self.payer is None and self.patient is None

    def contains(self, *, provider: str | None, payer: str | None, patient: str | None) -> bool:
        """Whether a row of this provider, payer and patient is in the scope: the rule of the WHERE, outside SQL."""
        if self.is_empty:
            return False
        if self.providers and not self.any_provider and provider not in self.providers:
            return False
        return self.payer in (None, payer) and self.patient in (None, patient)


EVERYTHING = DataScope(any_provider=True)
"""For the gateway's own commands (imports, demo data); never for a request."""
