"""Real processes, each with connections of its own, that meet in the database.

``worker.py`` is such a process, ``crew.py`` starts them, lines them up at a gate and lets them go at once. What they
do is in ``jobs.py``, or is a verb of the front door: ``verb("QuotaService.consume_quota", ref, "credits")``.
"""
