"""What the TISS library reports of a document, without its values: messages must not repeat patients' data."""

import re
from typing import Final

import tiss

TOLERATED: Final = frozenset({"item.valor_zerado"})
"""Errors of the library that are none: an item that a package includes costs nothing."""
_QUOTED: Final = re.compile(r"""(['"]).*\1""", re.DOTALL)


def without_values(message: str) -> str:
    """The message without what it quotes: "Valor 'D'Ávila' não corresponde ao padrão" -> "Valor … não corresponde ao
    padrão"."""
    return _QUOTED.sub("…", message)


def errors_in(xml: bytes) -> list[tiss.Finding]:
    """The errors that the library finds in the document."""
    found = tiss.validate(xml).findings
    return [each for each in found if each.severity == "error" and each.code not in TOLERATED]
