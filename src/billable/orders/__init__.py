"""Orders and the money that arrives for them."""
