"""What is assembled from parts: one file a system, each with its `MODEL`, found by name as `pillars.<file>`."""
