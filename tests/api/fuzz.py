"""Schemathesis against the mounted API: `python -m tests.api.fuzz [examples per operation]`, by hand.

It looks for what no request may cause: a 500, an answer that the OpenAPI document does not declare, a wrong media type.
Schemathesis is not among the test requirements; `uv pip install schemathesis` brings it.
"""

import os
import sys
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def main(examples: int = 30) -> int:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.BILLABLE_SHOW_DOCS = True
    call_command("migrate", verbosity=0)
    known = catalogue()
    failures = 0
    for operation in schema(known).get_all_operations():
        failures += not fuzzed(operation.ok(), known, examples)
    return 1 if failures else 0


def catalogue() -> dict[str, Any]:
    """Something to find: the values that the fuzzer mixes into its own."""
    from billable.services import CatalogService, CustomerRef, CustomerService, OrderService, QuotaService

    CatalogService.create_product("pack10", price="9.99", currency="EUR", features=["pdf_export"], quantity=10)
    CatalogService.create_product("trial", features=["pdf_export"], quantity=3, is_trial=True)
    customer = CustomerService.identify("default", "anna").customer
    (grant,) = QuotaService.grant_feature(customer, "pdf_export", quantity=10**9)
    usage = QuotaService.consume_quota(CustomerRef(external_id="anna"), "pdf_export", quantity=1000)
    order = OrderService.create_order(customer, [{"sku": "pack10"}])
    return {
        "external_id": "anna",
        "feature": "pdf_export",
        "grant_id": str(grant.pk),
        "usage_id": str(usage.pk),
        "order_id": str(order.pk),
        "sku": "pack10",
    }


def schema(known: dict[str, Any]) -> Any:
    import schemathesis
    from django.core.wsgi import get_wsgi_application

    return schemathesis.openapi.from_wsgi("/api/v1/billing/openapi.json", get_wsgi_application())


def aim(case: Any, known: dict[str, Any]) -> None:
    """Let a made-up request name a customer, an order, a feature that exist."""
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            for name in ("customer_id", "user_id", "provider"):
                values.pop(name, None)
            if values is not case.path_parameters and (
                "external_id" in values or "sku" in values or "feature" in values
            ):
                values["external_id"] = "anna"
            values.update({name: known[name] for name in known if name in values})


def fuzzed(operation: Any, known: dict[str, Any], examples: int) -> bool:
    from django.conf import settings
    from hypothesis import HealthCheck, Phase, given
    from hypothesis import settings as hypothesis_settings
    from hypothesis import strategies as st
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as openapi

    checks = [
        not_a_server_error,
        openapi.status_code_conformance,
        openapi.content_type_conformance,
        openapi.response_headers_conformance,
        openapi.response_schema_conformance,
    ]
    headers = {"Authorization": f"Bearer {settings.BILLABLE_API_TOKEN}"}
    seen: dict[int, int] = {}
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @hypothesis_settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=cases, aimed=st.booleans())
    def run(case: Any, aimed: bool) -> None:
        if aimed:
            aim(case, known)
        response = case.call(headers=headers)
        seen[response.status_code] = seen.get(response.status_code, 0) + 1
        case.validate_response(response, checks=checks, headers=headers)

    try:
        run()
    except Exception as error:
        print(f"FAILED {operation.label}: {error}")
        return False
    print(f"{operation.label}: {seen}")
    return True


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
