"""Signals: every event and its payload."""

from __future__ import annotations

from billable_reference.markdown import code, documented_assignments, prose, table


def render() -> str:
    """A row per event."""
    from billable import signals

    texts = documented_assignments(signals)
    rows = []
    for event, signal in signals.EVENTS.items():
        name = next(name for name, member in vars(signals).items() if member is signal)
        meaning, _, payload = prose(texts[name]).partition(" Payload: ")
        rows.append((code(name), code(event), meaning, payload.removesuffix(".")))
    return table(("Signal", "Event", "When", "Payload"), rows)
