"""Writes a TISS batch document (lote de guias): header, guides and hash, valid by the official schema."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from lxml import etree

from app.domain.calendar import BRASILIA
from app.domain.errors import BillingError, ErrorCode, Failure, raise_any
from app.domain.identifiers import is_cnpj
from app.tiss import message, needs, tree, write_guide
from app.tiss.message import ENCODING
from app.tiss.schema_errors import SchemaError, errors
from app.tiss.structure import NAMESPACE, VERSIONS, guides
from app.tiss.tree import NotInVersion
from app.tiss.write_guide import OutgoingGuide, ProviderIdentity
from app.values.frozen import frozen

_ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=BRASILIA)


@frozen
class WrittenBatch:
    """A document as text, which is stored and sent in ISO-8859-1, and the hash in its epilogue."""

    xml: str
    hash: str


def document(outgoing: Sequence[OutgoingGuide], number: str, now: datetime, version: str = VERSIONS[0]) -> WrittenBatch:
    """The guides as one document of this version; a failure at `claimIds.N` for each claim that cannot be written.

    Call it in a child process: it takes some 20 microseconds of CPU for each element.
    """
    elements, failures = _elements(outgoing, version)
    raise_any(failures)
    root = _message(outgoing[0], elements, number, now, version)
    raise_any(_schema_failure(each) for each in errors(root, version))
    digest = message.hash_of(root)
    if digest is None:
        raise_any(_not_latin(elements))
    tree.find(root, ("epilogo", "hash")).text = digest
    raw: bytes = etree.tostring(root, encoding=ENCODING, xml_declaration=True)
    return WrittenBatch(raw.decode(ENCODING), digest or "")


def objections(outgoing: OutgoingGuide, version: str) -> list[Failure]:
    """Why no document can be written of this guide, at no field: it takes the schema to find it."""
    try:
        document([outgoing], "1", _ANY_TIME, version)
    except BillingError as error:
        return [replace(each, field=None) for each in error.failures]
    return []


def doubts(outgoing: OutgoingGuide, version: str) -> list[Failure]:
    """The same, and what of the guide that the claim came as the document does not say."""
    names = sorted(set(write_guide.left_out(outgoing, guides(version))))
    text = f"TISS {version} has no element {', '.join(names)} in this guide: the document to the payer leaves it out"
    without = [Failure(ErrorCode.INVALID_INPUT, text, None, "5028")] if names else []
    return [*without, *objections(outgoing, version)]


def _elements(outgoing: Sequence[OutgoingGuide], version: str) -> tuple[list[Any], list[Failure]]:
    shapes = guides(version)
    found, failures = [], []
    for index, each in enumerate(outgoing):
        if (reason := _incomplete(each, version)) is not None:
            failures.append(Failure(ErrorCode.INVALID_INPUT, reason, f"claimIds.{index}", "5001"))
            continue
        try:
            found.append(write_guide.element(each, shapes))
        except NotInVersion as error:
            text = f"TISS {version} has no element {error} in this guide: remove its value, or use another version"
            failures.append(Failure(ErrorCode.INVALID_INPUT, text, f"claimIds.{index}", "5028"))
    return found, failures


def _incomplete(outgoing: OutgoingGuide, version: str) -> str | None:
    """What the claim does not say and its guide needs; of a claim that came as a document, the schema finds it."""
    if outgoing.source is not None:
        return None
    found = needs.failures(outgoing.values(), outgoing.claim.type, version)
    return "; ".join(f"{each.field}: {each.message}" for each in found) or None


def _schema_failure(error: SchemaError) -> Failure:
    field = "claimIds" if error.guide is None else f"claimIds.{error.guide}"
    return Failure(ErrorCode.INVALID_INPUT, error.message, field, "5001")


def _not_latin(elements: list[Any]) -> Iterator[Failure]:
    for index, each in enumerate(elements):
        if message.hash_of(each) is None:
            text = "use only characters of ISO-8859-1 in descriptions, names and the clinical indication"
            yield Failure(ErrorCode.INVALID_INPUT, text, f"claimIds.{index}")


def _message(first: OutgoingGuide, elements: list[Any], number: str, now: datetime, version: str) -> Any:
    root = etree.Element(f"{{{NAMESPACE}}}mensagemTISS", nsmap={"ans": NAMESPACE})
    header = _child(root, "cabecalho")
    moment = now.astimezone(BRASILIA)
    transaction = _child(header, "identificacaoTransacao")
    _child(transaction, "tipoTransacao", "ENVIO_LOTE_GUIAS")
    _child(transaction, "sequencialTransacao", number)
    _child(transaction, "dataRegistroTransacao", moment.date().isoformat())
    _child(transaction, "horaRegistroTransacao", moment.strftime("%H:%M:%S"))
    name, value = _identity(first.provider)
    _child(_child(_child(header, "origem"), "identificacaoPrestador"), name, value)
    _child(_child(header, "destino"), "registroANS", first.claim.payer)
    _child(header, "Padrao", version)
    batch = _child(_child(root, "prestadorParaOperadora"), "loteGuias")
    _child(batch, "numeroLote", number)
    _child(batch, "guiasTISS").extend(elements)
    # Of the form that the schema asks for, until the hash of the rest is known.
    _child(_child(root, "epilogo"), "hash", "0" * 32)
    return root


def _identity(provider: ProviderIdentity) -> tuple[str, str]:
    if provider.payer_code is not None:
        return "codigoPrestadorNaOperadora", provider.payer_code
    return ("CNPJ" if is_cnpj(provider.tax_id) else "CPF"), provider.tax_id


def _child(parent: Any, name: str, text: str | None = None) -> Any:
    node = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    node.text = text
    return node
