"""Throw-away Django projects, made as a newcomer makes one."""

import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT, Block, blocks
from tests.docs.running import SECONDS, clean_environment

RUN_BLOCKS = """\
import sys
sys.path.append({root!r})
import django
django.setup()
from tests.docs.blocks import blocks
from tests.docs.running import run_python, run_session
from pathlib import Path
namespace = {{"__name__": "__console__"}}
wanted = {lines!r}
for block in blocks(Path({page!r})):
    if block.line in wanted:
        print(run_python(block, namespace), end="") if block.language == "python" else run_session(block, namespace)
"""


class Project:
    """A project of ``startproject``, in a folder of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    @classmethod
    def make(cls, folder: Path, name: str = "shop") -> "Project":
        """Run startproject."""
        project = cls(folder, name)
        project.python("-m", "django", "startproject", name, ".")
        return project

    def append(self, block: Block) -> None:
        """Put a block at the end of the file that it names; a new file is made."""
        file = self.folder / block.marks["file"]
        with file.open("a", encoding="utf-8") as stream:
            stream.write("\n" + block.text)

    def manage(self, *arguments: str) -> str:
        """Run manage.py."""
        return self.python("manage.py", *arguments)

    def run(self, *parts: Block) -> str:
        """Run Python blocks of one page, one after another, in one process of the project."""
        lines = [block.line for block in parts]
        return self.python("-c", RUN_BLOCKS.format(root=str(ROOT), lines=lines, page=str(parts[0].page)))

    def python(self, *arguments: str, **variables: str) -> str:
        """Run our interpreter in the project's folder. Returns what it printed, errors included."""
        environment = {**clean_environment(), "DJANGO_SETTINGS_MODULE": f"{self.name}.settings", **variables}
        if "startproject" in arguments:
            del environment["DJANGO_SETTINGS_MODULE"]
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**environment, **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{arguments}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}"
        return ended.stdout + ended.stderr

    variables: dict[str, str] = {}


def readme_block(name: str) -> Block:
    """The block of the README that has this name."""
    (found,) = [block for block in blocks(ROOT / "README.md") if block.marks.get("name") == name]
    return found
