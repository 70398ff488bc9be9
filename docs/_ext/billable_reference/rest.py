"""REST: every operation of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from billable_reference.markdown import code, prose, table, target

Schema = dict[str, Any]


def document() -> Schema:
    """The OpenAPI document, as the API serves it."""
    from billable.api import api

    schema: Schema = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    return schema


def operations(schema: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Method, path and description of every operation."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def render() -> str:
    """A heading per operation."""
    schema = document()
    return "\n\n".join(_operation(*each, schema["components"]["schemas"]) for each in operations(schema))


def _operation(method: str, path: str, operation: Schema, schemas: Schema) -> str:
    parts = [target("operation", f"{method} {path}"), f"## {method} {path}", prose(operation.get("description", ""))]
    if rows := [_parameter(each) for each in operation.get("parameters", ())]:
        parts += ["Parameters:", table(("Name", "In", "Type", "Meaning"), rows)]
    if body := _reference(operation.get("requestBody", {})):
        parts += ["Body:", _fields(schemas[body], schemas, with_required=True)]
        parts += [f"```json\n{json.dumps(each, indent=2)}\n```" for each in schemas[body].get("examples", ())[:1]]
    if answer := _reference(operation["responses"]["200"]):
        parts += ["Answer:", _fields(schemas[answer], schemas, with_required=False)]
    problems = sorted(status for status in operation["responses"] if status != "200")
    parts.append(f"Problems: {', '.join(problems)}.")
    return "\n\n".join(parts)


def _reference(holder: Schema) -> str | None:
    content = holder.get("content", {}).get("application/json", {}).get("schema", {})
    found = content.get("$ref") or next((each["$ref"] for each in content.get("allOf", ()) if "$ref" in each), None)
    return found.rpartition("/")[2] if found else None


def _parameter(parameter: Schema) -> tuple[str, str, str, str]:
    schema = parameter["schema"]
    meaning = parameter.get("description") or schema.get("description", "")
    if "default" in schema:
        meaning = f"{meaning} Default `{json.dumps(schema['default'])}`.".strip()
    if parameter.get("required"):
        meaning = f"Required. {meaning}".strip()
    return code(parameter["name"]), parameter["in"], _kind(schema), meaning


def _fields(schema: Schema, schemas: Schema, *, with_required: bool) -> str:
    rows = []
    for name, field in schema.get("properties", {}).items():
        meaning = field.get("description", "")
        if "default" in field and field["default"] not in (None, ""):
            meaning = f"{meaning} Default `{json.dumps(field['default'])}`.".strip()
        if with_required and name in schema.get("required", ()):
            meaning = f"Required. {meaning}".strip()
        rows.append((code(name), _kind(field, schemas), meaning))
    return table(("Field", "Type", "Meaning"), rows)


def _kind(schema: Schema, schemas: Schema | None = None) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        inner = (schemas or {}).get(name, {}).get("properties", {})
        return f"object: {', '.join(map(code, inner))}" if inner else "object"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each, schemas) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), schemas)}"
    return str(schema.get("format") or schema.get("type") or "any")
