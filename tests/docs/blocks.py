"""The fenced blocks of a Markdown page, and what the comments above them say.

A comment directly above a fence marks the block: ``<!-- no-run: why -->``, ``<!-- file: shop/settings.py -->`` (append
it to that file of the project), ``<!-- background -->`` (a shell block that goes on running), ``<!-- shows -->`` (what
the block before it prints), ``<!-- test-case: Name -->`` (run that TestCase), ``<!-- name: install -->``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"

RUNNABLE = ("python", "pycon", "sh")
DATA = ("json", "text")

_FENCE = re.compile(
    r"(?P<marks>(?:^<!-- [^\n]* -->\n)*)^```(?P<language>\S*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block. ``where`` is its page and line, for messages."""

    page: Path
    line: int
    language: str
    text: str
    marks: dict[str, str]

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def code(self) -> str:
        """Its text, placed so that tracebacks show the page's own line numbers."""
        return "\n" * self.line + self.text


def pages() -> list[Path]:
    """Every page of the documentation, README and ARCHITECTURE included."""
    written = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *written]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    return list(_blocks(page, page.read_text(encoding="utf-8")))


def _blocks(page: Path, text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        marks = dict(_mark(line) for line in found["marks"].splitlines())
        line = text.count("\n", 0, found.start("text"))
        yield Block(page=page, line=line, language=found["language"], text=found["text"], marks=marks)


def _mark(line: str) -> tuple[str, str]:
    name, _, value = line.removeprefix("<!-- ").removesuffix(" -->").partition(": ")
    return name, value
