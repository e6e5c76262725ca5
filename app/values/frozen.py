"""Values that never change: frozen, slotted dataclasses, whose methods are written when they are first used.

`dataclass(frozen=True, slots=True)` compiles six functions for a class, in 0.3 to 0.4 ms. A start makes some 380 such
classes, and few of their methods are ever used: most records are made by `app/db/makers.py`, hardly any is compared.
"""

from collections.abc import Callable, Sequence
from dataclasses import Field, FrozenInstanceError, dataclass, field, fields
from inspect import Signature, signature
from typing import Any, Final, NoReturn, TypeVar, dataclass_transform

Class = TypeVar("Class", bound=type[Any])
_WRITTEN: Final = ("__init__", "__eq__", "__hash__", "__repr__")


class _Signature:
    """The arguments of a class, for those who ask for its signature."""

    def __get__(self, _instance: Any, cls: type[Any]) -> Signature:
        return signature(_standard(cls))


_ASKED: Final = _Signature()


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Class) -> Class:
    """What `dataclass(frozen=True, slots=True)` makes of the class, also for `replace`, copies and pickles."""
    # Without a text of its own a dataclass gets its signature, which takes as long as a method.
    cls.__doc__ = cls.__doc__ or cls.__name__
    missing = [name for name in _WRITTEN if name not in vars(cls)]
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    for name in missing:
        setattr(made, name, _written_first(made, name, missing))
    made.__setattr__, made.__delattr__ = _refuse_assignment, _refuse_deletion
    made.__getstate__, made.__setstate__ = _state, _set_state
    made.__signature__ = _ASKED
    found: Class = made
    return found


def _written_first(cls: type[Any], name: str, missing: Sequence[str]) -> Callable[..., Any]:
    """A method at whose first call the class gets what the standard library writes: `__init__`, or all others."""
    is_init = name == "__init__"

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        standard = _standard(cls, has_others=not is_init)
        for each in missing:
            if (each == "__init__") is is_init:
                setattr(cls, each, getattr(standard, each))
        return getattr(cls, name)(self, *arguments, **named)

    return method


def _standard(cls: type[Any], *, has_others: bool = False) -> type[Any]:
    """The frozen dataclass of the standard library with the same fields; it `has_others` than `__init__` if asked."""
    body: dict[str, Any] = {each.name: _again(each) for each in fields(cls)}
    body["__annotations__"] = {each.name: each.type for each in fields(cls)}
    body["__doc__"], body["__module__"] = cls.__doc__, cls.__module__
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = cls.__post_init__
    return dataclass(frozen=True, eq=has_others, repr=has_others)(type(cls.__name__, (), body))


def _again(known: Field[Any]) -> Any:
    names = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
    return field(**{name: getattr(known, name) for name in names})


def _refuse_assignment(_self: Any, name: str, _value: Any) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(_self: Any, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
