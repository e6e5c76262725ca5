"""SQL that makes the columns of a row from its number n."""

from typing import Final

PROVIDERS: Final = 20
PAYERS: Final = 10
START: Final = "2024-01-01"
DAYS: Final = 1_095
"""The claims are of three years."""
_DIGITS: Final = " UNION ALL ".join(f"SELECT {digit} AS d" for digit in range(10))


def numbers(count: int) -> str:
    """The statement that fills `numbers` from 0 to below the count."""
    places = [f"({_DIGITS}) d{place}" for place in range(len(str(count - 1)))]
    value = " + ".join(f"d{place}.d * {10**place}" for place in range(len(places)))
    return f"INSERT INTO numbers SELECT {value} FROM {', '.join(places)} WHERE {value} < {count}"


def id_of(prefix: str, number: str = "n") -> str:
    """The id of row n."""
    return f"CONCAT('{prefix}_', LPAD({number}, 26, '0'))"


def chance(name: str, of: int) -> str:
    """A number from 0 to below `of`, the same for each n; another `name` gives others."""
    return f"(CRC32(CONCAT('{name}', n)) MOD {of})"


def one_of(name: str, values: tuple[str, ...], number: str = "n") -> str:
    """One of the values, chosen by chance."""
    listed = ", ".join(f"'{value}'" for value in values)
    return f"ELT(1 + CRC32(CONCAT('{name}', {number})) MOD {len(values)}, {listed})"


def at(rows: int, number: str = "n") -> str:
    """The time of row n of so many, in the order of n."""
    return f"TIMESTAMPADD(SECOND, FLOOR({number} * {DAYS * 86_400 / rows}), '{START} 00:00:00')"


def insert(table: str, values: dict[str, str], source: str) -> str:
    """Values, or expressions of n, from a source."""
    # ruff: noqa: S608 - constants of this file
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {source}"


def first(count: int) -> str:
    """The numbers below the count, as a source."""
    return f"numbers WHERE n < {count}"


def provider(number: str = "n") -> str:
    """The provider of row n."""
    return f"CAST(1000000 + CRC32(CONCAT('provider', {number})) MOD {PROVIDERS} AS CHAR)"


def payer(number: str = "n") -> str:
    """The payer of row n."""
    return f"CAST(100000 + CRC32(CONCAT('payer', {number})) MOD {PAYERS} AS CHAR)"
