"""Documents with a payer's answers to appeals, made for tests: valid by the schema, with the right hash."""

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from app.tiss.message import hash_of
from app.tiss.structure import NAMESPACE, validator

ITEM = (
    "<respostaGuiaItens><numeroGuiaPrestador>{claim}</numeroGuiaPrestador><dataRealizacao>2026-11-02</dataRealizacao>"
    "<sequencialItem>{sequence}</sequencialItem><procRecurso><codigoTabela>22</codigoTabela>"
    "<codigoProcedimento>10101012</codigoProcedimento><descricaoProcedimento>Consulta em consultório"
    "</descricaoProcedimento></procRecurso><codGlosa>{code}</codGlosa><valorRecursado>{appealed}</valorRecursado>"
    "<justificativaPrestador>devida</justificativaPrestador><valorAcatadado>{accepted}</valorAcatadado>"
    "<justificativaOperadora>{reason}</justificativaOperadora></respostaGuiaItens>"
)
GUIDE = (
    "<respostaGuia><numeroGuiaPrestador>{claim}</numeroGuiaPrestador><codGlosa>{code}</codGlosa>"
    "<justificativaPrestador>devida</justificativaPrestador><recursoGuiaAcatado>{accepted}</recursoGuiaAcatado>"
    "</respostaGuia>"
)

DENTAL_ITEM = (
    "<recursoProcedimento><sequencialItem>{0}</sequencialItem><dataRealizacao>2026-11-02</dataRealizacao>"
    "<quantidade>1</quantidade><procRecurso><codigoTabela>22</codigoTabela><codigoProcedimento>10101012"
    "</codigoProcedimento><descricaoProcedimento>Consulta</descricaoProcedimento></procRecurso><codGlosaProc>{1}"
    "</codGlosaProc><valorRecursado>40.00</valorRecursado><justificativaPrestador>devida</justificativaPrestador>"
    "<valorAcatado>{2}</valorAcatado></recursoProcedimento>"
)
DAY = "2026-11-20"
PROTOCOL = "987654"


@dataclass(frozen=True)
class Answer:
    """To one item, or to a guide with a code if it has no sequence; `accepted` is an amount, or S or N for a guide."""

    claim: str
    code: str
    accepted: str
    sequence: int | None = None
    appealed: str = "40.00"
    reason: str = "Não há cobertura para a diferença"

    @property
    def xml(self) -> str:
        """Its element."""
        return (GUIDE if self.sequence is None else ITEM).format(**vars(self))


def document(
    payer: str,
    batch: int,
    answers: Sequence[Answer],
    encoding: str = "ISO-8859-1",
    prefix: str = "ans",
    day: str = DAY,
    protocol: str = PROTOCOL,
) -> bytes:
    """The answers to a batch of appeals, in this encoding, with this prefix of the namespace and of this day."""
    guides = "".join(f"<recursoGuia>{each.xml}</recursoGuia>" for each in answers)
    return _written(payer, batch, guides, encoding, prefix, day=day, protocol=protocol)


def dental_document(payer: str, batch: int, claim: str, items: Sequence[tuple[int, str, str]]) -> bytes:
    """The answers to items of one dental claim, each with its sequence, code and accepted amount."""
    inside = "".join(DENTAL_ITEM.format(*each) for each in items)
    guide = (
        f"<recursoGuia><respostaRecursoItemOdonto><numeroGuiaPrestador>{claim}</numeroGuiaPrestador>{inside}"
        "</respostaRecursoItemOdonto></recursoGuia>"
    )
    return _written(payer, batch, guide, "ISO-8859-1", "ans", receipt="reciboGlosaOdonto")


def whole(payer: str, batch: int, accepted: str) -> bytes:
    """The answer to all appeals of a batch at once."""
    inside = (
        "<recursoProtocolo><codigoGlosaProtocolo>1801</codigoGlosaProtocolo><justificativaProtocolo>devida"
        f"</justificativaProtocolo><recursoAcatado>{accepted}</recursoAcatado></recursoProtocolo>"
    )
    return _written(payer, batch, inside, "ISO-8859-1", "ans")


def _written(
    payer: str,
    batch: int,
    inside: str,
    encoding: str,
    prefix: str,
    receipt: str = "reciboGlosa",
    day: str = DAY,
    protocol: str = PROTOCOL,
) -> bytes:
    content = (
        f"<respostaRecursoGlosa><{receipt}><registroANS>{payer}</registroANS>"
        f"<numeroGuiaRecGlosaPrestador>{batch}</numeroGuiaRecGlosaPrestador><nomeOperadora>Operadora</nomeOperadora>"
        "<objetoRecurso>2</objetoRecurso><codigoPrestador>1</codigoPrestador>"
        f"<numeroLote>{batch}</numeroLote><numeroProtocolo>{protocol}</numeroProtocolo><opcaoRecurso>{inside}"
        "</opcaoRecurso><dataRecurso>2026-11-20</dataRecurso><valorTotalRecursado>1.00</valorTotalRecursado>"
        f"<valorTotalAcatado>1.00</valorTotalAcatado></{receipt}></respostaRecursoGlosa>"
    )
    return _message(payer, "RESPOSTA_RECURSO_GLOSA", content, encoding, prefix, day)


def reception(payer: str, batch: int, protocol: str) -> bytes:
    """The payer has received a batch of appeals."""
    content = (
        f"<recebimentoRecursoGlosa><protocoloRecebimento><nrProtocoloRecursoGlosa>{protocol}</nrProtocoloRecursoGlosa>"
        f"<dataEnvioRecurso>{DAY}</dataEnvioRecurso><dataRecebimentoRecurso>{DAY}</dataRecebimentoRecurso>"
        f"<numeroLote>{batch}</numeroLote><registroANS>{payer}</registroANS><dadosPrestador>"
        "<cnpjContratado>11222333000181</cnpjContratado></dadosPrestador><nrProtocoloRecursado>987654"
        "</nrProtocoloRecursado><valorTotalRecursado>77.00</valorTotalRecursado></protocoloRecebimento>"
        "</recebimentoRecursoGlosa>"
    )
    return _message(payer, "RECEBIMENTO_RECURSO_GLOSA", content)


def refusal(payer: str, code: str, element: str = "recebimentoRecursoGlosa") -> bytes:
    """The payer refuses a batch of appeals."""
    content = f"<{element}><mensagemErro><codigoGlosa>{code}</codigoGlosa></mensagemErro></{element}>"
    return _message(payer, "RECEBIMENTO_RECURSO_GLOSA", content)


def refused_claims(payer: str, batch: int, refused: Sequence[tuple[str, str]]) -> bytes:
    """The payer has received a batch of appeals without those of some claims, each with its code: as payers say it that
    do not follow the schema, which has no place for it."""
    guides = "".join(
        f"<dadosGuias><numeroGuiaOrigem>{claim}</numeroGuiaOrigem><motivosGlosa><codigoGlosa>{code}</codigoGlosa>"
        "</motivosGlosa></dadosGuias>"
        for claim, code in refused
    )
    content = (
        "<recebimentoRecursoGlosa><protocoloRecebimento><numeroProtocolo>556</numeroProtocolo>"
        f"<numeroLote>{batch}</numeroLote><detalheProtocolo>{guides}</detalheProtocolo></protocoloRecebimento>"
        "</recebimentoRecursoGlosa>"
    )
    return _message(payer, "RECEBIMENTO_RECURSO_GLOSA", content, is_valid=False)


def _message(
    payer: str,
    kind: str,
    content: str,
    encoding: str = "ISO-8859-1",
    prefix: str = "ans",
    day: str = DAY,
    *,
    is_valid: bool = True,
) -> bytes:
    text = (
        f"<mensagemTISS><cabecalho><identificacaoTransacao><tipoTransacao>{kind}</tipoTransacao>"
        f"<sequencialTransacao>9</sequencialTransacao><dataRegistroTransacao>{day}</dataRegistroTransacao>"
        "<horaRegistroTransacao>10:00:00</horaRegistroTransacao></identificacaoTransacao><origem>"
        f"<registroANS>{payer}</registroANS></origem><destino><identificacaoPrestador><CNPJ>11222333000181</CNPJ>"
        f"</identificacaoPrestador></destino><Padrao>4.03.00</Padrao></cabecalho><operadoraParaPrestador>{content}"
        "</operadoraParaPrestador><epilogo><hash/></epilogo></mensagemTISS>"
    )
    root = etree.fromstring(text)
    named = etree.Element(f"{{{NAMESPACE}}}mensagemTISS", nsmap={prefix: NAMESPACE})
    for node in root.iter():
        node.tag = f"{{{NAMESPACE}}}{node.tag}"
    named.extend(list(root))
    named[-1][0].text = hash_of(named)
    assert not is_valid or validator("4.03.00").validate(named), validator("4.03.00").error_log
    raw: bytes = etree.tostring(named, encoding=encoding, xml_declaration=True)
    return raw
