"""The embedded project as a WSGI application."""

from __future__ import annotations

from django.core.wsgi import get_wsgi_application

from billable.server.project import choose_settings

choose_settings()
application = get_wsgi_application()
