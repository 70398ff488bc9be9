"""The catalogue: what is sold, for how much, and what the customer gets."""
