"""Played inside a host project: how many ledger entries there are."""

import json

import django

django.setup()

from billable.services import QuotaService  # noqa: E402

report = QuotaService.verify_ledger()
print(json.dumps({"entries": report.entries, "problems": [str(problem) for problem in report.problems]}))
