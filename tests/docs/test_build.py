"""The pages build without a warning and without a network, and ask nobody else for anything when they are read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, pages
from tests.docs.running import SECONDS

pytestmark = pytest.mark.sqlite

OFFLINE = """\
import socket, sys

def refuse(*args):
    raise OSError("the build must not use the network")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""
# Where a page may send its reader.
KNOWN_HOSTS = {"www.rfc-editor.org", "docs.djangoproject.com"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("furo", reason="this machine has no Sphinx")
    pytest.importorskip("myst_parser", reason="this machine has no Sphinx")
    output = tmp_path_factory.mktemp("docs")
    ended = subprocess.run(
        [sys.executable, "-c", OFFLINE, "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return output


def test_every_page_is_built_and_reached_from_the_index(built: Path) -> None:
    index = (built / "index.html").read_text()
    for page in pages():
        if DOCS in page.parents and page != DOCS / "README.md":
            place = page.relative_to(DOCS).with_suffix(".html")
            assert (built / place).exists()
            assert f'href="{place}"' in index or place.name == "index.html"


def test_the_reference_is_filled_in(built: Path) -> None:
    for page in (DOCS / "reference").glob("*.md"):
        assert "<!-- generated" not in (built / "reference" / f"{page.stem}.html").read_text()
    verbs = (built / "reference" / "verbs.html").read_text()
    assert 'id="verb-consume-quota"' in verbs
    assert 'href="refusals.html#refusal-quotaexceeded"' in verbs


def test_pages_load_nothing_from_elsewhere(built: Path) -> None:
    for page in built.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe|source)[^>]*\bsrc="([^"]+)"', text)
        loaded += re.findall(r'<link[^>]*\brel="(?:stylesheet|icon|preload|shortcut icon)"[^>]*\bhref="([^"]+)"', text)
        assert [address for address in loaded if re.match(r"(?:https?:)?//", address)] == []
        styles = [built / "_static" / name for name in ("styles/furo.css", "basic.css", "pygments.css")]
        assert not any(re.search(r"url\(['\"]?(?:https?:)?//", style.read_text()) for style in styles)


def test_generated_pages_are_not_kept() -> None:
    tracked = subprocess.run(["git", "ls-files", "docs"], cwd=ROOT, capture_output=True, text=True, check=False).stdout

    assert not [name for name in tracked.splitlines() if name.startswith("docs/_build") or name.endswith(".html")]
    assert {"build/", "docs/_build/"} <= set((ROOT / ".gitignore").read_text().splitlines())


def test_make_builds_them_where_the_pages_say() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert re.search(r"^docs: .*\n\t@\$\(PY\) -m sphinx .* docs build/docs$", makefile, re.MULTILINE)
    for page in (DOCS / "README.md", DOCS / "reference" / "index.md"):
        assert "build/docs/index.html" in page.read_text()
        assert "make docs" in page.read_text()


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for address in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose):
        if not address.startswith("http"):
            assert (page.parent / address).exists(), address
    for host in re.findall(r"https?://([^/\s)>:]+)", prose):
        assert host in KNOWN_HOSTS or host in ("127.0.0.1", "localhost"), host
