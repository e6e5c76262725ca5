"""Writes appeals against denials as a TISS document (recurso de glosa), valid by the official schema and hashed.

A document has the appeals of one protocol, by guide and item (objetoRecurso 2). Those of dental treatments have a form
of their own (recurso de glosa de odontologia), in which a guide has one reason.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from lxml import etree

from app.domain.calendar import BRASILIA
from app.domain.errors import ErrorCode, Failure, raise_any
from app.domain.identifiers import is_cnpj
from app.domain.money import Cents, format_quantity
from app.domain.services import ServiceDetails
from app.tiss import message, tree
from app.tiss.fields import Path, path
from app.tiss.schema_errors import errors
from app.tiss.structure import NAMESPACE, Element, appeals
from app.tiss.values import CENTS, DATE
from app.tiss.write_batch import WrittenBatch
from app.tiss.write_guide import NAME_MAX, ProviderIdentity
from app.values.frozen import frozen

OF_GUIDES: Final = "2"
"""objetoRecurso: the appeals are against denials of guides, not of the protocol as a whole."""
GUIDE: Final = path("opcaoRecurso/recursoGuia")
QUANTITY_ONE: Final = 10_000


@frozen
class Form:
    """Where a document has the number of a guide, its items and their values.

    `reason` names the code and the justification that the dental form asks for beside those of the items.
    """

    element: str
    claim_number: str
    item: Path
    values: Mapping[str, str]
    reason: tuple[str, str] | None = None


MEDICAL: Final = Form(
    "guiaRecursoGlosa",
    "numeroGuiaOrigem",
    path("opcaoRecursoGuia/itensGuia"),
    {
        "sequence": "sequencialItem",
        "day": "dataInicio",
        "code_system": "procRecurso/codigoTabela",
        "code": "procRecurso/codigoProcedimento",
        "description": "procRecurso/descricaoProcedimento",
        "denial_code": "codGlosaItem",
        "amount": "valorRecursado",
        "justification": "justificativaItem",
    },
)
DENTAL: Final = Form(
    "guiaRecursoGlosaOdonto",
    "numeroGuiaPrestador",
    path("recursoProcedimento"),
    {
        "sequence": "sequencialItem",
        "day": "dataRealizacao",
        "tooth": "denteRegiao/codDente",
        "mouth_region": "denteRegiao/codRegiao",
        "tooth_faces": "denteFace",
        "quantity": "quantidade",
        "code_system": "procRecurso/codigoTabela",
        "code": "procRecurso/codigoProcedimento",
        "description": "procRecurso/descricaoProcedimento",
        "denial_code": "codGlosaProc",
        "justification": "justificativaProc",
        "amount": "valorRecursado",
    },
    reason=("codGlosaGuia", "justificativaGuia"),
)


@frozen
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
    quantity: int = QUANTITY_ONE
    details: ServiceDetails | None = None

    def texts(self) -> dict[str, str | None]:
        """Its values as documents write them."""
        details = self.details or ServiceDetails()
        whole, rest = divmod(self.quantity, QUANTITY_ONE)
        return {
            "sequence": str(self.sequence),
            "day": DATE.write(self.performed_on),
            "code_system": self.code_system,
            "code": self.code,
            "description": self.description,
            "denial_code": self.denial_code,
            "amount": CENTS.write(self.amount),
            "justification": self.justification,
            "quantity": format_quantity(self.quantity) if rest else str(whole),
            "tooth": details.tooth,
            "mouth_region": details.mouth_region,
            "tooth_faces": details.tooth_faces,
        }


@frozen
class AppealedGuide:
    """The appeals of one claim; of a dental one, those with the same denial code."""

    provider_claim_number: str
    payer_claim_number: str | None
    authorization_number: str | None
    items: tuple[AppealedItem, ...]


@frozen
class OutgoingAppeals:
    """A batch of appeals: `protocol` is that of the claims, `version` the TISS version of the document.

    `is_dental` says that all claims are dental treatments; otherwise none is.
    """

    number: str
    version: str
    payer: str
    payer_name: str
    provider: ProviderIdentity
    protocol: str
    guides: tuple[AppealedGuide, ...]
    is_dental: bool = False


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
    form = DENTAL if outgoing.is_dental else MEDICAL
    shape = appeals(outgoing.version)[form.element]
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
        _add_guide(node, shape, form, guide)
    return node


def _add_guide(node: Any, shape: Element, form: Form, guide: AppealedGuide) -> None:
    made, inside = _repeated(node, GUIDE, shape)
    values = [
        (form.claim_number, guide.provider_claim_number),
        ("numeroGuiaOperadora", guide.payer_claim_number),
        ("senha", guide.authorization_number),
    ]
    if form.reason is not None:
        first = guide.items[0]
        values += zip(form.reason, (first.denial_code, first.justification), strict=True)
    for name, text in values:
        if text:
            tree.put(made, path(name), inside, text)
    for item in guide.items:
        _add_item(made, inside, form, item)


def _add_item(node: Any, shape: Element, form: Form, item: AppealedItem) -> None:
    made, inside = _repeated(node, form.item, shape)
    texts = item.texts()
    for name, at in form.values.items():
        if (text := texts[name]) is not None:
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
