"""TLS contexts whose files can be read again while they are in use."""

import ssl
from collections.abc import Callable
from typing import Any, Final, Self

# What TLS 1.2 may agree on; TLS 1.3 has nothing but authenticated encryption (AEAD) anyway.
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


class ReloadableContext(ssl.SSLContext):
    """Makes every connection with the newest context that could be built from the files.

    A context cannot take files back: loading a new authority into it adds one, and a new certificate whose key is not
    there yet would leave it with half a pair. So each reload builds a fresh context, and swaps it in only as a whole.
    """

    _current: ssl.SSLContext
    _build: Callable[[], ssl.SSLContext]

    def __new__(cls, build: Callable[[], ssl.SSLContext]) -> Self:
        """The first context is built at once; what `build` raises is raised here."""
        first = build()
        self = super().__new__(cls, first.protocol)
        # Libraries read these from the context that they were given.
        self.check_hostname = first.check_hostname
        self.verify_mode = first.verify_mode
        self._current, self._build = first, build
        return self

    def fresh(self) -> ssl.SSLContext:
        """A new context from the files as they are now; raises what `build` raises."""
        return self._build()

    def swap(self, context: ssl.SSLContext) -> None:
        """Use this context for every connection from now on."""
        self._current = context

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """TLS over two buffers, as event loops use it."""
        return self._current.wrap_bio(*args, **options)

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """TLS over a socket."""
        return self._current.wrap_socket(*args, **options)
