"""The codes that the TISS schema allows in fields, read from the files of the `tiss` package when first needed."""

import re
from enum import Enum
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from app.domain.errors import ErrorCode, Failure

_VERSION: Final = "4.03.00"
_FILE: Final = "tissSimpleTypesV{}.xsd"
_TYPE: Final = re.compile(r'<simpleType name="(dm_\w+)">(.*?)</simpleType>', re.DOTALL)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE: Final = re.compile(r'<enumeration value="([^"]*)"')
_REMARK: Final = re.compile(r"<!--\s*([A-Z0-9]+)\s+(.*?)\s*-->")


class CodeTable(Enum):
    """A set of codes: what messages call one, its type in the schema, and its table, which `tussTerms` lists."""

    PRIORITY = "priority", "dm_caraterAtendimento", "23"
    OCCUPATION = "occupation (CBO)", "dm_CBOS", "24"
    EXPENSE = "kind of expense", "dm_outrasDespesas", "25"
    COUNCIL = "council", "dm_conselhoProfissional", "26"
    PARTICIPATION = "degree of participation", "dm_grauPart", "35"
    ACCIDENT = "accident indicator", "dm_indicadorAcidente", "36"
    DISCHARGE = "reason of discharge", "dm_motivoSaida", "39"
    REGIME = "regime of admission", "dm_regimeInternacao", "41"
    TOOTH = "tooth", "dm_dente", "28"
    MOUTH_REGION = "region of the mouth", "dm_regiao", "42"
    DENTAL_BILLING = "billing type", "dm_tipoFaturamentoOdonto", "49"
    DENTAL_ENCOUNTER = "type of dental encounter", "dm_tipoAtendimentoOdonto", "51"
    TECHNIQUE = "technique", "dm_tecnicaUtilizada", "48"
    ENCOUNTER = "type of encounter", "dm_tipoAtendimento", "50"
    VISIT = "visit type", "dm_tipoConsulta", "52"
    BILLING = "billing type", "dm_tipoFaturamento", "55"
    ADMISSION = "type of admission", "dm_tipoInternacao", "57"
    STATE = "state", "dm_UF", "59"
    UNIT = "unit of measure", "dm_unidadeMedida", "60"
    ROUTE = "access route", "dm_viaDeAcesso", "61"
    SETTING = "setting", "dm_regimeAtendimento", "76"
    OCCUPATIONAL_HEALTH = "kind of occupational health", "dm_saudeOcupacional", "77"

    @property
    def codes(self) -> frozenset[str]:
        """The codes that the schema allows."""
        return codes_of(self.value[1])

    def failure(self, code: str | None, field: str) -> Failure | None:
        """Why this is not a code of the table; None if it is, or was not given."""
        if code is None or code in self.codes:
            return None
        name, _, table = self.value
        return Failure(ErrorCode.UNKNOWN_CODE, f"unknown {name}: use a code of table {table}", field)


def codes_of(kind: str, version: str = _VERSION) -> frozenset[str]:
    """The codes of a type of the schema, such as `dm_tipoGlosa`, in a version such as `4.02.00`."""
    return _types(version)[kind]


def remarks_of(kind: str) -> dict[str, str]:
    """The texts of a type's codes, where the schema has them as remarks: `<!-- AI Arco Inferior -->`."""
    found = next(content for name, content in _TYPE.findall(_schema(_VERSION)) if name == kind)
    return dict(_REMARK.findall(found))


@cache
def _types(version: str) -> dict[str, frozenset[str]]:
    # Inactive codes stand in comments.
    text = _COMMENT.sub("", _schema(version))
    return {name: frozenset(filter(None, _CODE.findall(content))) for name, content in _TYPE.findall(text)}


def _schema(version: str) -> str:
    # The package itself takes ten times as long to import as its file to read.
    package = find_spec("tiss")
    assert package is not None and package.origin is not None, "a dependency of the gateway"  # noqa: S101, PT018
    source = Path(package.origin).parent / "_data" / "schemas" / version / _FILE.format(version.replace(".", "_"))
    # Some files of the standard are in ISO-8859-1.
    return source.read_text(encoding="latin-1")
