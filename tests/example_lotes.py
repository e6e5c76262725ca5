"""TISS batches (lotes) for tests: the example of the `tiss` package, readdressed to a world, with as many guides as
wanted, and zips of them."""

import io
import re
import zipfile
from collections.abc import Sequence
from datetime import date, timedelta

import tiss
from tiss import examples

from tests.factories import World, today

VALID = examples.load("lote-valido")
_GUIDES = re.compile(rb"(<ans:guiasTISS>)(.*)(</ans:guiasTISS>)", re.DOTALL)
_GUIDE = re.compile(rb"<ans:guiaSP-SADT>.*?</ans:guiaSP-SADT>", re.DOTALL)


def lote(world: World, numbers: Sequence[str], *, cards: Sequence[str] = (), price: str = "100.00") -> bytes:
    """A batch with a guide for each number, by default for the world's own card, of the last thirty days in turn: the
    same service twice on a day would be a warning."""
    template = _GUIDE.findall(VALID)[0]
    cards = cards or [world.card] * len(numbers)
    days = [today() - timedelta(days=number % 30) for number in range(len(numbers))]
    guides = [_guide(template, *each, price) for each in zip(numbers, cards, days, strict=True)]
    changed = _GUIDES.sub(lambda found: found[1] + b"".join(guides) + found[3], VALID)
    changed = re.sub(rb"<ans:registroANS>\d+<", b"<ans:registroANS>" + world.payer.encode() + b"<", changed)
    return hashed(re.sub(rb"<ans:CNES>\d+<", b"<ans:CNES>" + world.provider.encode() + b"<", changed))


def _guide(template: bytes, number: str, card: str, day: date, price: str) -> bytes:
    changed = re.sub(rb"(<ans:numeroGuiaPrestador>)[^<]*<", rb"\g<1>" + number.encode() + b"<", template)
    changed = re.sub(rb"(<ans:numeroCarteira>)[^<]*<", rb"\g<1>" + card.encode() + b"<", changed)
    changed = re.sub(rb"(<ans:dataExecucao>)[^<]*<", rb"\g<1>" + day.isoformat().encode() + b"<", changed)
    return changed.replace(b"100.00", price.encode())


def hashed(xml: bytes) -> bytes:
    """The document with the right hash."""
    digest = tiss.hash_epilogo(xml).encode()
    return re.sub(rb"<ans:hash>[0-9a-f]{32}</ans:hash>", b"<ans:hash>" + digest + b"</ans:hash>", xml)


def zipped(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return found.getvalue()
