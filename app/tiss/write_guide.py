"""One claim as the fields of a TISS guide, for a consultation or an SP/SADT service."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from app.domain.claim_form import ClaimForm, ItemForm
from app.domain.claims import ClaimType
from app.domain.encounter import Encounter, Practitioner
from app.domain.errors import ErrorCode, Failure
from app.domain.identifiers import is_cnpj
from app.domain.money import QUANTITY_ONE, format_factor, format_quantity

ELECTIVE: Final = "1"
EXAMINATION: Final = "23"
NO_ACCIDENT: Final = "9"
OUTPATIENT: Final = "01"
FIRST_VISIT: Final = "1"
EXPENSE_TABLES: Final = frozenset({"18", "19", "20"})
NAME_MAX: Final = 70


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Who bills: CNES, name, CNPJ or CPF, and the payer's code for the provider, if the contract has one."""

    cnes: str
    name: str
    tax_id: str
    payer_code: str | None = None


@dataclass(frozen=True, slots=True)
class NumberedItem:
    """An item of a document: numbered from 1, with its date and description."""

    sequence: int
    performed_on: date
    description: str
    item: ItemForm


@dataclass(frozen=True, slots=True)
class OutgoingGuide:
    """A claim with the other data that its document needs."""

    claim: ClaimForm
    payer_claim_number: str | None
    provider: ProviderIdentity

    @property
    def items(self) -> list[NumberedItem]:
        """The items as the document numbers them."""
        day = self.claim.service_date
        return [
            NumberedItem(number, item.performed_on or day, item.description or item.code, item)
            for number, item in enumerate(self.claim.items, start=1)
        ]

    @property
    def encounter(self) -> Encounter:
        """The claim's encounter, empty if it has none."""
        return self.claim.encounter or Encounter()

    @property
    def requester(self) -> Practitioner:
        """Who requested the service: the practitioner, unless the encounter names someone else."""
        return self.encounter.requester or self.claim.practitioner


def failures(guide: OutgoingGuide, index: int) -> Iterator[Failure]:
    """What is missing for the document or cannot be written into it."""
    field = f"claimIds.{index}"
    is_visit = guide.claim.type is ClaimType.CONSULTATION
    if not _is_latin(guide):
        message = "use only characters of ISO-8859-1 in descriptions, names and the clinical indication"
        yield Failure(ErrorCode.INVALID_INPUT, message, field)
    professional = guide.claim.practitioner if is_visit else guide.requester
    if not (professional.council and professional.number and professional.state and professional.cbo):
        role = "practitioner" if is_visit else "requester"
        message = f"give council, number, state and CBO of the {role}"
        yield Failure(ErrorCode.INVALID_INPUT, message, field)
    if is_visit and len(guide.items) != 1:
        yield Failure(ErrorCode.INVALID_INPUT, "a consultation must have exactly one item", field)
    for item in guide.items:
        if item.item.code_system not in EXPENSE_TABLES and item.item.quantity % QUANTITY_ONE:
            message = f"the quantity of procedures must be a whole number: item {item.sequence}"
            yield Failure(ErrorCode.INVALID_QUANTITY, message, field)


def _is_latin(guide: OutgoingGuide) -> bool:
    texts = [item.description for item in guide.items if guide.claim.type is not ClaimType.CONSULTATION]
    texts += [guide.claim.clinical_indication or "", guide.claim.practitioner.name or "", guide.requester.name or ""]
    return all(character <= "\xff" for text in texts for character in text)


def as_dict(guide: OutgoingGuide) -> dict[str, Any]:
    """The guide without its expenses (tables 18, 19, 20), which have their own element in the document."""
    return _visit(guide) if guide.claim.type is ClaimType.CONSULTATION else _services(guide)


def identity(provider: ProviderIdentity, cnpj: str, code: str) -> dict[str, str]:
    """The payer's code of the provider; without one the CNPJ if it has digits only, as the schema requires, else the
    CNES in place of the code."""
    if provider.payer_code is not None:
        return {code: provider.payer_code}
    if is_cnpj(provider.tax_id) and provider.tax_id.isdigit():
        return {cnpj: provider.tax_id}
    return {code: provider.cnes}


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _patient(guide: OutgoingGuide) -> dict[str, str]:
    newborn = "S" if guide.encounter.newborn else "N"
    return {"numero_carteira": guide.claim.card_number, "atendimento_rn": newborn}


def _contracted(guide: OutgoingGuide) -> dict[str, str]:
    return identity(guide.provider, "cnpj_contratado", "codigo_prestador_na_operadora")


def _professional(practitioner: Practitioner) -> dict[str, Any]:
    return _without_none(
        nome_profissional=practitioner.name,
        conselho_profissional=practitioner.council,
        numero_conselho_profissional=practitioner.number,
        uf=practitioner.state,
        cbos=practitioner.cbo,
    )


def _header(guide: OutgoingGuide, **more: Any) -> dict[str, Any]:
    return _without_none(
        registro_ans=guide.claim.payer, numero_guia_prestador=guide.claim.provider_claim_number, **more
    )


def _visit(guide: OutgoingGuide) -> dict[str, Any]:
    item, encounter = guide.items[0], guide.encounter
    return _without_none(
        tipo="consulta",
        cabecalho_consulta=_header(guide),
        numero_guia_operadora=guide.payer_claim_number,
        dados_beneficiario=_patient(guide),
        contratado_executante={**_contracted(guide), "cnes": guide.provider.cnes},
        profissional_executante=_professional(guide.claim.practitioner),
        indicacao_acidente=encounter.accident or NO_ACCIDENT,
        dados_atendimento={
            "regime_atendimento": encounter.setting or OUTPATIENT,
            "data_atendimento": item.performed_on.isoformat(),
            "tipo_consulta": encounter.visit_type or FIRST_VISIT,
            "procedimento": {
                "codigo_tabela": item.item.code_system,
                "codigo_procedimento": item.item.code,
                "valor_procedimento": item.item.total,
            },
        },
    )


def _services(guide: OutgoingGuide) -> dict[str, Any]:
    claim, encounter = guide.claim, guide.encounter
    procedures = [_procedure(item) for item in guide.items if item.item.code_system not in EXPENSE_TABLES]
    return _without_none(
        tipo="sp_sadt",
        cabecalho_guia=_header(guide),
        dados_autorizacao=_authorization(claim),
        dados_beneficiario=_patient(guide),
        dados_solicitante={
            "contratado_solicitante": _contracted(guide),
            "nome_contratado_solicitante": guide.provider.name[:NAME_MAX],
            "profissional_solicitante": _professional(guide.requester),
        },
        dados_solicitacao=_without_none(
            carater_atendimento=encounter.priority or ELECTIVE, indicacao_clinica=claim.clinical_indication
        ),
        dados_executante={"contratado_executante": _contracted(guide), "cnes": guide.provider.cnes},
        dados_atendimento={
            "tipo_atendimento": encounter.type or EXAMINATION,
            "indicacao_acidente": encounter.accident or NO_ACCIDENT,
            "regime_atendimento": encounter.setting or OUTPATIENT,
        },
        procedimentos_executados=procedures or None,
        valor_total=_totals(claim),
    )


def _authorization(claim: ClaimForm) -> dict[str, Any] | None:
    authorization = claim.authorization
    if authorization is None:
        return None
    issued, until = authorization.issued_on or claim.service_date, authorization.valid_until
    return _without_none(
        data_autorizacao=issued.isoformat(),
        senha=authorization.number,
        data_validade_senha=until.isoformat() if until else None,
    )


def _procedure(item: NumberedItem) -> dict[str, Any]:
    return {
        "sequencial_item": str(item.sequence),
        "data_execucao": item.performed_on.isoformat(),
        "procedimento": {
            "codigo_tabela": item.item.code_system,
            "codigo_procedimento": item.item.code,
            "descricao_procedimento": item.description,
        },
        "quantidade_executada": format_quantity(item.item.quantity),
        "reducao_acrescimo": format_factor(item.item.factor),
        "valor_unitario": item.item.unit_price,
        "valor_total": item.item.total,
    }


def _totals(claim: ClaimForm) -> dict[str, int]:
    names = {"18": "valor_diarias", "19": "valor_materiais", "20": "valor_medicamentos"}
    found: dict[str, int] = {}
    for item in claim.items:
        name = names.get(item.code_system, "valor_procedimentos")
        found[name] = found.get(name, 0) + item.total
    return {**found, "valor_total_geral": claim.total}
