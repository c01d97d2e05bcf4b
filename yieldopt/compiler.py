"""How hard XLA's compiler tries: little where compiling is most of a run, all it can where a program runs for long.

Nothing here touches JAX, which reads the flags when it starts.
"""

import importlib.metadata
import os
from typing import Any

KNOWN = "0.10."
"""Releases of jaxlib whose flags are known, and whose programs were seen to outlive a process."""
LEVEL = "xla_backend_optimization_level"
"""XLA's flag that decides most of how long it compiles."""


def known() -> bool:
    """Whether jaxlib is of a release whose flags and programs are known."""
    return importlib.metadata.version("jaxlib").startswith(KNOWN)


def quickly() -> None:
    """Set XLA's flags, before it starts; what the user set comes after and wins."""
    os.environ["XLA_FLAGS"] = f"{_quick()} {os.environ.get('XLA_FLAGS', '')}".strip()


def _quick() -> str:
    # Compiling is most of a short run, and LLVM's dear passes find little in these programs.
    flags = f"--{LEVEL}=1 --xla_llvm_disable_expensive_passes=true"
    if known():
        # With the newer emitters of fused loops a gradient takes over twice as long; an unknown flag ends the process.
        flags += " --xla_cpu_use_fusion_emitters=false --xla_cpu_opt_preset=FAST_COMPILE"
        # With these, loops that may run at once have waited for each other for ever; so they run in turn.
        flags += " --xla_cpu_enable_concurrency_optimized_scheduler=false"
    return flags


def thoroughly() -> dict[str, Any] | None:
    """Options of one program over those flags: half the time of 10,000 joints counted, for .7 s more of compiling.

    None where the user set the level.
    """
    if not known() or LEVEL in os.environ.get("XLA_FLAGS", "").replace(_quick(), ""):
        return None
    return {
        LEVEL: 3,
        "xla_llvm_disable_expensive_passes": False,
        "xla_cpu_use_fusion_emitters": True,
    }


def plainly() -> dict[str, Any] | None:
    """Options of one program for derivatives of what authors write: without the newer emitters of fused loops.

    With them a value is worked out twice and not alike to the last bit: `min` has then no element that equals it, and
    no gradient.
    """
    return {"xla_cpu_use_fusion_emitters": False} if known() else None
