"""Monte Carlo yield and tolerance optimizer; each public module is its own door (`from yieldopt.problem import Problem`)."""
