"""Promotion codes: what takes something off an order, how often, and for whom."""
