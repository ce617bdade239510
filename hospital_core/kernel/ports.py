"""Joining ports to adapters: a lower room names a Protocol, ``backend.wiring`` provides what implements it."""

from typing import Any, TypeVar

Port = TypeVar("Port")
_adapters: dict[type[Any], Any] = {}


class PortMissing(RuntimeError):
    """A port is used that this process was not wired with."""


def provide(port: type[Port], adapter: Port) -> None:
    """Join an adapter to a port for this process; the last one wins (tests replace adapters)."""
    _adapters[port] = adapter


def use(port: type[Port]) -> Port:
    """The adapter of a port. Raises PortMissing when the process was not wired."""
    try:
        adapter: Port = _adapters[port]
    except KeyError:
        raise PortMissing(f"nothing provides {port.__name__}") from None
    return adapter


def optional(port: type[Port]) -> Port | None:
    """The adapter of a port, or None where the process runs without it."""
    return _adapters.get(port)
