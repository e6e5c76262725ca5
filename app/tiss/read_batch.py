"""Reads a TISS batch document (lote) as claim forms, guide by guide."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any, Final

from lxml import etree

from app.domain.claim_form import ClaimForm
from app.domain.errors import BillingError, ErrorCode, Failure
from app.domain.money import Cents, format_money
from app.domain.parties import PERSON_LENGTH_MAX
from app.domain.text import text_failure
from app.tiss import message, read_guide, tree
from app.tiss.guide_values import Values, to_form
from app.tiss.guides import GUIDES, Guide
from app.tiss.message import Message, NoMessage
from app.tiss.schema_errors import SchemaError, errors
from app.tiss.structure import NO_CNES, VERSIONS
from app.tiss.values import CENTS
from app.tiss.write_guide import sum_of
from app.values.frozen import frozen

GUIDES_MAX: Final = 100
FAILURES_MAX: Final = 100
"""Of more reasons for the refusal of a guide, these are told."""
_BATCH: Final = ("prestadorParaOperadora", "loteGuias")
_ADDRESSEE: Final = ("cabecalho", "destino", "registroANS")


@frozen
class Executor:
    """What a guide calls who bills, beside the CNES: the code at the payer, or CNPJ or CPF."""

    code: str | None = None
    tax_id: str | None = None


@frozen
class IncomingGuide:
    """One guide of the document: its number, and either the claim form or the failures that refuse it.

    `source` is the guide's own XML, in TISS `version`; `payer_claim_number` what the payer has called it. A form
    without a provider is of the `executor` that the guide names without a CNES; `patient_name` is in earlier
    versions only.
    """

    number: str
    form: ClaimForm | None
    failures: tuple[Failure, ...] = ()
    warnings: tuple[Failure, ...] = ()
    payer_claim_number: str | None = None
    version: str = ""
    source: bytes = field(default=b"", repr=False)
    executor: Executor = Executor()
    patient_name: str | None = None

    @property
    def is_validated(self) -> bool:
        """Whether the schema of its version is here."""
        return self.version in VERSIONS


@frozen
class IncomingBatch:
    """A document: its batch number and guides, or the failures that refuse it as a whole."""

    number: str | None
    guides: tuple[IncomingGuide, ...] = ()
    failures: tuple[Failure, ...] = field(default=())


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; an invalid document does not raise, its failures are in the result."""
    try:
        found = message.parse(xml)
    except NoMessage as error:
        return IncomingBatch(None, failures=(Failure(ErrorCode.INVALID_INPUT, str(error), None, "5002"),))
    batch = tree.find(found.root, _BATCH)
    if batch is None:
        text = "the message has no loteGuias: send a message of type ENVIO_LOTE_GUIAS"
        return IncomingBatch(None, failures=(Failure(ErrorCode.INVALID_INPUT, text, None, "5001"),))
    nodes = [] if (inside := tree.child(batch, "guiasTISS")) is None else list(inside)
    return _batch(found, tree.text(batch, ("numeroLote",)), nodes)


def _batch(found: Message, number: str | None, nodes: list[Any]) -> IncomingBatch:
    objections = list(errors(found.root, found.version)) if found.version in VERSIONS else []
    whole = [*_hash_failures(found), *(_failure(each) for each in objections if each.guide is None)]
    if len(nodes) > GUIDES_MAX or len({tree.name_of(node) for node in nodes}) > 1:
        text = f"send at most {GUIDES_MAX} guides, all of one type"
        return IncomingBatch(number, failures=(Failure(ErrorCode.BATCH_TOO_LARGE, text, None, "5015"),))
    if whole:
        # A wrong hash or header refuses the whole document, but the report has all that is wrong with it.
        inside = (_failure(each, _number(nodes[each.guide])) for each in objections if each.guide is not None)
        return IncomingBatch(None, failures=(*whole, *inside))
    return IncomingBatch(number, tuple(_guides(found, nodes, objections)))


def _hash_failures(found: Message) -> Iterator[Failure]:
    if found.hash is None:
        text = "the epilogue has no hash: send the document with epilogo and hash, as its program wrote it"
        yield Failure(ErrorCode.INVALID_INPUT, text, "epilogo/hash", "5014")
    elif not found.is_hash_right:
        text = "the hash is not that of the content: the document was changed after it was written, so write it again"
        yield Failure(ErrorCode.INVALID_INPUT, text, "epilogo/hash", "5014")


def _failure(error: SchemaError, guide: str | None = None) -> Failure:
    text = error.message if guide is None else f"guide {guide}: {error.message}"
    return Failure(ErrorCode.INVALID_INPUT, text, error.field, "5001")


def _guides(found: Message, nodes: list[Any], objections: list[SchemaError]) -> Iterator[IncomingGuide]:
    seen: set[str] = set()
    of_guide = _by_guide(objections)
    for place, node in enumerate(nodes):
        number, failures = _number(node), of_guide[place]
        if number in seen:
            text = "an earlier guide of this batch has the same number: give each its own"
            failures.append(Failure(ErrorCode.DUPLICATE_CLAIM, text, "numeroGuiaPrestador", "1308"))
        seen.add(number)
        yield IncomingGuide(number, None, tuple(failures)) if failures else _guide(found, node, number)


def _by_guide(objections: Iterable[SchemaError]) -> defaultdict[int, list[Failure]]:
    """The first hundred objections to each guide: a program that breaks the schema once does so in every item."""
    found: defaultdict[int, list[Failure]] = defaultdict(list)
    for each in objections:
        if each.guide is not None and len(found[each.guide]) < FAILURES_MAX:
            found[each.guide].append(_failure(each))
    return found


def _number(node: Any) -> str:
    return next(
        (text for header in (("cabecalhoGuia",), ("cabecalhoConsulta",), ()) if (text := _number_in(node, header))), ""
    )


def _number_in(node: Any, header: tuple[str, ...]) -> str | None:
    return tree.text(node, (*header, "numeroGuiaPrestador"))


def _guide(found: Message, node: Any, number: str) -> IncomingGuide:
    if found.version not in VERSIONS:
        # Earlier versions are written with empty elements, which no later schema allows, nor can a claim change them.
        tree.drop_empty(node)
    try:
        kind = GUIDES[tree.name_of(node)]
        values = read_guide.values_of(node, kind)
        form = to_form(values, provider=_provider(node, kind), type=kind.type, claimed_total=_total(node, kind))
        sums = tuple(_sum_warnings(node, kind, values.items))
    except BillingError as error:
        return IncomingGuide(number, None, error.failures)
    except (KeyError, TypeError, ValueError):
        text = "the guide is incomplete: it needs its numbers, the patient's card and at least one item"
        return IncomingGuide(number, None, (Failure(ErrorCode.INVALID_INPUT, text, None, "5007"),))
    return IncomingGuide(
        number,
        form,
        warnings=(*_version_warnings(found), *_payer_warnings(found, form.payer), *sums),
        payer_claim_number=values.values.get("payer_claim_number"),
        version=found.version,
        source=etree.tostring(node, encoding="UTF-8", with_tail=False),
        executor=_executor(node, kind),
        patient_name=_patient_name(node),
    )


def _version_warnings(found: Message) -> Iterable[Failure]:
    if found.version not in VERSIONS:
        text = f"the schema of this version of TISS is not here, only those of {' and '.join(VERSIONS)}: not validated"
        yield Failure(ErrorCode.INVALID_INPUT, text, "cabecalho/Padrao", "5028")


def _payer_warnings(found: Message, payer: str) -> Iterable[Failure]:
    """A guide that names another payer than the document is addressed to becomes a claim to its own payer."""
    if tree.text(found.root, _ADDRESSEE) not in (None, payer):
        text = "the document is addressed to another payer (destino): check which of the two is right"
        yield Failure(ErrorCode.INVALID_IDENTIFIER, text, "payer", "5027")


def _sum_warnings(node: Any, kind: Guide, items: list[Values]) -> Iterator[Failure]:
    """Sums of kinds of items; that of all items is checked with the claim."""
    for each in kind.sums:
        text, total = tree.text(node, each.path), sum_of(items, each)
        if text is not None and CENTS.read(text) != total:
            message = f"the items of this kind add up to {format_money(Cents(total))}"
            yield Failure(ErrorCode.TOTAL_MISMATCH, message, "/".join(each.path), "5042")


def _patient_name(node: Any) -> str | None:
    found = tree.descendant(node, "nomeBeneficiario")
    name = "" if found is None else (found.text or "").strip()
    return None if not name or text_failure(name, "", PERSON_LENGTH_MAX) else name


def _provider(node: Any, kind: Guide) -> str:
    """The CNES; empty if the guide has none, or what the standard writes for none, or zeros."""
    cnes = tree.text(node, kind.contractor.cnes)
    return "" if cnes is None or not cnes.strip("0") or cnes == NO_CNES else cnes


def _executor(node: Any, kind: Guide) -> Executor:
    place = kind.contractor
    tax_ids = (tree.text(node, path) for path in (place.cnpj, place.cpf) if path is not None)
    return Executor(tree.text(node, place.code), next(filter(None, tax_ids), None))


def _total(node: Any, kind: Guide) -> Any:
    text = None if kind.total is None else tree.text(node, kind.total.path)
    return None if text is None else CENTS.read(text)
