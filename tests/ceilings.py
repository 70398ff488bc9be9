"""The ceilings: a file has at most 300 lines of code, a function at most 40.

Docstrings, comments and blank lines are free; migrations and tests are not measured.
`python -m tests.ceilings [directory]` names every file and function above.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

FILE_LINES = 300
FUNCTION_LINES = 40

NOT_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def too_long(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, str(path))
    code = code_lines(source) - docstring_lines(tree)
    if len(code) > FILE_LINES:
        yield f"{path}: {len(code)} lines of code (at most {FILE_LINES})"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = len(code & lines_of(node))
            if length > FUNCTION_LINES:
                where = f"{path}:{node.lineno}: {node.name}"
                yield f"{where} has {length} lines of code (at most {FUNCTION_LINES})"


def code_lines(source: str) -> set[int]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {line for token in tokens if token.type not in NOT_CODE for line in range(token.start[0], token.end[0] + 1)}


def docstring_lines(tree: ast.AST) -> set[int]:
    """Lines of bare strings: docstrings, and the ones that stand below an attribute."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in lines_of(node)
    }


def lines_of(node: ast.stmt) -> set[int]:
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def main(directory: str = "src") -> int:
    files = [path for path in sorted(Path(directory).rglob("*.py")) if "migrations" not in path.parts]
    faults = [fault for path in files for fault in too_long(path)]
    print("\n".join(faults) or f"{len(files)} files are below the ceilings")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
