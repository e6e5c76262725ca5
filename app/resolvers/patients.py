"""Resolvers for patients."""

from datetime import datetime
from typing import Final

from app.db import claims, eligibility, reference_tables, tables
from app.db.claims import ClaimRecord
from app.db.eligibility import EligibilityRecord
from app.resolvers.nested import NestedList
from app.resolvers.paging import order_by

CLAIMS: Final[NestedList[ClaimRecord]] = NestedList(
    "Patient.claims", claims.OF_PATIENT, order_by(tables.claims, "created_at", datetime, descending=True)
)
ELIGIBILITY_CHECKS: Final[NestedList[EligibilityRecord]] = NestedList(
    "Patient.eligibilityChecks",
    eligibility.OF_PATIENT,
    order_by(reference_tables.eligibility_checks, "answered_at", datetime, descending=True),
)
