"""Products bought with units of a feature."""
