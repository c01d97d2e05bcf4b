"""What only the domain can see in the drawing of a module: chips, rows, opening and filler that do not fit together."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np

from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars.assemblies._connections import rows
from yieldopt_pillars.assemblies._making import Making, Own
from yieldopt_pillars.assemblies._module_design import ModuleDesign
from yieldopt_pillars.parts.joint import natural_height
from yieldopt_pillars.parts.solder_volume import ball_volume
from yieldopt_pillars.parts.underfill import GRAINS


def geometry(inputs: Inputs, making: Making) -> list[Mistake]:
    """Refuse bodies that do not fit as drawn; `making` is that of the joints."""
    gap = between(inputs, making)
    found = [*_array(inputs), *_filler(inputs, gap)]
    if inputs.options["stacking"] == "face_up":
        return [*found, *_row(inputs, "wire_inset", "wire_pitch", "wire_pad", 2)]
    found += _row(inputs, "bump_inset", "bump_pitch", "bump_opening", 3)
    return [*found, *(_opening(inputs) if inputs.options["opening"] == "through" else _hanging(inputs, gap))]


def between(inputs: Inputs, making: Making) -> float:
    """Gap between the two chips where every joint is as drawn, um."""
    design = ModuleDesign(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})
    if making.found:
        return float(design.found_standoff)
    still: Any = SimpleNamespace(solder=jnp.zeros(()), diameter=jnp.zeros(()))
    below = design.pillar_height + design.nickel_height + making.facing(design)
    if making.pressed and not making.by_force:
        return float(below + making.contact(design, still) - design.melt_travel + design.cooling_travel)
    made = making.made(design, {"diameter": design.pillar_diameter, **making.average(design, still)}, Own.average())
    return float(below + natural_height(made.pad_radius, made.pillar_radius, made.volume))


def _array(inputs: Inputs) -> Iterator[Mistake]:
    """Joints beyond chip 2's edge."""
    design, bumps = inputs.design, inputs.bump_map
    if bumps is None or not len(bumps.x):
        return
    for places, side in ((bumps.x, "width"), (bumps.y, "length")):
        need = 2.0 * float(np.max(np.abs(places))) + max(design["pillar_diameter"], design["pad_opening"])
        if design[f"chip2_{side}"] < need:
            do = f"Raise design.chip2_{side} to {need:g} um, or make the bump map smaller."
            got = f"{design[f'chip2_{side}']:g} um"
            yield Mistake(f"a chip 2 as large as its joints, {need:g} um", got, do, f"design.chip2_{side}")


def _row(inputs: Inputs, inset: str, pitch: str, width: str, least: int) -> Iterator[Mistake]:
    """Chip 2 against the row along chip 1's edges, and the row against itself."""
    design, what = inputs.design, "bumps" if width == "bump_opening" else "wire pads"
    claim = "P27" if what == "bumps" else "P23"
    for side in ("width", "length"):
        free = design[f"chip1_{side}"] - 2.0 * design[inset] - design[width]
        if design[f"chip2_{side}"] >= free:
            do = f"Lower design.chip2_{side} or design.{inset}, or raise design.chip1_{side}."
            got = f"{design[f'chip2_{side}']:g} um"
            expected = f"a chip 2 inside the free area of chip 1, {free:g} um between its {what} (claim {claim})"
            yield Mistake(expected, got, do, f"design.chip2_{side}")
    if design[inset] < 0.5 * design[width]:
        do = f"Raise design.{inset} to {0.5 * design[width]:g} um."
        yield Mistake(f"{what} inside the edge of chip 1", f"{design[inset]:g} um", do, f"design.{inset}")
    if design[width] >= design[pitch]:
        do = f"Lower design.{width} or raise design.{pitch}."
        yield Mistake(
            f"{what} narrower than their pitch, {design[pitch]:g} um", f"{design[width]:g} um", do, f"design.{width}"
        )
    count = len(rows(*(design[name] for name in ("chip1_width", "chip1_length", inset, pitch))).x)
    if count < least:
        do = f"Lower design.{pitch} or raise design.chip1_width."
        yield Mistake(
            f"{least} {what} at least along chip 1's edges (claim {claim})", f"{count}", do, f"design.{pitch}"
        )


def _opening(inputs: Inputs) -> Iterator[Mistake]:
    """An opening that takes chip 2 in and leaves the carrier under the bumps."""
    design = inputs.design
    for side in ("width", "length"):
        wide, chip2 = design[f"opening_{side}"], design[f"chip2_{side}"]
        most = design[f"chip1_{side}"] - 2.0 * design["bump_inset"] - design["bump_opening"]
        if wide <= chip2:
            do = f"Raise design.opening_{side} above that, or lower design.chip2_{side}."
            yield Mistake(
                f"an opening wider than chip 2, {chip2:g} um (claim P26)", f"{wide:g} um", do, f"design.opening_{side}"
            )
        elif wide >= most:
            do = f"Lower design.opening_{side}, or move the bumps out: design.bump_inset."
            yield Mistake(
                f"an opening between the bumps, below {most:g} um", f"{wide:g} um", do, f"design.opening_{side}"
            )


def _hanging(inputs: Inputs, gap: float) -> Iterator[Mistake]:
    """Without an opening chip 2 with its joints hangs between chip 1 and the carrier."""
    design = inputs.design
    need = gap + design["substrate_thickness"] + inputs.limits.get("rear_clearance", (0.0, 0.0))[0]
    tall = bump_height(design)
    if tall <= need:
        expected = f"bumps taller than chip 2, its joints and the clearance beneath it, {need:.4g} um together"
        do = "Raise design.bump_ball, thin chip 2 (design.substrate_thickness), or set options.opening to through."
        yield Mistake(expected, f"{tall:.4g} um", do, "design.bump_ball")


def bump_height(design: dict[str, float]) -> float:
    """Of an average bump where nothing presses it, um."""
    radius = 0.5 * design["bump_opening"]
    return float(natural_height(radius, radius, ball_volume(design["bump_ball"])))


def _filler(inputs: Inputs, gap: float) -> Iterator[Mistake]:
    if inputs.options["encapsulant"] != "underfill":
        return
    hangs = inputs.options["stacking"] == "face_down" and inputs.options["opening"] == "none"
    rear = bump_height(inputs.design) - gap - inputs.design["substrate_thickness"] if hangs else gap
    need, least = GRAINS * inputs.design["filler_size"], min(gap, max(rear, 0.0))
    if least <= need:
        do = "Lower design.filler_size, or widen the gap: taller pillars or bumps, a thinner chip 2."
        expected = f"a gap of over three of the filler's largest grains, {need:g} um (claim P28)"
        yield Mistake(expected, f"{least:.4g} um", do, "design.filler_size")
