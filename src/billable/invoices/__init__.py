"""Numbered receipts and credit notes."""
