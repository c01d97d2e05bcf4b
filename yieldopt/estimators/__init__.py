"""Ways to estimate a yield: one method a file, all called with (problem, design, key) and answering an `Estimate`."""
