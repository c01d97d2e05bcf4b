"""One piece of physics a file: pure JAX functions of one joint, one bump or one body, without a batch axis."""
