"""Sphinx; `make docs` runs it. Needs no network and no database."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

from billable import __version__  # noqa: E402  # the path comes first

project = "billable"
author = copyright = "billable contributors"
version = release = __version__

extensions = ["myst_parser", "billable_reference"]
exclude_patterns = ["_build", "_ext", "README.md"]
source_suffix = {".md": "markdown"}
root_doc = "index"

myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"billable {__version__}"
html_copy_source = False
html_show_sphinx = False
pygments_style = "default"
