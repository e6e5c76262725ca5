"""Zip archives of XML documents: what is in one, within limits that no bomb gets past, and its files one at a time."""

import re
import struct
import zipfile
import zlib
from typing import IO, Final

from app.domain.errors import BillingError, ErrorCode, refuse

FILES_MAX: Final = 1_000
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of an XML document: a batch of 100 guides with 200 items each fits."""
TOTAL_BYTES_MAX: Final = 512 * 1024 * 1024
RATIO_MAX: Final = 250
"""TISS documents are compressed twenty- to a hundredfold."""
SMALL_BYTES: Final = 1024 * 1024
"""A file that is not larger does no harm, however well it is compressed."""
NAME_LENGTH_MAX: Final = 200
_BESIDE: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.[^./]|thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_OUTSIDE: Final = re.compile(r"(?:^|[/\\])(?:\.{0,2})(?:[/\\]|$)|[:\0]")
_END: Final = b"PK\x05\x06"
_END_64: Final = b"PK\x06\x07"
_END_FORM: Final = struct.Struct("<4s4H2LH")
_ENTRY_BYTES_MAX: Final = 1_024
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED: Final = 1
_DAMAGED: Final = "the zip is damaged: create it again"


class Archive:
    """An open archive; BillingError with what to do for one that is refused. It reads its file: use it in a thread."""

    def __init__(self, file: IO[bytes]) -> None:
        _check_directory(file)
        try:
            self._zip = zipfile.ZipFile(file)
            self._files = [each for each in self._zip.infolist() if not _is_beside(each)]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            raise _refusal(_DAMAGED) from None
        _check_files(self._files)

    @property
    def names(self) -> list[str]:
        """The names of its files, in their order."""
        return [each.filename for each in self._files]

    def read(self, index: int) -> bytes:
        """The bytes of a file; BillingError if they are not what the archive says."""
        try:
            with self._zip.open(self._files[index]) as file:
                return file.read(FILE_BYTES_MAX + 1)
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError):
            raise _refusal(_DAMAGED) from None


def _is_beside(file: zipfile.ZipInfo) -> bool:
    """Whether it is a folder, or what a desktop writes beside the files that a person chose."""
    return file.is_dir() or _BESIDE.search(file.filename) is not None


def _check_directory(file: IO[bytes]) -> None:
    """Refuse too many files before an object is made of each; the fields are those that the library goes by."""
    size = file.seek(0, 2)
    file.seek(max(size - _END_FORM.size - 0xFFFF, 0))
    tail = file.read()
    at = len(tail) - _END_FORM.size
    if not (at >= 0 and tail[at : at + 4] == _END and tail.endswith(b"\0\0")):
        at = tail.rfind(_END)
    if at < 0 or at + _END_FORM.size > len(tail):
        raise _refusal(_DAMAGED)
    _, _, _, _, count, directory_bytes, _, _ = _END_FORM.unpack_from(tail, at)
    if count > FILES_MAX or _END_64 in tail[max(at - 20, 0) : at] or directory_bytes > FILES_MAX * _ENTRY_BYTES_MAX:
        raise _too_many()
    file.seek(0)


def _check_files(files: list[zipfile.ZipInfo]) -> None:
    if not files:
        raise _refusal("the zip is empty: put XML documents into it")
    if len(files) > FILES_MAX:
        raise _too_many()
    for each in files:
        _check_file(each)
    if len({each.filename for each in files}) < len(files):
        raise _refusal("the zip has two files of one name: rename one")
    if sum(each.file_size for each in files) > TOTAL_BYTES_MAX:
        raise _refusal(f"the zip has more than {TOTAL_BYTES_MAX // SMALL_BYTES} MiB of documents: send several")


def _check_file(file: zipfile.ZipInfo) -> None:
    name = file.orig_filename
    if len(name) > NAME_LENGTH_MAX:
        raise _refusal(f"a file in the zip has a name of more than {NAME_LENGTH_MAX} characters: rename it")
    if _OUTSIDE.search(name) or not name.isprintable():
        raise _refusal(
            "the zip has a path that is none of a folder in it: create it again from the XML documents alone"
        )
    if file.flag_bits & _ENCRYPTED:
        raise _refusal("the zip has a password: remove it")
    if file.compress_type not in _METHODS:
        raise _refusal("the zip has an unusual compression: create it with the usual one (deflate)")
    if file.file_size > FILE_BYTES_MAX:
        raise _refusal(f"a document in the zip has more than {FILE_BYTES_MAX // SMALL_BYTES} MiB: split it")
    if file.file_size > SMALL_BYTES and file.file_size > RATIO_MAX * max(file.compress_size, 1):
        raise _refusal("a document in the zip is compressed too much to be one of TISS: send it alone")


def _too_many() -> BillingError:
    return _refusal(f"the zip has more than {FILES_MAX:,} files: send several")


def _refusal(message: str) -> BillingError:
    return refuse(ErrorCode.INVALID_INPUT, message, "documentId")
