"""The five TISS guides: which element holds which value of a claim. Reading and writing both follow these tables."""

from typing import Final

from app.domain.claims import ClaimType
from app.domain.money import FACTOR_ONE, QUANTITY_ONE
from app.tiss.fields import Contractor, Field, Items, Sum, Team, fields, path
from app.tiss.values import BOOLEAN, CENTS, DATE, FACTOR, NUMBER, QUANTITY, TIME, YES_NO
from app.values.frozen import frozen


@frozen
class Guide:
    """One kind of guide: its element, its fields, items and sums, and where it says who bills."""

    element: str
    type: ClaimType
    fields: tuple[Field, ...]
    items: tuple[Items, ...]
    sums: tuple[Sum, ...]
    total: Sum | None
    contractor: Contractor
    diagnoses: tuple[str, ...] = ()
    """The element that repeats for each diagnosis."""


def _professional(base: str, name: str, cbo: str = "CBOS", council: str = "conselhoProfissional") -> tuple[Field, ...]:
    return fields(
        base,
        **{
            f"{name}__name": "nomeProfissional",
            f"{name}__council": council,
            f"{name}__number": "numeroConselhoProfissional",
            f"{name}__state": "UF",
            f"{name}__cbo": cbo,
        },
    )


def _header(base: str) -> tuple[Field, ...]:
    return fields(base, payer="registroANS", provider_claim_number="numeroGuiaPrestador")


def _patient(base: str) -> tuple[Field, ...]:
    return fields(base, card_number="numeroCarteira", encounter__newborn=("atendimentoRN", YES_NO))


def _authorization(base: str) -> tuple[Field, ...]:
    return fields(
        base,
        payer_claim_number="numeroGuiaOperadora",
        authorization__issued_on=("dataAutorizacao", DATE),
        authorization__number="senha",
        authorization__valid_until=("dataValidadeSenha", DATE),
    )


_PRICED: Final = fields(
    "",
    quantity=("quantidadeExecutada", QUANTITY),
    factor=("reducaoAcrescimo", FACTOR),
    unit_price=("valorUnitario", CENTS),
    total=("valorTotal", CENTS),
)
_CODED: Final = fields(
    "procedimento",
    code_system="codigoTabela",
    code="codigoProcedimento",
    description="descricaoProcedimento",
)
_PERFORMED: Final = fields(
    "",
    performed_on=("dataExecucao", DATE),
    details__starts_at=("horaInicial", TIME),
    details__ends_at=("horaFinal", TIME),
)
_PROCEDURE: Final = (
    *fields("", sequence=("sequencialItem", NUMBER)),
    *_PERFORMED,
    *_CODED,
    *fields("", details__access_route="viaAcesso", details__technique="tecnicaUtilizada"),
    *_PRICED,
)
_SERVICE: Final = "servicosExecutados"
_EXPENSE: Final = (
    *fields("", sequence=("sequencialItem", NUMBER), details__expense_kind="codigoDespesa"),
    *fields(
        _SERVICE,
        performed_on=("dataExecucao", DATE),
        details__starts_at=("horaInicial", TIME),
        details__ends_at=("horaFinal", TIME),
        code_system="codigoTabela",
        code="codigoProcedimento",
        description="descricaoProcedimento",
        quantity=("quantidadeExecutada", QUANTITY),
        details__unit="unidadeMedida",
        factor=("reducaoAcrescimo", FACTOR),
        unit_price=("valorUnitario", CENTS),
        total=("valorTotal", CENTS),
    ),
)


def _team(base: str, *, role: str, name: str, council: str, cbo: str, inside: str = "") -> Team:
    found = fields(
        inside,
        role=role,
        code="codProfissional/codigoPrestadorNaOperadora",
        cpf="codProfissional/cpfContratado",
        practitioner__name=name,
        practitioner__council=council,
        practitioner__number="numeroConselhoProfissional",
        practitioner__state="UF",
        practitioner__cbo=cbo,
    )
    return Team(path(base), found)


_EXPENSES: Final = Items(path("outrasDespesas/despesa"), _EXPENSE, {}, is_expense=True)
_SUMS: Final = tuple(
    Sum(path(f"valorTotal/{name}"), frozenset({kind}))
    for name, kind in (
        ("valorProcedimentos", None),
        ("valorDiarias", "05"),
        ("valorTaxasAlugueis", "07"),
        ("valorMateriais", "03"),
        ("valorMedicamentos", "02"),
        ("valorOPME", "08"),
        ("valorGasesMedicinais", "01"),
    )
)
_TOTAL: Final = Sum(path("valorTotal/valorTotalGeral"))


def _contractor(base: str, cnes: str) -> Contractor:
    code, cnpj, cpf = (f"{base}/{name}" for name in ("codigoPrestadorNaOperadora", "cnpjContratado", "cpfContratado"))
    return Contractor(path(code), path(cnes), path(cnpj), path(cpf))


CONSULTATION: Final = Guide(
    element="guiaConsulta",
    type=ClaimType.CONSULTATION,
    fields=(
        *_header("cabecalhoConsulta"),
        *fields("", payer_claim_number="numeroGuiaOperadora"),
        *_patient("dadosBeneficiario"),
        *_professional("profissionalExecutante", "practitioner"),
        *fields(
            "",
            encounter__accident="indicacaoAcidente",
            encounter__setting="dadosAtendimento/regimeAtendimento",
            encounter__visit_type="dadosAtendimento/tipoConsulta",
            encounter__notes="observacao",
        ),
    ),
    items=(
        Items(
            path("dadosAtendimento"),
            (
                *fields("", performed_on=("dataAtendimento", DATE)),
                *fields(
                    "procedimento",
                    code_system="codigoTabela",
                    code="codigoProcedimento",
                    total=("valorProcedimento", CENTS),
                ),
            ),
            {"sequence": 1, "quantity": QUANTITY_ONE, "factor": FACTOR_ONE, "description": None},
            is_only=True,
        ),
    ),
    sums=(),
    total=None,
    contractor=_contractor("contratadoExecutante", "contratadoExecutante/CNES"),
)

SERVICES: Final = Guide(
    element="guiaSP-SADT",
    type=ClaimType.SP_SADT,
    fields=(
        *_header("cabecalhoGuia"),
        *fields("cabecalhoGuia", encounter__main_claim_number="guiaPrincipal"),
        *_authorization("dadosAutorizacao"),
        *_patient("dadosBeneficiario"),
        *fields(
            "dadosSolicitante",
            encounter__requesting_provider__code="contratadoSolicitante/codigoPrestadorNaOperadora",
            encounter__requesting_provider__name="nomeContratadoSolicitante",
        ),
        *_professional("dadosSolicitante/profissionalSolicitante", "encounter__requester"),
        *fields(
            "dadosSolicitacao",
            encounter__requested_on=("dataSolicitacao", DATE),
            encounter__priority="caraterAtendimento",
            clinical_indication="indicacaoClinica",
        ),
        *fields(
            "dadosAtendimento",
            encounter__type="tipoAtendimento",
            encounter__accident="indicacaoAcidente",
            encounter__visit_type="tipoConsulta",
            encounter__discharge_reason="motivoEncerramento",
            encounter__setting="regimeAtendimento",
        ),
        *fields("", encounter__notes="observacao"),
    ),
    items=(
        Items(
            path("procedimentosExecutados/procedimentoExecutado"),
            _PROCEDURE,
            {},
            _team("equipeSadt", role="grauPart", name="nomeProf", council="conselho", cbo="CBOS"),
        ),
        _EXPENSES,
    ),
    sums=_SUMS,
    total=_TOTAL,
    contractor=_contractor("dadosExecutante/contratadoExecutante", "dadosExecutante/CNES"),
)

ADMISSION: Final = Guide(
    element="guiaResumoInternacao",
    type=ClaimType.ADMISSION_SUMMARY,
    fields=(
        *_header("cabecalhoGuia"),
        *fields("", encounter__main_claim_number="numeroGuiaSolicitacaoInternacao"),
        *_authorization("dadosAutorizacao"),
        *_patient("dadosBeneficiario"),
        *fields(
            "dadosInternacao",
            encounter__priority="caraterAtendimento",
            encounter__billing_type="tipoFaturamento",
            encounter__admission__starts_on=("dataInicioFaturamento", DATE),
            encounter__admission__starts_at=("horaInicioFaturamento", TIME),
            encounter__admission__ends_on=("dataFinalFaturamento", DATE),
            encounter__admission__ends_at=("horaFinalFaturamento", TIME),
            encounter__admission__type="tipoInternacao",
            encounter__admission__regime="regimeInternacao",
        ),
        *fields(
            "dadosSaidaInternacao",
            encounter__accident="indicadorAcidente",
            encounter__discharge_reason="motivoEncerramento",
        ),
        *fields("", encounter__notes="observacao"),
    ),
    items=(
        Items(
            path("procedimentosExecutados/procedimentoExecutado"),
            _PROCEDURE,
            {},
            _team(
                "identEquipe",
                inside="identificacaoEquipe",
                role="grauPart",
                name="nomeProf",
                council="conselho",
                cbo="CBOS",
            ),
        ),
        _EXPENSES,
    ),
    sums=_SUMS,
    total=_TOTAL,
    contractor=_contractor("dadosExecutante/contratadoExecutante", "dadosExecutante/CNES"),
    diagnoses=path("dadosSaidaInternacao/diagnostico"),
)

FEES: Final = Guide(
    element="guiaHonorarios",
    type=ClaimType.INDIVIDUAL_FEES,
    fields=(
        *_header("cabecalhoGuia"),
        *fields(
            "",
            encounter__main_claim_number="guiaSolicInternacao",
            authorization__number="senha",
            payer_claim_number="numeroGuiaOperadora",
        ),
        *_patient("beneficiario"),
        *fields(
            "localContratado",
            encounter__location__code="codigoContratado/codigoNaOperadora",
            encounter__location__name="nomeContratado",
            encounter__location__cnes="cnes",
        ),
        *fields(
            "dadosInternacao",
            encounter__admission__starts_on=("dataInicioFaturamento", DATE),
            encounter__admission__ends_on=("dataFimFaturamento", DATE),
            encounter__priority="caraterAtendimento",
        ),
        *fields("", encounter__notes="observacao", encounter__issued_on=("dataEmissaoGuia", DATE)),
    ),
    items=(
        Items(
            path("procedimentosRealizados/procedimentoRealizado"),
            _PROCEDURE,
            {},
            _team(
                "profissionais",
                role="grauParticipacao",
                name="nomeProfissional",
                council="conselhoProfissional",
                cbo="CBO",
            ),
        ),
    ),
    sums=(),
    total=Sum(path("valorTotalHonorarios")),
    contractor=Contractor(
        path("dadosContratadoExecutante/codigonaOperadora"), path("dadosContratadoExecutante/cnesContratadoExecutante")
    ),
)

DENTAL: Final = Guide(
    element="guiaOdonto",
    type=ClaimType.DENTAL_TREATMENT,
    fields=(
        *_header(""),
        *fields(
            "",
            encounter__main_claim_number="numeroGuiaPrincipal",
            authorization__issued_on=("dataAutorizacao", DATE),
            authorization__number="senhaAutorizacao",
            authorization__valid_until=("validadeSenha", DATE),
            payer_claim_number="numeroGuiaOperadora",
        ),
        *_patient("dadosBeneficiario"),
        *fields("", encounter__plan_name="planoBeneficiario"),
        *fields(
            "dadosProfissionaisResponsaveis",
            encounter__requester__name="nomeProfSolic",
            encounter__requester__number="croSolic",
            encounter__requester__state="ufSolic",
            encounter__requester__cbo="cbosSolic",
            practitioner__number="croExec",
            practitioner__state="ufExec",
            practitioner__name="nomeProfExec2",
            practitioner__cbo="cbosExec2",
        ),
        *fields(
            "",
            encounter__type="tipoAtendimento",
            encounter__billing_type="tipoFaturamento",
            encounter__notes="observacao",
        ),
    ),
    items=(
        Items(
            path("procedimentosExecutados"),
            (
                *fields("", sequence=("sequencialItem", NUMBER)),
                *fields(
                    "procSolic",
                    code_system="codigoTabela",
                    code="codigoProcedimento",
                    description="descricaoProcedimento",
                ),
                *fields(
                    "",
                    details__tooth="denteRegiao/codDente",
                    details__mouth_region="denteRegiao/codRegiao",
                    details__tooth_faces="denteFace",
                    quantity=("qtdProc", QUANTITY),
                    total=("valorProc", CENTS),
                    details__is_authorized=("autorizado", BOOLEAN),
                    performed_on=("dataRealizacao", DATE),
                ),
            ),
            {"factor": FACTOR_ONE},
        ),
    ),
    sums=(),
    total=Sum(path("valorTotalProc")),
    contractor=Contractor(
        path("dadosProfissionaisResponsaveis/codigoProfExec"), path("dadosProfissionaisResponsaveis/cnesExec")
    ),
)

GUIDES: Final = {guide.element: guide for guide in (CONSULTATION, SERVICES, ADMISSION, FEES, DENTAL)}
OF_TYPE: Final = {guide.type: guide for guide in GUIDES.values()}
