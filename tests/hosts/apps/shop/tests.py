"""Tests as a host writes them, run by the host's own ``manage.py test``."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase, TransactionTestCase

from billable.models import LedgerEntry
from billable.services import CatalogService, QuotaService


def use_up():
    user = get_user_model().objects.create(username="anna")
    QuotaService.grant_feature(user, "pdf_export", quantity=1)
    QuotaService.consume_quota(user, "pdf_export")
    return LedgerEntry.objects.count()


class InOneTransaction(TestCase):
    @classmethod
    def setUpTestData(cls):
        CatalogService.create_feature("pdf_export")

    def test_consume(self):
        assert use_up() == 2


class WithRealTransactions(TransactionTestCase):
    def setUp(self):
        CatalogService.create_feature("pdf_export")

    def test_consume(self):
        assert use_up() == 2

    def test_consume_after_the_flush(self):
        assert use_up() == 2

    def test_flush(self):
        use_up()
        call_command("flush", interactive=False, verbosity=0)
        assert not LedgerEntry.objects.exists()
