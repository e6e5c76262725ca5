"""TISS batch documents (lotes) of a test's own, and their import."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import tiss

from app.db import imports as imports_db
from app.domain.actor import Door, operator
from app.domain.errors import BillingError, Failure
from app.domain.imports import ImportOutcome
from app.domain.preflight import Finding
from app.services import import_now
from app.services.batch_import import GuideOutcome
from tests.factories import World, today
from tests.gateway import Gateway

OPENING = """<?xml version="1.0" encoding="ISO-8859-1"?>
<ans:mensagemTISS xmlns:ans="http://www.ans.gov.br/padroes/tiss/schemas">"""
EXPENSES = {"18": "05", "19": "03", "20": "02"}
"""Table -> kind of expense."""
DOCTOR = {"conselhoProfissional": "06", "numeroConselhoProfissional": "12345", "UF": "35", "CBOS": "225125"}


@dataclass(frozen=True)
class Line:
    """A procedure of a guide as it is written; of tables 18 to 20 an expense, with decimal quantities."""

    code: str = "10101012"
    price: str = "100.00"
    quantity: str = "1"
    total: str | None = None
    table: str = "22"
    text: str = "CONSULTA"
    factor: str = "1.00"
    day: str | None = None


def _element(name: str, content: Any) -> str:
    if isinstance(content, dict):
        content = "".join(_element(each, part) for each, part in content.items() if part is not None)
    if isinstance(content, list):
        return "".join(_element(name, each) for each in content)
    return f"<ans:{name}>{content}</ans:{name}>"


def _procedure(number: int, line: Line) -> dict[str, Any]:
    return {
        "sequencialItem": str(number),
        "dataExecucao": line.day or today().isoformat(),
        "procedimento": {
            "codigoTabela": line.table,
            "codigoProcedimento": line.code,
            "descricaoProcedimento": line.text,
        },
        "quantidadeExecutada": line.quantity,
        "reducaoAcrescimo": line.factor,
        "valorUnitario": line.price,
        "valorTotal": line.total or line.price,
    }


def _expense(number: int, line: Line) -> dict[str, Any]:
    service = {
        "dataExecucao": line.day or today().isoformat(),
        "codigoTabela": line.table,
        "codigoProcedimento": line.code,
        "quantidadeExecutada": line.quantity,
        "unidadeMedida": "036",
        "reducaoAcrescimo": line.factor,
        "valorUnitario": line.price,
        "valorTotal": line.total or line.price,
        "descricaoProcedimento": line.text,
    }
    return {"sequencialItem": str(number), "codigoDespesa": EXPENSES[line.table], "servicosExecutados": service}


def guide(
    world: World, number: str, *lines: Line, total: str, card: str | None = None, newborn: bool = False, **codes: str
) -> str:
    """An SP/SADT guide; `codes` are elements of dadosAtendimento."""
    name = {"nomeProfissional": "Ana Lima"}
    numbered = list(enumerate(lines, start=1))
    procedures = [_procedure(*each) for each in numbered if each[1].table not in EXPENSES]
    expenses = [_expense(*each) for each in numbered if each[1].table in EXPENSES]
    visit = {"tipoAtendimento": "23", "indicacaoAcidente": "9", "regimeAtendimento": "01"}
    provider = {"codigoPrestadorNaOperadora": world.provider}
    return _element(
        "guiaSP-SADT",
        {
            "cabecalhoGuia": {"registroANS": world.payer, "numeroGuiaPrestador": number},
            "dadosBeneficiario": {"numeroCarteira": card or world.card, "atendimentoRN": "S" if newborn else "N"},
            "dadosSolicitante": {
                "contratadoSolicitante": provider,
                "nomeContratadoSolicitante": "Clinica",
                "profissionalSolicitante": {**name, **DOCTOR},
            },
            "dadosSolicitacao": {"caraterAtendimento": "1"},
            "dadosExecutante": {"contratadoExecutante": provider, "CNES": world.provider},
            "dadosAtendimento": {**visit, **codes},
            "procedimentosExecutados": {"procedimentoExecutado": procedures} if procedures else None,
            "outrasDespesas": {"despesa": expenses} if expenses else None,
            "valorTotal": {"valorTotalGeral": total},
        },
    )


def stay(world: World, number: str, *lines: Line, total: str) -> str:
    """The summary of a hospital stay of today, for the world's own card."""
    numbered = list(enumerate(lines, start=1))
    procedures = [_procedure(*each) for each in numbered if each[1].table not in EXPENSES]
    expenses = [_expense(*each) for each in numbered if each[1].table in EXPENSES]
    provider = {"codigoPrestadorNaOperadora": world.provider}
    first, last = (
        {f"data{name}Faturamento": today().isoformat(), f"hora{name}Faturamento": hour}
        for name, hour in (("Inicio", "08:00:00"), ("Final", "14:00:00"))
    )
    kind = {"tipoInternacao": "2", "regimeInternacao": "1"}
    return _element(
        "guiaResumoInternacao",
        {
            "cabecalhoGuia": {"registroANS": world.payer, "numeroGuiaPrestador": number},
            "numeroGuiaSolicitacaoInternacao": "S1",
            "dadosAutorizacao": {"dataAutorizacao": today().isoformat(), "senha": "Y1"},
            "dadosBeneficiario": {"numeroCarteira": world.card, "atendimentoRN": "N"},
            "dadosExecutante": {"contratadoExecutante": provider, "CNES": world.provider},
            "dadosInternacao": {"caraterAtendimento": "1", "tipoFaturamento": "4", **first, **last, **kind},
            "dadosSaidaInternacao": {"indicadorAcidente": "9", "motivoEncerramento": "11"},
            "procedimentosExecutados": {"procedimentoExecutado": procedures},
            "valorTotal": {"valorTotalGeral": total},
            "outrasDespesas": {"despesa": expenses} if expenses else None,
        },
    )


def lote(world: World, *guides: str) -> bytes:
    """The guides as one document with the right hash."""
    transaction = {
        "tipoTransacao": "ENVIO_LOTE_GUIAS",
        "sequencialTransacao": "1",
        "dataRegistroTransacao": today().isoformat(),
        "horaRegistroTransacao": "10:00:00",
    }
    provider = {"identificacaoPrestador": {"codigoPrestadorNaOperadora": world.provider}}
    header = {
        "identificacaoTransacao": transaction,
        "origem": provider,
        "destino": {"registroANS": world.payer},
        "Padrao": "4.03.00",
    }
    batch = {"loteGuias": {"numeroLote": "1", "guiasTISS": "".join(guides)}}
    body = _element("cabecalho", header) + _element("prestadorParaOperadora", batch)
    epilogue = "<ans:epilogo><ans:hash>HASH</ans:hash></ans:epilogo></ans:mensagemTISS>"
    xml = f"{OPENING}{body}{epilogue}".encode("iso-8859-1")
    return xml.replace(b"HASH", tiss.hash_epilogo(xml).encode())


@dataclass(frozen=True)
class Result:
    """What became of a guide: taken with or without warnings, unchanged, or refused."""

    number: str
    outcome: GuideOutcome
    claim_id: str | None
    failures: tuple[Failure, ...]
    warnings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """The failures that refuse a document as a whole, or a result for each guide."""

    failures: tuple[Failure, ...]
    results: tuple[Result, ...]


OUTCOMES = {
    ImportOutcome.TAKEN: GuideOutcome.IMPORTED,
    ImportOutcome.TAKEN_WITH_WARNINGS: GuideOutcome.IMPORTED,
    ImportOutcome.UNCHANGED: GuideOutcome.UNCHANGED,
    ImportOutcome.REFUSED: GuideOutcome.REFUSED,
}


async def imported(gateway: Gateway, xml: bytes, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Report:
    """Import the document in an operator's name, as `billing import-tiss` does, at this time."""

    async def content() -> AsyncIterator[bytes]:
        yield xml

    database, changes = gateway.database, gateway.changes_at(lambda: datetime.now(UTC))
    actor = operator("test", Door.CLI, request_id="test")
    document_id = await import_now.store(database, changes, actor, content())
    try:
        job = await import_now.start(changes, actor, document_id)
    except BillingError as error:
        return Report(error.failures, ())
    job = await import_now.to_end(database, gateway.changes_at(now), job)
    async with database.reading() as connection:
        found = await imports_db.results_of(connection, job.id, 100)
    results = (
        Result(each.number, OUTCOMES[each.outcome], each.claim_id, each.failures, each.warnings) for each in found
    )
    return Report(job.failures, tuple(results))


async def take(world: World, xml: bytes) -> Report:
    """Import the document now."""
    return await imported(world.gateway, xml)
