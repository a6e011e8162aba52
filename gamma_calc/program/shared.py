"""Shared values: equal ones are one object, so that comparing and hashing them costs nothing, however deep they are."""

from __future__ import annotations

import atexit
from typing import Any
from weakref import WeakValueDictionary


class Sharing(type):
    """Makes equal values of a class one object; its values are frozen dataclasses without an equality of their own."""

    def __init__(cls, *args: Any) -> None:
        super().__init__(*args)
        cls.known: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()
        atexit.register(cls.known.clear)  # what goes later asks modules that are gone already

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """The value, new or known."""
        value = None if kwargs else cls.known.get(args)
        if value is None:
            value = super().__call__(*args, **kwargs)
            value = cls.known.setdefault(parts(value), value)
        return value


class Shared(metaclass=Sharing):
    """A value of which there is one object; it stays so where it is copied, or read in another process."""

    __slots__ = ("__weakref__",)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), parts(self)


def parts(value: Any) -> tuple[Any, ...]:
    """What a value is built from, in the order of its fields."""
    return tuple([getattr(value, name) for name in value.__match_args__])
