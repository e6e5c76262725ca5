"""Writes appeals against denials as a TISS document (recurso de glosa), valid by the official schema and hashed.

A document has the appeals of one protocol, by guide and item (objetoRecurso 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from lxml import etree

from app.domain.calendar import BRASILIA
from app.domain.errors import ErrorCode, Failure, raise_any
from app.domain.identifiers import is_cnpj
from app.domain.money import Cents
from app.tiss import message, tree
from app.tiss.fields import Path, path
from app.tiss.schema_errors import errors
from app.tiss.structure import NAMESPACE, Element, appeals
from app.tiss.values import CENTS, DATE
from app.tiss.write_batch import WrittenBatch
from app.tiss.write_guide import NAME_MAX, ProviderIdentity

OF_GUIDES: Final = "2"
"""objetoRecurso: the appeals are against denials of guides, not of the protocol as a whole."""
GUIDE: Final = path("opcaoRecurso/recursoGuia")
ITEM: Final = path("opcaoRecursoGuia/itensGuia")


@dataclass(frozen=True, slots=True)
class AppealedItem:
    """An appeal against one denial of an item, with what the guide says of the item."""

    sequence: int
    performed_on: date
    code_system: str
    code: str
    description: str
    denial_code: str
    amount: Cents
    justification: str


@dataclass(frozen=True, slots=True)
class AppealedGuide:
    """The appeals of one claim."""

    provider_claim_number: str
    payer_claim_number: str | None
    authorization_number: str | None
    items: tuple[AppealedItem, ...]


@dataclass(frozen=True, slots=True)
class OutgoingAppeals:
    """A batch of appeals: `protocol` is that of the claims, `version` the TISS version of the document."""

    number: str
    version: str
    payer: str
    payer_name: str
    provider: ProviderIdentity
    protocol: str
    guides: tuple[AppealedGuide, ...]


def document(outgoing: OutgoingAppeals, now: datetime) -> WrittenBatch:
    """The batch as a document; INVALID_INPUT at `id` if the schema objects to a value. Call it in a child
    process."""
    root = _message(outgoing, now)
    raise_any(Failure(ErrorCode.INVALID_INPUT, each.message, "id", "5001") for each in errors(root, outgoing.version))
    digest = message.hash_of(root)
    if digest is None:
        raise_any(_not_latin(outgoing))
    tree.find(root, ("epilogo", "hash")).text = digest
    raw: bytes = etree.tostring(root, encoding=message.ENCODING, xml_declaration=True)
    return WrittenBatch(raw.decode(message.ENCODING), digest or "")


def _not_latin(outgoing: OutgoingAppeals) -> Iterator[Failure]:
    for guide in outgoing.guides:
        text = "".join(item.justification + item.description for item in guide.items)
        if not _is_latin(text):
            found = f"claim {guide.provider_claim_number}: use only characters of ISO-8859-1 in the justification"
            yield Failure(ErrorCode.INVALID_INPUT, found, "id")
    if not _is_latin(outgoing.payer_name):
        yield Failure(ErrorCode.INVALID_INPUT, "use only characters of ISO-8859-1 in the payer's name", "id")


def _is_latin(text: str) -> bool:
    try:
        text.encode(message.ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _message(outgoing: OutgoingAppeals, now: datetime) -> Any:
    moment = now.astimezone(BRASILIA)
    root = etree.Element(f"{{{NAMESPACE}}}mensagemTISS", nsmap={"ans": NAMESPACE})
    header = _child(root, "cabecalho")
    transaction = _child(header, "identificacaoTransacao")
    _child(transaction, "tipoTransacao", "RECURSO_GLOSA")
    _child(transaction, "sequencialTransacao", outgoing.number)
    _child(transaction, "dataRegistroTransacao", moment.date().isoformat())
    _child(transaction, "horaRegistroTransacao", moment.strftime("%H:%M:%S"))
    name, _, value = _identity(outgoing.provider)
    _child(_child(_child(header, "origem"), "identificacaoPrestador"), name, value)
    _child(_child(header, "destino"), "registroANS", outgoing.payer)
    _child(header, "Padrao", outgoing.version)
    parent = _child(_child(root, "prestadorParaOperadora"), "recursoGlosa")
    parent.append(_appeals(outgoing, moment.date()))
    # Of the form that the schema asks for, until the hash of the rest is known.
    _child(_child(root, "epilogo"), "hash", "0" * 32)
    return root


def _appeals(outgoing: OutgoingAppeals, day: date) -> Any:
    shape = appeals(outgoing.version)["guiaRecursoGlosa"]
    node = etree.Element(f"{{{NAMESPACE}}}{shape.name}", nsmap={"ans": NAMESPACE})
    _, name, value = _identity(outgoing.provider)
    total = sum(item.amount for guide in outgoing.guides for item in guide.items)
    for at, text in (
        ("registroANS", outgoing.payer),
        ("numeroGuiaRecGlosaPrestador", outgoing.number),
        ("nomeOperadora", outgoing.payer_name[:NAME_MAX]),
        ("objetoRecurso", OF_GUIDES),
        (f"dadosContratado/{name}", value),
        ("numeroLote", outgoing.number),
        ("numeroProtocolo", outgoing.protocol),
        ("valorTotalRecursado", CENTS.write(total)),
        ("dataRecurso", DATE.write(day)),
    ):
        tree.put(node, path(at), shape, text)
    for guide in outgoing.guides:
        _add_guide(node, shape, guide)
    return node


def _add_guide(node: Any, shape: Element, guide: AppealedGuide) -> None:
    made, inside = _repeated(node, GUIDE, shape)
    for name, text in (
        ("numeroGuiaOrigem", guide.provider_claim_number),
        ("numeroGuiaOperadora", guide.payer_claim_number),
        ("senha", guide.authorization_number),
    ):
        if text:
            tree.put(made, path(name), inside, text)
    for item in guide.items:
        _add_item(made, inside, item)


def _add_item(node: Any, shape: Element, item: AppealedItem) -> None:
    made, inside = _repeated(node, ITEM, shape)
    for at, text in (
        ("sequencialItem", str(item.sequence)),
        ("dataInicio", DATE.write(item.performed_on)),
        ("procRecurso/codigoTabela", item.code_system),
        ("procRecurso/codigoProcedimento", item.code),
        ("procRecurso/descricaoProcedimento", item.description),
        ("codGlosaItem", item.denial_code),
        ("valorRecursado", CENTS.write(item.amount)),
        ("justificativaItem", item.justification),
    ):
        tree.put(made, path(at), inside, text)


def _repeated(node: Any, at: Path, shape: Element) -> tuple[Any, Element]:
    """Another element at the end of this path, and what the schema says of it; those above it are added once."""
    for name in at[:-1]:
        found = tree.child(node, name)
        node, shape = (tree.add(node, name, shape) if found is None else found), shape.children[name]
    return tree.add(node, at[-1], shape), shape.children[at[-1]]


def _identity(provider: ProviderIdentity) -> tuple[str, str, str]:
    """The names of the provider's number in the header and in the appeals, and the number."""
    if provider.payer_code is not None:
        return "codigoPrestadorNaOperadora", "codigoPrestadorNaOperadora", provider.payer_code
    if is_cnpj(provider.tax_id):
        return "CNPJ", "cnpjContratado", provider.tax_id
    return "CPF", "cpfContratado", provider.tax_id


def _child(parent: Any, name: str, text: str | None = None) -> Any:
    node = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    node.text = text
    return node
