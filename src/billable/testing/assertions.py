"""What to assert of somebody's units, and of the books."""

from __future__ import annotations

from billable.services import QuotaService, Subject


def assert_balance(user: Subject, feature: str, expected: int | None) -> None:
    """Fail unless somebody has so many units of a feature now; None is unlimited."""
    check = QuotaService.check_quota(user, feature)
    found = check.balance
    if found != expected:
        raise AssertionError(f"{feature}: {_units(found)} ({check.code}), expected {_units(expected)}")


def assert_no_grants(user: Subject, feature: str | None = None) -> None:
    """Fail when somebody has a grant that is open and not over, of a feature or of any."""
    balances = QuotaService.balances(user, feature=feature)
    left = [f"{each.feature}: {_units(each.balance)}" for each in balances if each.allowed or each.held]
    if left:
        raise AssertionError(f"has {', '.join(left)}")


def assert_books_are_right(user: Subject | None = None) -> None:
    """Fail when ``verify_ledger`` finds anything, in the books of one customer or of all."""
    report = QuotaService.verify_ledger(user)
    if not report.ok:
        raise AssertionError("\n".join(map(str, report.problems)))


def _units(balance: int | None) -> str:
    return "unlimited" if balance is None else str(balance)
