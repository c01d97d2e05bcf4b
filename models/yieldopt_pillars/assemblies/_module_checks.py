"""What only the domain can see in a study of a module: parts left out, bodies that do not fit, solders that melt."""

from collections.abc import Iterator

import numpy as np

from yieldopt import units
from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _peripheral_bumps, _wire_pads
from yieldopt_pillars.assemblies._connections import rows
from yieldopt_pillars.parts.joint import natural_height
from yieldopt_pillars.parts.solder_volume import ball_volume
from yieldopt_pillars.parts.underfill import GRAINS


def _of_class(*classes: str) -> tuple[str, ...]:
    return tuple(n for n in materials.names("body") if set(classes) & set(materials.material(n).classes))


CARRIERS = _of_class("substrate", "lead frame")
SUBSTRATES = _of_class("substrate")
FORMS = {"capped": ("none", "paste"), "into_solder": ("paste", "bump", "ball"), "plain": ("none",)}
"""What `options.chip2_solder` may be with each joint."""


def choices(inputs: Inputs) -> list[Mistake]:
    """Refuse choices that speak of a part that another choice leaves out."""
    return [*_joint(inputs.options), *_stacking(inputs.options), *_carrier(inputs), *_absent(inputs)]


def _joint(options: dict[str, str]) -> Iterator[Mistake]:
    kind, form = options["joint"], options["chip2_solder"]
    if form not in FORMS[kind]:
        do = f"Set options.chip2_solder to {FORMS[kind][0]}, or options.joint to what has {form} on chip 2."
        kinds = " or ".join(FORMS[kind])
        yield Mistake(f"{kinds} on chip 2, with options.joint: {kind}", form, do, "options.chip2_solder")
    for name, other in (("standoff", "found"), ("solder_on", "chip2")):
        if kind != "plain" and options[name] == other:
            do = f"Set options.joint to plain, or leave options.{name} out."
            yield Mistake(f"options.{name}: {other} with joints whose making is left open", kind, do, f"options.{name}")


def _stacking(options: dict[str, str]) -> Iterator[Mistake]:
    if options["opening"] == "through" and options["stacking"] == "face_up":
        do = "Set options.stacking to face_down, or options.opening to none."
        yield Mistake(
            "an opening under a chip 2 that hangs from chip 1", "options.stacking: face_up", do, "options.opening"
        )
    if options["stacking"] == "face_down" and options["order"] == "carrier_first" and options["opening"] == "none":
        do = "Set options.order to pillars_first, or options.opening to through."
        yield Mistake("chip 2 joined before chip 1 closes over it", "options.order: carrier_first", do, "options.order")


def _carrier(inputs: Inputs) -> Iterator[Mistake]:
    carrier, substrate = inputs.materials["carrier"], inputs.materials["substrate"]
    asked = carrier if carrier in SUBSTRATES else "none"
    if substrate != asked:
        why = "which is a substrate" if carrier in SUBSTRATES else "which is a lead frame and has none"
        do = f"Write materials.substrate: {asked}, or change materials.carrier."
        yield Mistake(f"the substrate of the carrier, {carrier}, {why}", substrate, do, "materials.substrate")


def _absent(inputs: Inputs) -> Iterator[Mistake]:
    """Limits and defects on what this module has not."""
    options, needs = inputs.options, dict[str, str]()
    if options["encapsulant"] != "underfill":
        needs |= dict.fromkeys(("bleed_clear", "fill_left", "filler_room"), "encapsulant: underfill")
    if options["opening"] != "through":
        needs["opening_clearance"] = "opening: through"
    other, names = ("face_down", _peripheral_bumps.RESPONSES)
    if options["stacking"] == "face_down":
        other, names = ("face_up", _wire_pads.RESPONSES)
    needs |= dict.fromkeys(
        (*names, *(one.population for one in names.values() if one.population)), f"stacking: {other}"
    )
    if options["joint"] != "into_solder":
        needs |= dict.fromkeys(("sink", "displaced"), "joint: into_solder")
    needs |= {f"{form}_height": f"chip2_solder: {form}" for form in ("bump", "ball") if options["chip2_solder"] != form}
    for section, asked in (("limits", inputs.limits), ("defects", inputs.defects)):
        for name in asked:
            if name in needs:
                do = f"Remove it, or set options.{needs[name]}."
                yield Mistake(
                    "what this module has", f"{section}.{name}, which goes with {needs[name]}", do, f"{section}.{name}"
                )


def geometry(inputs: Inputs, gap: float) -> list[Mistake]:
    """Refuse bodies that do not fit as drawn; `gap` is that between the two chips, um."""
    found = [*_array(inputs), *_filler(inputs, gap)]
    if inputs.options["stacking"] == "face_up":
        return [*found, *_row(inputs, "wire_inset", "wire_pitch", "wire_pad", 2)]
    found += _row(inputs, "bump_inset", "bump_pitch", "bump_opening", 3)
    return [*found, *(_opening(inputs) if inputs.options["opening"] == "through" else _hanging(inputs, gap))]


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


def melting(inputs: Inputs) -> list[Mistake]:
    """Refuse bumps that do not melt at their own peak, and a first solder that a later step melts again."""
    design, options = inputs.design, inputs.options
    pillars = [_solder(inputs, r) for r in ("solder", *(["paste"] if options["chip2_solder"] == "paste" else []))]
    if options["joint"] != "capped":
        pillars = pillars[:1]
    if options["stacking"] == "face_up":
        first, hot, step, path = (
            pillars,
            design["mount_temperature"],
            "cure of the die attach",
            "design.mount_temperature",
        )
        return [] if options["order"] == "carrier_first" else _again(first, hot, step, path, options)
    bump, found = _solder(inputs, "bump_solder"), list[Mistake]()
    if bump.liquidus is None or bump.liquidus >= design["bump_peak"]:
        do = f"Raise design.bump_peak above the liquidus of {bump.name}, by 20 to 40 K, or choose another solder."
        expected = "a peak temperature at which the bumps are liquid"
        found.append(Mistake(expected, _celsius(design["bump_peak"]), do, "design.bump_peak"))
    if options["order"] == "carrier_first":
        return found + _again(
            [bump], design["peak_temperature"], "reflow of the pillars", "design.peak_temperature", options
        )
    return found + _again(pillars, design["bump_peak"], "reflow of the bumps", "design.bump_peak", options)


def _again(first: list[materials.Material], hot: float, step: str, path: str, options: dict[str, str]) -> list[Mistake]:
    if options["second_reflow"] == "held":
        return []
    return [
        Mistake(
            f"a solder joined first that stays solid in the {step}, or is held",
            f"{solder.name}, which starts to melt at {_celsius(solder.solidus or 0.0)}, in {_celsius(hot)}",
            f"Lower {path}, choose solders that melt in that order, change options.order, or write "
            "options.second_reflow: held where a fixture or a cured underfill holds it.",
            path,
        )
        for solder in first
        if solder.solidus is None or solder.solidus <= hot
    ]


def _celsius(kelvin: float) -> str:
    return units.format(kelvin, "degC", 4)


def _solder(inputs: Inputs, role: str) -> materials.Material:
    return materials.material(inputs.materials[role], f"materials.{role}")
