"""Enums whose values describe themselves, for the documents that clients read."""

from enum import StrEnum
from typing import Self


class DescribedEnum(StrEnum):
    """Each member is its value and its description: `DRAFT = "DRAFT", "Not sent yet."`."""

    description: str

    def __new__(cls, value: str, description: str = "") -> Self:
        """Runs once for each member. The default is for type checkers: to them a look-up by value is this call too."""
        if not description:
            raise TypeError(f"{cls.__name__}.{value} needs a description")
        member = str.__new__(cls, value)
        member._value_ = value
        member.description = description
        return member
