"""Answers and arguments: the types that the front door exports beside its classes."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from collections.abc import Iterator
from types import ModuleType

from billable_reference.markdown import annotation, code, docstring, documented_assignments, prose, table, target


def types() -> dict[str, object]:
    """The exported types by name."""
    from billable import services

    return {name: getattr(services, name) for name in services.__all__ if not name.endswith("Service")}


def render() -> str:
    """A heading per type."""
    return "\n\n".join(_type(name, each) for name, each in sorted(types().items()))


def _type(name: str, each: object) -> str:
    parts = [target("type", name), f"## {name}", _description(name, each)]
    if rows := list(_attributes(each)):
        parts.append(table(("Name", "Type", "Meaning"), rows))
    return "\n\n".join(parts)


def _description(name: str, each: object) -> str:
    if inspect.isclass(each):
        return docstring(each)
    modules = [module for key, module in sys.modules.items() if key.startswith("billable.")]
    home = next(module for module in modules if name in _documented(module) and vars(module).get(name) is each)
    return prose(_documented(home)[name])


def _documented(module: ModuleType) -> dict[str, str]:
    return documented_assignments(module) if getattr(module, "__file__", None) else {}


def _attributes(each: object) -> Iterator[tuple[str, str, str]]:
    if not inspect.isclass(each):
        return
    kinds = {name: kind for base in reversed(each.__mro__) for name, kind in _annotations(base).items()}
    for name, kind in kinds.items():
        if not name.startswith("_"):
            yield code(name), code(annotation(getattr(kind, "__forward_arg__", kind))), _default(each, name)
    for base in each.__mro__:
        if base.__module__.startswith("billable"):
            yield from _members(base)


def _annotations(base: type) -> dict[str, object]:
    return dict(vars(base).get("__annotations__", {})) if base.__module__.startswith("billable") else {}


def _default(each: type, name: str) -> str:
    for field in dataclasses.fields(each) if dataclasses.is_dataclass(each) else ():
        if field.name == name and field.default is not dataclasses.MISSING:
            return f"Default `{field.default!r}`."
    return ""


def _members(base: type) -> Iterator[tuple[str, str, str]]:
    for name, member in vars(base).items():
        if name.startswith("_"):
            continue
        wrapped = getattr(member, "fget", None) or getattr(member, "func", None)
        if wrapped is not None:
            returned = annotation(inspect.signature(wrapped).return_annotation)
            yield code(name), code(returned), docstring(wrapped)
        elif inspect.isfunction(member) and member.__doc__:
            yield code(f"{name}()"), "method", docstring(member)
        elif isinstance(member, classmethod) and name == "parse":
            yield code(f"{name}()"), "class method", docstring(member.__func__)
