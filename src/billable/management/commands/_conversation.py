"""Talking to the REST API aloud: requests and answers are printed, and compared with what is documented."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

TIMEOUT_SECONDS = 30
LINE_LENGTH = 110


@dataclass(kw_only=True)
class Conversation:
    """Requests to one server, and what was wrong with its answers."""

    api_url: str
    token: str = field(repr=False)
    say: Callable[[str], object]
    steps: int = 0
    faults: list[str] = field(default_factory=list)

    def get(self, title: str, path: str, query: Mapping[str, Any], **expected: Any) -> Any:
        """Ask for something. ``expected`` as in ``post``."""
        return self._ask(title, f"{path}?{urlencode(query)}" if query else path, None, expected)

    def post(self, title: str, path: str, body: Mapping[str, Any], **expected: Any) -> Any:
        """Have something done. ``expected`` is the status (default 200) and members of the answer."""
        return self._ask(title, path, body, expected)

    def note(self, expected: str, *, met: bool, got: object = "") -> None:
        """Record whether an answer was as documented."""
        if not met:
            self.faults.append(f"step {self.steps}: expected {expected}, got {shown(got)}")
            self.say(f"   WRONG: expected {expected}")

    def _ask(self, title: str, path: str, body: Any, expected: dict[str, Any]) -> Any:
        request = Request(  # noqa: S310  # the command has checked that the address is one of http
            self.api_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        self.steps += 1
        self.say(f"\n{self.steps}. {title}")
        self.say(f"   {request.get_method()} {request.selector}{f'  {shown(body)}' if body else ''}")
        status, answer = answered(request)
        self.say(f"   {status}  {laid_out(answer, '   ')}")
        expected_status = expected.pop("status_code", 200)
        self.note(f"status {expected_status}", met=status == expected_status, got=status)
        for name, value in expected.items():
            got = answer.get(name) if isinstance(answer, dict) else None
            self.note(f"{name} {shown(value)}", met=got == value, got=got)
        return answer


def answered(request: Request) -> tuple[int, Any]:
    """Status and JSON of the answer, whatever the status."""
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310  # as above
            return response.status, parsed(response.read())
    except HTTPError as refusal:
        with refusal:
            return refusal.code, parsed(refusal.read())


def parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")


def shown(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, ensure_ascii=False, default=str)


def laid_out(value: object, indent: str) -> str:
    """JSON for people: what fits on one line is on one, the rest with a line for each member."""
    line = shown(value)
    if len(indent) + len(line) <= LINE_LENGTH or not isinstance(value, dict | list):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        members = [f"{shown(name)}: {laid_out(member, inner)}" for name, member in value.items()]
    else:
        members = [laid_out(member, inner) for member in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f",\n{inner}".join(members).join((f"{opening}\n{inner}", f"\n{indent}{closing}"))
