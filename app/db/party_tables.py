"""The tables of what is known about parties besides their own rows: practitioners, registrations, history."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from app.db.reference_tables import MYSQL, metadata
from app.db.types import CodeList, EnumText, UtcDateTime, ascii_text, identifier
from app.domain.parties import PartyAction

# The practitioners of a provider; those of other systems' claims are on the claims only.
practitioners = Table(
    "practitioners",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), nullable=False),
    Column("name", String(70), nullable=False),
    Column("council", ascii_text(2), nullable=False),
    Column("number", ascii_text(15), nullable=False),
    Column("state", ascii_text(2), nullable=False),
    Column("cbo", ascii_text(6), nullable=False),
    Column("version", Integer, nullable=False),
    Column("deactivated_at", UtcDateTime),
    UniqueConstraint("provider_cnes", "council", "number", "state"),
    Index(None, "name", "id"),
    **MYSQL,
)

# Which providers have registered a patient: they see the patient before the first claim.
patient_registrations = Table(
    "patient_registrations",
    metadata,
    Column("patient_id", ForeignKey("patients.id"), primary_key=True),
    Column("provider_cnes", ForeignKey("providers.cnes"), primary_key=True),
    Index(None, "provider_cnes", "patient_id"),
    **MYSQL,
)

# One row for each change of a payer, provider, patient, coverage or practitioner. `fields` names what changed: the
# values, which may be personal, are only in the party's own row.
party_history = Table(
    "party_history",
    metadata,
    Column("id", identifier(), primary_key=True),
    Column("party_id", identifier(), nullable=False),
    Column("action", EnumText(PartyAction), nullable=False),
    Column("version", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("fields", CodeList, nullable=False),
    # The patient that was merged into this one, or that this one was merged into.
    Column("other_id", identifier()),
    Column("actor", String(120), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "party_id", "id"),
    **MYSQL,
)
