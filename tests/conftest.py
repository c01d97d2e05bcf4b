"""The strictest numerics: float64, and a rank promotion is an error; compiled as the command line does."""

import jax

from yieldopt import compiler

compiler.quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_enable_async_dispatch", False)
jax.config.update("jax_platforms", "cpu")
