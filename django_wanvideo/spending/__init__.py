"""Where the credits went, from the ledger alone: tasks, batches and people may be gone."""
