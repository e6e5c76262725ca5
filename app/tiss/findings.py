"""What the TISS library reports of a document, without its values: messages must not repeat patients' data."""

import re
from typing import Final

_QUOTED: Final = re.compile(r"""(['"]).*\1""", re.DOTALL)


def without_values(message: str) -> str:
    """The message without what it quotes: "Valor 'D'Ávila' não corresponde ao padrão" -> "Valor … não corresponde ao
    padrão"."""
    return _QUOTED.sub("…", message)
