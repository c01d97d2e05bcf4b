"""Given what a unit's elements share, they are independent: the pass probability is a sum of logs over a field."""
