"""Reads an XML document that a caller has sent: refused where it is dangerous, and in the words of the gateway."""

import re
from dataclasses import replace
from typing import Final

from app.domain.errors import BillingError, Failure
from app.tiss import read_batch
from app.tiss.read_batch import IncomingBatch, IncomingGuide
from app.tiss.xml_guard import count_guides

TEXTS: Final = {
    "xml.malformado": "the XML is not well-formed: send it as your system wrote it",
    "xml.doctype": "the XML has a document type (DOCTYPE): remove it, TISS documents have none",
    "xml.encoding": "the encoding of the XML is wrong: send it in ISO-8859-1 or UTF-8, as its first line says",
    "versao.nao_detectada": "the TISS version is missing: send a TISS batch (lote de guias)",
    "versao.nao_suportada": "this TISS version is not supported: export the batch in 4.03.00",
    "versao.divergente": "the header names another TISS version than the document has: export the batch again",
    "xsd.elemento_inesperado": "an element is not expected here",
    "xsd.elemento_ausente": "a required element is missing",
    "xsd.padrao": "a value does not have the form that TISS prescribes",
    "xsd.enumeracao": "a value is not in its TISS table",
    "xsd.tamanho": "a value is too long or too short",
    "xsd.tipo": "a value has the wrong type",
    "xsd.atributo": "an attribute is not allowed",
    "xsd.outro": "the element does not fit the TISS schema",
    "lote.guia_duplicada": "another guide of the batch has this number: use another number",
    "lote.valor_total_geral": "the total of the guide is not the sum of its parts",
    "lote.estrutura": "this is no TISS batch (lote de guias): send one with header, guides and epilogue",
    "lote.caractere_invalido": "a character is not in ISO-8859-1: remove it",
    "lote.hash_divergente": "the hash in the epilogue is not that of the content: send the batch unchanged, as your "
    "system wrote it, or export it again",
    "guia.sequencial": "the items are not numbered from 1 without gaps",
    "guia.carteirinha_ausente": "the card number (numeroCarteira) is missing",
    "guia.executante_ausente": "the executing provider is missing",
    "item.valor_zerado": "the amount of an item is missing or zero",
    "item.valor_divergente": "the total of an item is not unit price x quantity x factor",
    "lote.vazio": "the batch has no guides",
    "lote.acima_do_teto": "the batch has more than 100 guides: send several batches, as a zip",
}
"""What the `tiss` package finds, by its code, and what to do."""
_FOUND: Final = re.compile(r"(?P<guide>guide \S+: )?.*\((?P<code>[a-z]+\.[a-z_]+)\)", re.DOTALL)


def read(xml: bytes) -> IncomingBatch:
    """The document's guides; one that is refused as a whole does not raise, its failures are in the result."""
    try:
        count_guides(xml)
        batch = read_batch.read(xml)
    except BillingError as error:
        return IncomingBatch(None, failures=error.failures)
    return replace(
        batch,
        guides=tuple(_in_words(each) for each in batch.guides),
        failures=tuple(_worded(each) for each in batch.failures),
    )


def _in_words(guide: IncomingGuide) -> IncomingGuide:
    return replace(guide, failures=tuple(_worded(each) for each in guide.failures))


def _worded(failure: Failure) -> Failure:
    """The failure with a text of the gateway, where the text is one of the package."""
    found = _FOUND.fullmatch(failure.message)
    if found is None or found["code"] not in TEXTS:
        return failure
    return replace(failure, message=f"{found['guide'] or ''}{TEXTS[found['code']]} ({found['code']})")
