"""Tables: every model, its columns and what keeps it right."""

from __future__ import annotations

from django.db import models

from billable_reference.markdown import code, docstring, table, target


def render() -> str:
    """A heading per table."""
    from billable import models as nouns

    return "\n\n".join(_model(getattr(nouns, name)) for name in nouns.__all__)


def _model(model: type[models.Model]) -> str:
    parts = [
        target("table", model.__name__),
        f"## {model.__name__}",
        docstring(model),
        f"Table `{model._meta.db_table}`.",
        table(("Column", "Type", "Meaning"), [_column(field) for field in model._meta.concrete_fields]),
    ]
    if rules := [_rule(constraint) for constraint in model._meta.constraints]:
        parts.append("\n".join(f"- {rule}" for rule in rules))
    return "\n\n".join(parts)


def _column(field: models.Field) -> tuple[str, str, str]:  # type: ignore[type-arg]  # of any value
    kind = field.get_internal_type().removesuffix("Field")
    if field.is_relation:
        kind = f"→ {field.related_model._meta.object_name}"
    notes = ["Primary key." if field.primary_key else "Unique." if field.unique else "", str(field.help_text)]
    if field.choices:
        notes.append("One of " + ", ".join(code(value) for value, _ in field.flatchoices) + ".")
    return code(field.column), kind + (", null" if field.null else ""), " ".join(filter(None, notes))


def _rule(constraint: models.BaseConstraint) -> str:
    if isinstance(constraint, models.UniqueConstraint):
        return f"Unique: {', '.join(map(code, constraint.fields))} ({code(constraint.name)})"
    return f"Check: {code(constraint.name)}"
