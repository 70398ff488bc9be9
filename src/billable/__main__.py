"""``python -m billable`` is the console script; without arguments it serves the demo from ``./.billable``."""

from __future__ import annotations

import sys

from billable.server.cli import main, serve_demo

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else serve_demo())
