"""When a user of the host is deleted, the link goes; the customer and its books stay."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.signals import pre_delete

from billable.customers.models import UserLink
from billable.customers.subjects import user_model
from billable.db.units import write_alias


def forget_user(sender: type[models.Model], instance: models.Model, **kwargs: Any) -> None:
    """Remove the link of a user that is about to be deleted; a receiver of pre_delete."""
    UserLink.objects.using(write_alias()).filter(user=instance.pk).delete()


def watch_users() -> None:
    """Watch the user model and its proxies. Not a cascade: that would look for the links in the users' database."""
    for model in apps.get_models():
        if issubclass(model, user_model()):
            pre_delete.connect(forget_user, sender=model, dispatch_uid=f"billable.forget.{model._meta.label}")
