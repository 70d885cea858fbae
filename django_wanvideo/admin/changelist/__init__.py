"""The list of tasks: which rows a page of it has, how it is narrowed, and what all that is shown adds up to."""
