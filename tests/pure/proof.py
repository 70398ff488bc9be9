"""How the property tests of this folder run: the same examples for everybody, and no clock that fails the slow."""

from hypothesis import settings

proof = settings(max_examples=100, derandomize=True, database=None, deadline=None, print_blob=True)
