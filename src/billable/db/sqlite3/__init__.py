"""``ENGINE = "billable.db.sqlite3"``: Django's SQLite with immediate transactions, WAL and a busy timeout.

Django 5.1 and later can say the same in ``OPTIONS``; 4.2 to 5.0 need this backend.
"""
