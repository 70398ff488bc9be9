"""Users that are nobody's login: a plain model of the host."""

from django.db import models


class Person(models.Model):
    name = models.CharField(max_length=100)

    class Meta:
        app_label = "people"

    def __str__(self) -> str:
        return self.name
