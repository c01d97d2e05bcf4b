"""Work of many alike parts dealt out over all devices of a process: each does its parts as one alone would."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
from jax.sharding import AxisType, PartitionSpec


def count() -> int:
    """How many devices this process has to deal out over."""
    return jax.local_device_count()


def over_devices(function: Callable[..., Any], fixed: Any, *parts: Any) -> Any:
    """`function(fixed, *parts)` with the leading axes of the arrays in `parts`, and of what comes, split over devices.

    Those axes are a multiple of `count()` long; all arrays of `fixed` are on every device.
    """
    if count() == 1:
        return function(fixed, *parts)
    mesh = jax.make_mesh((count(),), ("devices",), axis_types=(AxisType.Auto,))
    arrays, rest = eqx.partition(fixed, eqx.is_array)
    whole, split = PartitionSpec(), PartitionSpec("devices")
    run = jax.shard_map(
        lambda given, *own: function(eqx.combine(given, rest), *own),
        mesh=mesh,
        in_specs=(whole, *(split for _ in parts)),
        out_specs=split,
        check_vma=False,  # nothing goes between devices
    )
    return run(arrays, *parts)
