"""What an engineer sets on any joint and what then scatters: knobs and spreads, a middling line's values.

`JoinedDesign` is of any bodies that solder joins, `JointDesign` of those with pillars, `PadDesign` of pillars that meet
pads; `JointSpreads` is of every assembly, `PadSpreads` of those with pads. An assembly adds what is its own.
"""

import equinox as eqx
from jax import Array

from yieldopt.knob import knob, spread


class JoinedDesign(eqx.Module):
    """What joins two bodies, and what they are (um, K, s, uA/um2)."""

    warpage: Array = knob(6, -20, 20, "um", "recipe", "chip against substrate at melting, corner above centre")
    solidus_ratio: Array = knob(0.8, 0, 1.2, "", "recipe", "warpage when the solder freezes, over that at melting")
    placement_x: Array = knob(0, -40, 40, "um", "recipe", "mean placement offset along x")
    placement_y: Array = knob(0, -40, 40, "um", "recipe", "mean placement offset along y")
    residual_fraction: Array = knob(0.1, 0, 1, "", "recipe", "share of a placement error that self-alignment leaves")
    receding_angle: Array = knob(
        0.436, 0.262, 0.698, "deg", "tolerance", "of solder that is pulled off its pad or pillar"
    )
    capture_margin: Array = knob(40, 0, 100, "um", "tolerance", "by which pillar and opening must meet at placement")
    peak_temperature: Array = knob(518.15, 400, 650, "degC", "recipe", "highest temperature of the reflow")
    time_above_liquidus: Array = knob(60, 10, 300, "s", "recipe", "time that the solder is liquid")
    ageing_time: Array = knob(0, 0, 1e8, "s", "tolerance", "life in service that a joint must bear, after reflow")
    ageing_temperature: Array = knob(398.15, 300, 475, "degC", "tolerance", "of that life, the solder solid")
    chip_thickness: Array = knob(300, 20, 2000, "um", "mask", "of chip 1: its weight and its stiffness")
    substrate_thickness: Array = knob(500, 20, 5000, "um", "mask", "of chip 2 or substrate: its stiffness")
    melt_travel: Array = knob(3, 0, 40, "um", "recipe", "pressed: how far the head goes on from first contact, molten")
    cooling_travel: Array = knob(0, -20, 20, "um", "recipe", "pressed: how far the head rises until the solder freezes")
    bond_force: Array = knob(0, 0, 5e8, "N", "recipe", "pressed: force of the head")
    head_stiffness: Array = knob(2e7, 0, 1e9, "N/um", "tolerance", "pressed: of the head about its place")
    tool_thickness: Array = knob(5000, 0, 50000, "mm", "tolerance", "pressed: ceramic that backs chip and substrate")
    hold_time: Array = knob(5, 0, 60, "s", "recipe", "pressed: from the end of heating to the release of the chip")
    freezing_time: Array = knob(3, 0, 60, "s", "recipe", "pressed: from the end of heating until the solder is solid")
    run_out: Array = knob(0, -0.005, 0.005, "ppm", "mask", "chip's pattern larger than the substrate's when joined")
    stage_temperature: Array = knob(423.15, 280, 600, "degC", "recipe", "pressed: of the substrate, growth free")
    chip_flat: Array = knob(623.15, 250, 700, "degC", "recipe", "stack: where the chip is flat, its film's cure")
    substrate_film: Array = knob(0, 0, 100, "um", "mask", "stack: metal that the substrate's face has over its back")
    substrate_flat: Array = knob(453.15, 250, 700, "degC", "recipe", "stack: where the substrate is flat, its cure")


class _Pillar(eqx.Module):
    """A copper pillar, with a nickel layer perhaps, on a face with a film (um, A/um2)."""

    pillar_height: Array = knob(45, 1, 100, "um", "recipe", "copper plated on chip 1")
    pillar_diameter: Array = knob(80, 2, 150, "um", "mask", "diameter of the pillar, that of the resist opening")
    resist_height: Array = knob(80, 2, 150, "um", "mask", "plating resist; plating above it mushrooms")
    nickel_height: Array = knob(3, 0.1, 10, "um", "recipe", "nickel between copper and cap")
    pillar_current: Array = knob(1e-3, 1e-4, 3e-3, "A/dm2", "recipe", "current density of the copper; sets its time")
    chip_film: Array = knob(10, 0, 100, "um", "mask", "stack: dielectric over the chip's face")


class JointDesign(JoinedDesign, _Pillar):
    """A pillar and what joins it; its own knobs come first."""


class PadDesign(JointDesign):
    """A pillar that faces a pad in a mask opening."""

    pad_opening: Array = knob(90, 2, 200, "um", "mask", "diameter of the opening over the substrate's pad")


class JointSpreads(eqx.Module):
    """One sigma of everything that scatters, by parent, quantity and level."""

    height_lot: Array = spread(0.4, "um", "chip.pillar_height.lot", "lot to lot")
    height_wafer: Array = spread(0.5, "um", "chip.pillar_height.wafer", "wafer to wafer")
    height_position: Array = spread(0.77, "um", "chip.pillar_height.position", "bowl over the wafer, read at the dies")
    height_die: Array = spread(0.8, "um", "chip.pillar_height.die", "smooth field over a die, rms")
    height_bump: Array = spread(0.6, "um", "chip.pillar_height.bump", "a bump against its neighbours")
    diameter_wafer: Array = spread(0.4, "um", "chip.pillar_diameter.wafer", "resist opening, wafer to wafer")
    diameter_bump: Array = spread(0.45, "um", "chip.pillar_diameter.bump", "resist opening, bump to bump")
    pattern_bump: Array = spread(0.3, "um", "chip.pattern.bump", "a bump's own place, per axis")
    bow_die: Array = spread(1.0, "um", "chip.bow.die", "bow of the chip when its bump tops are measured")
    registration: Array = spread(5.0, "um", "substrate.registration.panel", "mask openings against pads, per axis")
    expansion: Array = spread(1e-4, "ppm", "substrate.expansion.panel", "scale of the pattern, and thermal run-out")
    warpage: Array = spread(2.0, "um", "assembly.warpage.unit", "relative warpage at melting, centre to corner")
    twist: Array = spread(1.0, "um", "assembly.twist.unit", "relative twist at melting, at a corner")
    placement_x: Array = spread(2.5, "um", "bonder.x.placement", "placement along x")
    placement_y: Array = spread(2.5, "um", "bonder.y.placement", "placement along y")
    rotation: Array = spread(5.236e-4, "deg", "bonder.rotation.placement", "placement in rotation")
    residual: Array = spread(1.0, "um", "joint.residual.unit", "left by self-alignment, per axis")
    head_height: Array = spread(0.3, "um", "bonder.height.placement", "pressed: where the head stops")
    head_tilt: Array = spread(0.3, "um", "bonder.tilt.placement", "pressed: head against stage, at the array's edge")
    freezing: Array = spread(0.1, "%", "bonder.freezing.placement", "pressed: time to freeze, relative")


class PadSpreads(JointSpreads):
    """Of pads besides."""

    pad_site: Array = spread(0.5, "um", "substrate.pad_height.site", "smooth field over a site, rms")
    pad_pad: Array = spread(1.7, "um", "substrate.pad_height.pad", "a pad against its neighbours")
