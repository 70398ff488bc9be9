"""Fields that mean the same on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    # Type checkers know what a CharField holds, null or not; of a subclass they would have to be told.
    KeyField = models.CharField
else:

    class KeyField(models.CharField):
        """Text compared byte for byte: idempotency keys, external ids, payment ids.

        SQLite and PostgreSQL compare so by themselves; MariaDB folds case, accents and trailing spaces unless told
        not to.
        """

        def db_parameters(self, connection: Any) -> dict[str, Any]:
            parameters = super().db_parameters(connection)
            if connection.vendor == "mysql":
                parameters["collation"] = "utf8mb4_nopad_bin"
            return parameters
