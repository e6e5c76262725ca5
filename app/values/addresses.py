"""Addresses of servers, of which an address may name several."""


def hosts_of(url: str) -> str:
    """host[:port][,host[:port]] of an address such as kafka://one:9092,[::1]:9092?idempotent=false, after a user if it
    has one.

    `urlsplit` refuses an IPv6 address that is not the first one of several, in newer versions of Python.
    """
    rest = url.partition("://")[2]
    return rest.partition("?")[0].partition("#")[0].partition("/")[0]
