"""What is derived from the ledger, and can be made from it again."""
