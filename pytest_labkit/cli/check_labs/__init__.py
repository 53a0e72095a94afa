"""labkit check-labs: a linter for labs, and the trial runs that prove them."""
