"""Whether the payer's document of a claim can be written: what it needs and nobody said is found before submission."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from app.db import claims as claims_db
from app.db import guides as guides_db
from app.domain.claim_form import ClaimForm
from app.domain.contracts import NEWEST_VERSION
from app.domain.data_scope import DataScope
from app.domain.errors import Failure, not_found
from app.domain.preflight import as_warnings
from app.services import claim_checks, preflight
from app.services.claim_checks import Checked
from app.services.preflight import Preflight
from app.tiss import needs, write_batch
from app.tiss.child_processes import ChildProcesses
from app.tiss.write_guide import OutgoingGuide, ProviderIdentity
from app.values.frozen import frozen


@frozen
class Source:
    """The guide that a claim came as, as XML, and the processes that can read it."""

    children: ChildProcesses
    xml: bytes


async def of_claim(
    connection: AsyncConnection, children: ChildProcesses, *, scope: DataScope, claim_id: str, today: date
) -> Preflight:
    """The findings on a stored claim and its document."""
    claims = await claims_db.by_ids(connection, scope, [claim_id])
    if not claims:
        raise not_found("claim", "claimId")
    items = await claims_db.items_of_claims(connection, scope, [claim_id])
    form = claim_checks.form_of(claims[0], items)
    found = await preflight.of_rows(connection, scope=scope, claim=claims[0], items=items, form=form, today=today)
    came_as = await sources(connection, children, [claim_id])
    return await checked(found, form, came_as.get(claim_id))


async def sources(connection: AsyncConnection, children: ChildProcesses, claim_ids: Sequence[str]) -> dict[str, Source]:
    """Claim id -> the guide that it came as, for claims of documents."""
    found = await guides_db.of_claims(connection, claim_ids)
    return {each.claim_id: Source(children, each.xml) for each in found}


async def checked(found: Preflight, form: ClaimForm, source: Source | None = None) -> Preflight:
    """The findings together with those on the document, in the version of TISS that the contract names."""
    if found.checked is None or (source is not None and not found.checked.is_well_formed):
        return found
    version = _version(found.checked)
    outgoing = _outgoing(form, found.checked, source)
    places = {failure.field for failure in found.failures}
    objections = await _failures(outgoing, version, source)
    if not found.checked.is_well_formed:
        # A value without its form is refused once, at its own place.
        objections = [each for each in objections if each.message == needs.NEEDED]
    return replace(found, document=tuple(each for each in objections if each.field is None or each.field not in places))


async def warned(found: Preflight, form: ClaimForm, source: Source) -> Preflight:
    """The same of a guide that the payer may have already: what its document lacks, or leaves out, is a warning."""
    if found.checked is None or not found.checked.is_well_formed:
        return found
    outgoing = _outgoing(form, found.checked, source)
    doubts = await source.children.run(write_batch.doubts, outgoing, _version(found.checked))
    return replace(found, warnings=(*as_warnings(doubts, list(found.items)), *found.warnings))


def _version(checked: Checked) -> str:
    return (checked.contract.tiss_version if checked.contract else NEWEST_VERSION).number


def _outgoing(form: ClaimForm, checked: Checked, source: Source | None) -> OutgoingGuide:
    items = tuple(replace(item, description=claim_checks.described(item, checked)) for item in form.items)
    # Who bills is registered with all that a document needs, whoever it is.
    anyone = ProviderIdentity(form.provider, "x", "0" * 14, payer_code="0")
    return OutgoingGuide(replace(form, items=items), None, anyone, source.xml if source else None)


async def _failures(outgoing: OutgoingGuide, version: str, source: Source | None) -> list[Failure]:
    """A guide that came as a document has more than the claim says: only the schema can tell what it lacks."""
    if source is None:
        return needs.failures(outgoing.values(), outgoing.claim.type, version)
    found: list[Failure] = await source.children.run(write_batch.objections, outgoing, version)
    # What a field of the claim can give is said in its own words: those of the schema name elements.
    return (needs.missing(outgoing, version) or found) if found else []
