"""Whose compiled documents are forgotten first."""

from app.transport.document_memory import ANONYMOUS, TRUSTED, DocumentMemory


def _memory(*owners: str) -> DocumentMemory[str]:
    """A memory for ten documents without the trusted ones, with one document of each owner."""
    memory: DocumentMemory[str] = DocumentMemory(1_000)
    for owner in owners:
        memory.put(owner.encode(), f"of {owner}", 100, owner)
    return memory


def _flood(memory: DocumentMemory[str], owner: str) -> list[int]:
    """Which of 50 documents of this owner are left."""
    for number in range(50):
        memory.put(b"flood %d" % number, "flood", 100, owner)
    return [number for number in range(50) if memory.get(b"flood %d" % number, owner) is not None]


def _known(memory: DocumentMemory[str], *owners: str) -> list[str | None]:
    return [memory.get(owner.encode(), "somebody") for owner in owners]


def test_new_documents_of_anonymous_callers_only_drop_each_other() -> None:
    memory = _memory(TRUSTED, "caller a", "caller b")
    assert _flood(memory, ANONYMOUS) == [49]
    assert _known(memory, TRUSTED, "caller a", "caller b") == ["of trusted", "of caller a", "of caller b"]


def test_new_documents_of_one_caller_only_drop_their_own() -> None:
    memory = _memory(TRUSTED, "caller a", "caller b", ANONYMOUS)
    assert _flood(memory, "caller a") == list(range(42, 50))
    assert _known(memory, TRUSTED, "caller a", "caller b", ANONYMOUS) == [
        "of trusted",
        None,
        "of caller b",
        "of anonymous",
    ]


def test_trusted_documents_take_nothing_of_the_room_of_others() -> None:
    memory = _memory()
    assert _flood(memory, TRUSTED) == list(range(50))
    assert len(_flood_of_others(memory)) == 10


def _flood_of_others(memory: DocumentMemory[str]) -> list[int]:
    for number in range(20):
        memory.put(b"other %d" % number, "other", 100, "caller a")
    return [number for number in range(20) if memory.get(b"other %d" % number, "caller a") is not None]


def test_what_was_used_last_is_dropped_last() -> None:
    memory = _memory("caller a")
    for number in range(9):
        memory.put(b"%d" % number, "more", 100, "caller a")
    assert memory.get(b"caller a", "caller a") == "of caller a"
    memory.put(b"9", "more", 100, "caller a")
    assert (memory.get(b"caller a", "caller a"), memory.get(b"0", "caller a")) == ("of caller a", None)


def test_an_anonymous_document_that_a_caller_uses_becomes_theirs() -> None:
    memory = _memory(ANONYMOUS)
    assert memory.get(b"anonymous", "caller a") == "of anonymous"
    _flood(memory, ANONYMOUS)
    assert memory.get(b"anonymous", "caller a") == "of anonymous"
