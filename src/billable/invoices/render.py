"""render_invoice and render_invoice_pdf: one template, on a screen and on paper."""

from __future__ import annotations

from uuid import UUID

from django.template.loader import render_to_string

from billable.errors import Misconfigured
from billable.invoices.document import document
from billable.invoices.models import Invoice
from billable.invoices.read import get_invoice

TEMPLATE = "billable/invoice.html"

INVOICE_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
"""The Content-Security-Policy to send with the page of render_invoice: it runs nothing and fetches nothing."""


def render_invoice(invoice: Invoice | UUID | str) -> str:
    """The printable HTML page of a receipt or credit note, by the template ``billable/invoice.html``.

    Whole in itself: no scripts, nothing to fetch. Raises InvoiceNotFound.
    """
    return render_to_string(TEMPLATE, {"document": document(get_invoice(invoice))})


def render_invoice_pdf(invoice: Invoice | UUID | str) -> bytes:
    """The same page as a PDF, on A4. It needs the extra ``pdf``.

    Raises InvoiceNotFound, Misconfigured without WeasyPrint or the Pango libraries that it stands on.
    """
    page = render_invoice(invoice)
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as missing:
        problem = "PDFs need billable's extra 'pdf' (WeasyPrint) and the Pango libraries of the system"
        raise Misconfigured(setting="INSTALLED_APPS", problem=problem) from missing
    # Nothing is fetched, whatever a template of the host says: pictures stand in it as data: addresses.
    fetcher = URLFetcher(allowed_protocols=["data"])
    pdf: bytes = HTML(string=page, url_fetcher=fetcher).write_pdf()
    return pdf
