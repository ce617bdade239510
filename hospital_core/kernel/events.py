"""Events (事件): what happened, past tense, ids only; and who reacts to them.

Two kinds of handlers:

* ``@handles(Event)`` reacts inside the relay's transaction: its rows and the delivery commit together.
* ``@performs(Event)`` talks to an outside system: no transaction is open, delivery is at least once, the function opens
  its own units of work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from hospital_core.kernel.context import Context
    from hospital_core.kernel.uow import UnitOfWork

EventType = TypeVar("EventType", bound="Event")


class Event(BaseModel):
    """Base of all events; the class name is stored, so renaming one needs a migration. Carries ids, never persons."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    event_id: ClassVar[UUID]
    by_name: ClassVar[dict[str, type["Event"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = Event.by_name.get(cls.__name__)
        if known is not None and known.__module__ != cls.__module__:
            raise TypeError(f"two events are called {cls.__name__}")
        Event.by_name[cls.__name__] = cls


@dataclass(frozen=True)
class Handler:
    """One reaction. ``name`` is stored with each delivery; ``outside`` tells the two kinds apart."""

    name: str
    event: type[Event]
    call: Callable[..., Awaitable[None]]
    outside: bool


_handlers: dict[str, Handler] = {}
_by_event: dict[type[Event], list[Handler]] = {}


def _register(event: type[Event], call: Callable[..., Awaitable[None]], outside: bool) -> None:
    name = f"{call.__module__.removeprefix('hospital_core.')}.{call.__name__}"
    if name in _handlers:
        raise TypeError(f"two handlers are called {name}")
    handler = Handler(name, event, call, outside)
    _handlers[name] = handler
    _by_event.setdefault(event, []).append(handler)


Inside = Callable[["UnitOfWork", EventType], Awaitable[None]]
Outside = Callable[["Context", EventType], Awaitable[None]]


def handles(event: type[EventType]) -> Callable[[Inside[EventType]], Inside[EventType]]:
    """Register a reaction that writes only rows."""

    def decorate(call: Inside[EventType]) -> Inside[EventType]:
        _register(event, call, outside=False)
        return call

    return decorate


def performs(event: type[EventType]) -> Callable[[Outside[EventType]], Outside[EventType]]:
    """Register a reaction that calls an outside system."""

    def decorate(call: Outside[EventType]) -> Outside[EventType]:
        _register(event, call, outside=True)
        return call

    return decorate


def handlers_of(event: type[Event]) -> list[Handler]:
    """The reactions to an event, in the order of registration."""
    return _by_event.get(event, [])


def handler_named(name: str) -> Handler | None:
    """A reaction by its stored name; None when the code that had it is gone."""
    return _handlers.get(name)
