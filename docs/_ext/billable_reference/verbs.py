"""Verbs: every callable of the front door, with its signature and docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from billable_reference.markdown import docstring, signature, target


def classes() -> list[type]:
    """The classes of the front door, in its order: those that it takes from the parts of it come last."""
    from billable import services

    members = vars(services).items()
    found = [member for name, member in members if name.endswith("Service") and inspect.isclass(member)]
    return sorted(found, key=lambda service: service.__module__ != services.__name__)


def verbs(service: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The synchronous verbs of one class."""
    for name in vars(service):
        if not name.startswith("_") and not inspect.iscoroutinefunction(getattr(service, name)):
            yield name, getattr(service, name)


def twin_of(service: type, name: str) -> str | None:
    """The name of a verb's async twin."""
    return f"a{name}" if hasattr(service, f"a{name}") else None


def render() -> str:
    """A section per class, a heading per verb."""
    return "\n\n".join(_service(service) for service in classes())


def _service(service: type) -> str:
    parts = [target("service", service.__name__), f"## {service.__name__}", docstring(service)]
    for name, verb in verbs(service):
        parts += [target("verb", name), f"### {name}", f"```python\n{signature(name, verb)}\n```", docstring(verb)]
        if twin := twin_of(service, name):
            parts.append(f"Async twin: `{twin}`.")
    return "\n\n".join(parts)
