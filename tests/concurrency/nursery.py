"""What every worker begins with, loaded once: workers are forked from a process that imported this file.

That process has the code and the settings, and no connection to anything: each worker opens its own.
"""

import importlib
import os

import django
from django.db import connections

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.concurrency.settings"
try:
    django.setup()
    importlib.import_module("billable.services")
    importlib.import_module("tests.concurrency.jobs")
except ImportError as error:
    # The process that forks workers takes no notice of an ImportError, and would hand out half a project.
    raise RuntimeError("the project of the workers cannot be loaded") from error

for wrapper in connections.all(initialized_only=True):
    assert wrapper.connection is None
    del connections[wrapper.alias]
