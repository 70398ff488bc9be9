"""Customers: who is billed, the users that act for them and the identities they are known by."""
