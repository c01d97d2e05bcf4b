"""Monte Carlo yield and tolerance optimizer; each public module is its own door (`yieldopt.problem`)."""
