"""Reads a TISS batch document (lote) as claim forms, guide by guide; the `tiss` package parses and validates it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import tiss

from app.domain.claim_form import Authorization, ClaimForm, ItemForm
from app.domain.claims import ClaimType
from app.domain.encounter import Encounter, Practitioner
from app.domain.errors import BillingError, ErrorCode, Failure, refuse
from app.domain.money import FACTOR_ONE, QUANTITY_ONE, Cents, Factor, Quantity, parse_factor, parse_quantity
from app.tiss.findings import errors_in, without_values

GUIDES_MAX: Final = 100
REPEATED: Final = "lote.guia_duplicada"
"""Found in all guides with one number; whoever imports them takes the first one."""
CLAIM_TYPES: Final = {"consulta": ClaimType.CONSULTATION, "sp_sadt": ClaimType.SP_SADT}


@dataclass(frozen=True, slots=True)
class IncomingGuide:
    """One guide of the document: its number, and either the claim form or the failures that refuse it."""

    number: str
    form: ClaimForm | None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class IncomingBatch:
    """A document: its batch number and guides, or the failures that refuse it as a whole."""

    number: str | None
    guides: tuple[IncomingGuide, ...] = ()
    failures: tuple[Failure, ...] = field(default=())


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; an invalid document does not raise, its failures are in the result."""
    errors = errors_in(xml)
    whole = [finding for finding in errors if finding.guia is None]
    if whole:
        # A wrong hash or form refuses the whole document, but the report has all its errors.
        return IncomingBatch(None, failures=tuple(_failure(finding) for finding in errors))
    try:
        lote = tiss.parse_lote(xml)
    except tiss.LoteError as error:
        return IncomingBatch(None, failures=(Failure(ErrorCode.INVALID_INPUT, str(error), None, "5001"),))
    return _batch(dict(lote), errors)


def _batch(lote: dict[str, Any], errors: list[tiss.Finding]) -> IncomingBatch:
    guides = lote["guias"]
    if len(guides) > GUIDES_MAX or len({guide["tipo"] for guide in guides}) > 1:
        message = f"send at most {GUIDES_MAX} guides, all of one type"
        return IncomingBatch(lote["numero_lote"], failures=(Failure(ErrorCode.BATCH_TOO_LARGE, message, None, "5015"),))
    return IncomingBatch(lote["numero_lote"], tuple(_guide(lote, guide, errors) for guide in guides))


def _guide(lote: dict[str, Any], guide: dict[str, Any], errors: list[tiss.Finding]) -> IncomingGuide:
    header = guide.get("cabecalho_guia") or guide.get("cabecalho_consulta") or {}
    number = str(header.get("numero_guia_prestador", ""))
    found = [finding for finding in errors if finding.guia == number and finding.code != REPEATED]
    guide_failures = tuple(_failure(finding) for finding in found)
    if guide_failures:
        return IncomingGuide(number, None, guide_failures)
    try:
        return IncomingGuide(number, _form(guide, number, lote["operadora"]["registro_ans"]))
    except BillingError as error:
        return IncomingGuide(number, None, error.failures)
    except (KeyError, TypeError, ValueError):
        message = "the guide is incomplete or malformed"
        return IncomingGuide(number, None, (Failure(ErrorCode.INVALID_INPUT, message, None, "5007"),))


def _failure(finding: tiss.Finding) -> Failure:
    steps = (finding.xpath or "").replace("ans:", "").rsplit("/", 2)
    path = "/".join(steps[-2:]) or None
    guide = f"guide {finding.guia}: " if finding.guia else ""
    return Failure(
        ErrorCode.INVALID_INPUT, f"{guide}{without_values(finding.message)} ({finding.code})", path, finding.glosa
    )


def _form(guide: dict[str, Any], number: str, payer: str) -> ClaimForm:
    items = _consultation_items(guide) if guide["tipo"] == "consulta" else _service_items(guide)
    totals = guide.get("valor_total") or {}
    indication = (guide.get("dados_solicitacao") or {}).get("indicacao_clinica")
    return ClaimForm(
        type=CLAIM_TYPES[guide["tipo"]],
        provider=_provider(guide),
        payer=payer,
        provider_claim_number=number,
        card_number=guide["dados_beneficiario"]["numero_carteira"],
        service_date=min(item.performed_on for item in items if item.performed_on),
        items=tuple(items),
        practitioner=_practitioner(guide),
        authorization=_authorization(guide.get("dados_autorizacao")),
        clinical_indication=indication or None,
        claimed_total=totals.get("valor_total_geral"),
        encounter=_encounter(guide),
    )


def _provider(guide: dict[str, Any]) -> str:
    executing = guide.get("dados_executante") or guide.get("contratado_executante") or {}
    cnes = executing.get("cnes") or (executing.get("contratado_executante") or {}).get("cnes")
    if not cnes:
        raise refuse(ErrorCode.INVALID_IDENTIFIER, "the CNES of the executing provider is missing", "CNES", "1202")
    return str(cnes)


def _encounter(guide: dict[str, Any]) -> Encounter:
    visit = guide.get("dados_atendimento") or {}
    requester = (guide.get("dados_solicitante") or {}).get("profissional_solicitante")
    return Encounter(
        priority=(guide.get("dados_solicitacao") or {}).get("carater_atendimento"),
        type=visit.get("tipo_atendimento"),
        accident=visit.get("indicacao_acidente") or guide.get("indicacao_acidente"),
        setting=visit.get("regime_atendimento"),
        visit_type=visit.get("tipo_consulta"),
        newborn=guide["dados_beneficiario"].get("atendimento_rn") == "S",
        requester=_professional(requester) if requester else None,
    )


def _practitioner(guide: dict[str, Any]) -> Practitioner:
    executing = (guide.get("dados_executante") or {}).get("profissional_executante")
    return _professional(executing or guide.get("profissional_executante") or {})


def _professional(fields: dict[str, Any]) -> Practitioner:
    return Practitioner(
        name=fields.get("nome_profissional"),
        council=fields.get("conselho_profissional"),
        number=fields.get("numero_conselho_profissional"),
        state=fields.get("uf"),
        cbo=fields.get("cbos") or fields.get("cbo"),
    )


def _authorization(part: dict[str, Any] | None) -> Authorization | None:
    if not part or not part.get("senha"):
        return None
    return Authorization(part["senha"], _day(part.get("data_autorizacao")), _day(part.get("data_validade_senha")))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _consultation_items(guide: dict[str, Any]) -> list[ItemForm]:
    visit = guide["dados_atendimento"]
    procedure = visit["procedimento"]
    return [
        ItemForm(
            code_system=procedure["codigo_tabela"],
            code=procedure["codigo_procedimento"],
            quantity=Quantity(QUANTITY_ONE),
            unit_price=Cents(procedure["valor_procedimento"]),
            factor=FACTOR_ONE,
            description=None,
            performed_on=_day(visit["data_atendimento"]),
        )
    ]


def _service_items(guide: dict[str, Any]) -> list[ItemForm]:
    procedures = [(item, item["procedimento"]) for item in guide.get("procedimentos_executados", [])]
    expenses = _as_list((guide.get("outras_despesas") or {}).get("despesa"))
    services = [(one["servicos_executados"], one["servicos_executados"]) for one in expenses]
    return [_item(item, code) for item, code in [*procedures, *services]]


def _as_list(value: Any) -> list[dict[str, Any]]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _item(item: dict[str, Any], code: dict[str, Any]) -> ItemForm:
    factor: Factor = parse_factor(item["reducao_acrescimo"]) if item.get("reducao_acrescimo") else FACTOR_ONE
    return ItemForm(
        code_system=code["codigo_tabela"],
        code=code["codigo_procedimento"],
        quantity=parse_quantity(item["quantidade_executada"]),
        unit_price=Cents(item["valor_unitario"]),
        factor=factor,
        description=(code.get("descricao_procedimento") or None),
        performed_on=_day(item["data_execucao"]),
        stated_total=Cents(item["valor_total"]),
    )
