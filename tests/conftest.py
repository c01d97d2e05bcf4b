"""The strictest numerics: float64, rank promotion an error; compiled and dispatched as the command line does."""

import jax

from yieldopt import compiler

compiler.quickly()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_cpu_enable_async_dispatch", False)
jax.config.update("jax_platforms", "cpu")
