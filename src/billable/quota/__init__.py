"""Quota: what a customer may use and what they used. ``ledger`` is the only writer of grants and entries."""
