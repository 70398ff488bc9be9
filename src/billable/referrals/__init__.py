"""Who brought whom, and what both get for it."""
