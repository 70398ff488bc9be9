"""What the engine needs of a database: units of work, fields, converters, triggers, the SQLite backend."""
