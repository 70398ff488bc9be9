"""``billable serve``: the engine with a Django project of its own around it."""
