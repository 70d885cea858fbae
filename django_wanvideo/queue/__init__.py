"""Work for RQ: put in the queue after the commit, without ever waiting for Redis."""
