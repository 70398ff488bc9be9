"""Trials, and the fingerprints that keep one person from starting the same trial twice."""
