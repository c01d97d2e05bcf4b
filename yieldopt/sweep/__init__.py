"""Many studies that differ in a few values: planned, run on one machine or many, killed and resumed, gathered."""
