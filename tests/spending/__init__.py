"""Sums of the ledger."""
