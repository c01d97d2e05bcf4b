"""The strictest numerics: float64, and a rank promotion is an error."""

import jax

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")
