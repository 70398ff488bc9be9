"""The project of the processes that the concurrency tests start: the suite's, but for what a test run changes."""

from tests.settings import *  # noqa: F403

# A worker is no test run in Django's eyes, but its database is the test database, without triggers.
BILLABLE_APPEND_ONLY = "off"
