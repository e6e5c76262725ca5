"""How many connections a listener has open: in all, and from each address, so that some are always left for others."""

from asyncio import BaseTransport
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

# A host has a whole network of this size in IPv6, with as many addresses as it likes.
IPV6_PREFIX: Final = 64


class OpenConnections:
    """`total_max` connections, `per_address_max` from each address except those that `is_proxy` knows."""

    def __init__(self, total_max: int, per_address_max: int, is_proxy: Callable[[str], bool] = lambda _: False) -> None:
        self.is_draining = False
        self._total_max = total_max
        self._per_address_max = per_address_max
        self._is_proxy = is_proxy
        self._open: dict[BaseTransport, str] = {}
        self._of_address: Counter[str] = Counter()

    def take(self, transport: BaseTransport, client: tuple[str, int] | None) -> bool:
        """Count one more until it is released; False if there are too many."""
        address = network_of(client[0]) if client else ""
        is_limited = client is not None and not self._is_proxy(client[0])
        if len(self._open) >= self._total_max:
            return False
        if is_limited and self._of_address[address] >= self._per_address_max:
            return False
        self._open[transport] = address
        self._of_address[address] += 1
        return True

    def release(self, transport: BaseTransport) -> None:
        """The connection is closed; nothing happens if it was not counted."""
        address = self._open.pop(transport, None)
        if address is not None:
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]


def network_of(address: str) -> str:
    """The address by which a client is counted: in IPv6 its network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((int(parsed), IPV6_PREFIX), strict=False).network_address)
    return address
