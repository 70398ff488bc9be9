"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillableConfig(AppConfig):
    """billable: what customers may use, what they used, and what they paid."""

    name = "billable"
    verbose_name = "Billing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from billable import checks  # noqa: F401  # registers the checks
        from billable.customers.departures import watch_users
        from billable.db.append_only import install_after_migrate

        watch_users()
        post_migrate.connect(install_after_migrate, sender=self, dispatch_uid="billable.append_only")
