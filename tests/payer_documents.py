"""Statements as payers write them, for tests: the standard's messages, with the hash that they need."""

from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from app.tiss.message import hash_of
from app.tiss.structure import NAMESPACE
from tests.factories import today

ISSUED = "2026-11-01"


@dataclass(frozen=True)
class Item:
    """One detalhesGuia; what is denied has its reasons as pairs of code and amount."""

    billed: str = "100.00"
    paid: str = "100.00"
    denials: tuple[tuple[str, str], ...] = ()
    sequence: str = "1"
    code: str = "10101012"
    processed: str | None = None
    day: str = field(default_factory=lambda: today().isoformat())

    def xml(self) -> str:
        """The element."""
        reasons = "".join(
            f"<relacaoGlosa><valorGlosa>{amount}</valorGlosa><tipoGlosa>{code}</tipoGlosa></relacaoGlosa>"
            for code, amount in self.denials
        )
        return (
            f"<detalhesGuia><sequencialItem>{self.sequence}</sequencialItem><dataRealizacao>{self.day}</dataRealizacao>"
            f"<procedimento><codigoTabela>22</codigoTabela><codigoProcedimento>{self.code}</codigoProcedimento>"
            f"<descricaoProcedimento>CONSULTA M\u00c9DICA</descricaoProcedimento></procedimento>"
            f"<valorInformado>{self.billed}</valorInformado><qtdExecutada>1</qtdExecutada>"
            f"<valorProcessado>{self.processed or self.billed}</valorProcessado>"
            f"<valorLiberado>{self.paid}</valorLiberado>{reasons}</detalhesGuia>"
        )


@dataclass(frozen=True)
class Guide:
    """One relacaoGuias; totals are those of its items unless given."""

    number: str
    card: str
    items: tuple[Item, ...] = (Item(),)
    paid: str | None = None
    denied: str | None = None
    reason: str | None = None

    def xml(self) -> str:
        """The element."""
        reason = f"<motivoGlosaGuia><codigoGlosa>{self.reason}</codigoGlosa></motivoGlosaGuia>" if self.reason else ""
        denied = sum(_cents(amount) for item in self.items for _, amount in item.denials)
        return (
            f"<relacaoGuias><numeroGuiaPrestador>{self.number}</numeroGuiaPrestador>"
            f"<numeroCarteira>{self.card}</numeroCarteira><dataInicioFat>2026-09-15</dataInicioFat>{reason}"
            f"<situacaoGuia>3</situacaoGuia>{''.join(item.xml() for item in self.items)}"
            f"<valorInformadoGuia>{_sum(item.billed for item in self.items)}</valorInformadoGuia>"
            f"<valorProcessadoGuia>{_sum(item.processed or item.billed for item in self.items)}</valorProcessadoGuia>"
            f"<valorLiberadoGuia>{self.paid or _sum(item.paid for item in self.items)}</valorLiberadoGuia>"
            f"<valorGlosaGuia>{self.denied or _money(denied)}</valorGlosaGuia></relacaoGuias>"
        )


def analysis(world: Any, number: str, *guides: Guide, issued: str = ISSUED, **changes: str) -> str:
    """A demonstrativoAnaliseConta of these guides, to be put into a message."""
    values = {"payer": world.payer, "provider": world.provider, "protocol": "99", "total": "0.00", **changes}
    header = _header(values["payer"], number, issued)
    zero = "".join(f"<{name}Geral>{values['total']}</{name}Geral>" for name in ("valorInformado", "valorProcessado"))
    of_protocol = "".join(
        f"<{name}Protocolo>0.00</{name}Protocolo>" for name in ("valorInformado", "valorProcessado", "valorLiberado")
    )
    return (
        f"<demonstrativoAnaliseConta>{header}<dadosPrestador><dadosContratado>"
        f"<codigoPrestadorNaOperadora>P1</codigoPrestadorNaOperadora></dadosContratado><CNES>{values['provider']}</CNES>"
        f"</dadosPrestador><dadosConta><dadosProtocolo><numeroLotePrestador>1</numeroLotePrestador>"
        f"<numeroProtocolo>{values['protocol']}</numeroProtocolo><dataProtocolo>2026-10-01</dataProtocolo>"
        f"<situacaoProtocolo>6</situacaoProtocolo>{''.join(guide.xml() for guide in guides)}{of_protocol}"
        f"</dadosProtocolo></dadosConta>{zero}<valorLiberadoGeral>0.00</valorLiberadoGeral></demonstrativoAnaliseConta>"
    )


@dataclass(frozen=True)
class Paid:
    """What a day pays of a protocol, and what it bills of it."""

    amount: str = "900.00"
    billed: str = "1000.00"
    protocol: str = "99"

    @property
    def denied(self) -> str:
        """The difference."""
        return _money(_cents(self.billed) - _cents(self.amount))


def payment(
    world: Any,
    number: str,
    *days: str,
    debits: tuple[tuple[str, str, str], ...] = (),
    net: str,
    paid: Paid = Paid(),
) -> str:
    """A demonstrativoPagamento that pays a protocol on each of these days, less the debits."""
    return (
        f"<demonstrativoPagamento>{_header(world.payer, number, ISSUED)}<dadosContratado><dadosPrestador>"
        f"<codigoPrestadorNaOperadora>P1</codigoPrestadorNaOperadora></dadosPrestador><CNES>{world.provider}</CNES>"
        f"</dadosContratado><pagamentos>{''.join(_of_day(day, debits, net, paid) for day in days)}</pagamentos>"
        f"<totaisDemonstrativo><totaisBrutosDemonstrativo><valorInformadoBruto>{paid.billed}</valorInformadoBruto>"
        f"<valorProcessadoBruto>{paid.billed}</valorProcessadoBruto>"
        f"<valorLiberadoBruto>{paid.amount}</valorLiberadoBruto>"
        f"<valorGlosaBruto>{paid.denied}</valorGlosaBruto></totaisBrutosDemonstrativo><totaisLiquidosDemonstrativo>"
        "<totalDebitosDemonstrativo>0.00</totalDebitosDemonstrativo>"
        "<totalCreditosdemonstrativo>0.00</totalCreditosdemonstrativo>"
        f"<valorLiberadoDemonstrativo>{net}</valorLiberadoDemonstrativo></totaisLiquidosDemonstrativo>"
        "</totaisDemonstrativo></demonstrativoPagamento>"
    )


def _of_day(day: str, debits: tuple[tuple[str, str, str], ...], net: str, paid: Paid) -> str:
    deducted = "".join(
        f"<debitosCreditos><indicador>{side}</indicador><tipoDebitoCredito>{kind}</tipoDebitoCredito>"
        f"<descricaoDbCr>texto</descricaoDbCr><valorDbCr>{amount}</valorDbCr></debitosCreditos>"
        for side, kind, amount in debits
    )
    return (
        f"<pagamentosPorData><dadosPagamento><dataPagamento>{day}</dataPagamento><formaPagamento>1</formaPagamento>"
        "<banco>0341</banco><agencia>0001</agencia><nrContaCheque>12345</nrContaCheque></dadosPagamento><dadosResumo>"
        f"<relacaoProtocolos><dataProtocolo>2026-10-01</dataProtocolo><numeroProtocolo>{paid.protocol}</numeroProtocolo>"
        f"<numeroLote>1</numeroLote><valorInformado>{paid.billed}</valorInformado>"
        f"<valorProcessado>{paid.billed}</valorProcessado><valorLiberado>{paid.amount}</valorLiberado>"
        f"<valorGlosa>{paid.denied}</valorGlosa></relacaoProtocolos></dadosResumo>"
        f"<totaisBrutosPorData><totalInformadoPorData>{paid.billed}</totalInformadoPorData>"
        f"<totalProcessadoPorData>{paid.billed}</totalProcessadoPorData>"
        f"<totaLiberadoPorData>{paid.amount}</totaLiberadoPorData>"
        f"<totalGlosaPorData>{paid.denied}</totalGlosaPorData></totaisBrutosPorData>"
        f"<debitosCreditosPorData>{deducted}</debitosCreditosPorData><totaisLiquidosPorData>"
        "<totalDebitosPorData>0.00</totalDebitosPorData><totalCreditosPorData>0.00</totalCreditosPorData>"
        f"<liquidoPorData>{net}</liquidoPorData></totaisLiquidosPorData></pagamentosPorData>"
    )


def _header(payer: str, number: str, issued: str) -> str:
    return (
        f"<cabecalhoDemonstrativo><registroANS>{payer}</registroANS><numeroDemonstrativo>{number}</numeroDemonstrativo>"
        f"<nomeOperadora>OP</nomeOperadora><numeroCNPJ>11222333000181</numeroCNPJ><dataEmissao>{issued}</dataEmissao>"
        "</cabecalhoDemonstrativo>"
    )


def message(
    sender: str, *statements: str, version: str = "4.03.00", digest: str | None = None, encoding: str = "ISO-8859-1"
) -> str:
    """The message of these statements, with its hash unless another is given, as text with its declaration."""
    kind = "DEMONSTRATIVO_PAGAMENTO" if "demonstrativoPagamento" in statements[0] else "DEMONSTRATIVO_ANALISE_CONTA"
    body = (
        f'<mensagemTISS xmlns="{NAMESPACE}"><cabecalho><identificacaoTransacao><tipoTransacao>{kind}</tipoTransacao>'
        "<sequencialTransacao>1</sequencialTransacao><dataRegistroTransacao>2026-11-01</dataRegistroTransacao>"
        "<horaRegistroTransacao>10:00:00</horaRegistroTransacao></identificacaoTransacao><origem>"
        f"<registroANS>{sender}</registroANS></origem><destino><identificacaoPrestador><CNPJ>11222333000181</CNPJ>"
        f"</identificacaoPrestador></destino><Padrao>{version}</Padrao></cabecalho><operadoraParaPrestador>"
        f"<demonstrativosRetorno>{''.join(statements)}</demonstrativosRetorno></operadoraParaPrestador>"
        "<epilogo><hash>HASH</hash></epilogo></mensagemTISS>"
    )
    found = digest or hash_of(etree.fromstring(body))
    return f'<?xml version="1.0" encoding="{encoding}"?>' + body.replace("HASH", str(found))


def _cents(text: str) -> int:
    return int(text.replace(",", ".").replace(".", ""))


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}" if cents >= 0 else f"-{_money(-cents)}"


def _sum(amounts: Any) -> str:
    return _money(sum(map(_cents, amounts)))
