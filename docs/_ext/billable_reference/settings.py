"""Settings: what ``billable.conf`` knows."""

from __future__ import annotations

from billable_reference.markdown import code, label, prose, table, target


def render() -> str:
    """A table of all, then a heading each."""
    from billable.conf import PREFIX, Settings, known_names

    kinds = {
        PREFIX + name.upper(): member.fget.__annotations__["return"]
        for name, member in vars(Settings).items()
        if isinstance(member, property)
    }
    rows = [
        (f"[{code(name)}](#{label('setting', name)})", code(kinds[name]), prose(text).partition("\n\n")[0])
        for name, text in known_names().items()
    ]
    parts = [table(("Setting", "Type", "In one line"), rows)]
    for name, text in known_names().items():
        parts += [target("setting", name), f"## {name}", f"Type `{kinds[name]}`.", prose(text)]
    return "\n\n".join(parts)
