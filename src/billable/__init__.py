"""billable: a detachable billing engine for Django.

The verbs are in :mod:`billable.services`, the tables in :mod:`billable.models`, the refusals in
:mod:`billable.errors`, the events in :mod:`billable.signals` and the settings in :mod:`billable.conf`.
Importing this package has no side effects.
"""

__version__ = "0.1.0"
