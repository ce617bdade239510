"""Base shapes: commands come in, views go out; both are frozen and are also the HTTP body."""

from datetime import date
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Item = TypeVar("Item")

# A day that somebody may name (日期): far enough from the ends of the calendar that it has a day before and after it.
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2999, 12, 31))]


def _refuse_nul(value: Any) -> None:
    """PostgreSQL cannot store U+0000; refuse it before anything else sees it. However deep: no call within a call."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if "\x00" in item:
                raise ValueError("text must not contain NUL")
        elif isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            left += item


class Command(BaseModel):
    """An imperative request. Unknown fields, NUL bytes and surrounding blanks are refused or trimmed here, once."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=4000)

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, data: Any) -> Any:
        _refuse_nul(data)
        return data


class View(BaseModel):
    """A frozen answer: what a reader may see, nothing more."""

    model_config = ConfigDict(frozen=True)


class Empty(Command):
    """A command that needs nothing but its path and its actor."""


class Done(View):
    """The command took effect; there is nothing more to show."""

    done: bool = True


class Page(View, Generic[Item]):
    """One page of a list; ``next_cursor`` is opaque and absent on the last page."""

    items: list[Item]
    next_cursor: str | None = None
