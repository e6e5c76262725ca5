"""The TUSS tables of the codes that claims and denials have beside their items, as rows of the table of terms."""

from importlib.resources import files
from typing import Any, Final

import orjson

from app.domain.code_tables import LISTED, NAMED_BY_CODE, NAMED_BY_REMARKS
from app.domain.schema_codes import codes_of, remarks_of

FROM_PACKAGE: Final = ("23", "24", "36", "39", "41", "50", "52", "57", "60", "76", "77")
"""Priority, occupations (CBO), accident, discharge, regime of admission, type of encounter, visit type, type of
admission, unit of measure, setting, occupational health."""
DENIAL_REASONS: Final = "38"
Record = dict[str, str]


def published_codes() -> list[Record]:
    """Every code of these tables: as the `tiss` package ships them, those without texts there from the standard."""
    listed = [each for table, texts in LISTED.items() for each in _listed(table, texts)]
    remarked = [each for table, kind in NAMED_BY_REMARKS.items() for each in _listed(table, remarks_of(kind))]
    return [*_of_package(), *_denial_reasons(), *listed, *_named_by_code(), *remarked]


def _named_by_code() -> list[Record]:
    return [
        _record(table, code, f"{name} {code}")
        for table, (kind, name) in NAMED_BY_CODE.items()
        for code in sorted(codes_of(kind))
    ]


def _of_package() -> list[Record]:
    return [each for each in _records("tiss.dominio", "domain.json") if each["tabela"] in FROM_PACKAGE]


def _denial_reasons() -> list[Record]:
    reasons = _records("tiss", "glosas.json")
    return [_record(DENIAL_REASONS, each["codigo"], each["descricao"]) for each in reasons]


def _listed(table: str, texts: dict[str, str]) -> list[Record]:
    return [_record(table, code, text) for code, text in texts.items()]


def _records(package: str, name: str) -> list[Any]:
    content = orjson.loads((files(package) / "_data" / name).read_bytes())
    return list(content["records"])


def _record(table: str, code: str, text: str) -> Record:
    return {"tabela": table, "codigo": code, "termo": text, "vigencia_inicio": "", "vigencia_fim": ""}
