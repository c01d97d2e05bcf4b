"""Given what a unit's elements share, they are independent: the pass probability as a sum of logs over a smooth field."""
