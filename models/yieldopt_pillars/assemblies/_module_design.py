"""What an engineer sets on a module beside its pillars, and what then scatters: chips, carrier, wires, bumps, filling.

Chip 2 is the body that joints call the substrate: `substrate_thickness` and what else names it is chip 2's, as all
`substrate.` spreads are of chip 2's pads. Placement (`bonder`, `placement_x`) is of chip 2 on chip 1; what puts chip 1
on its carrier is the `mounter`.
"""

from jax import Array

from yieldopt.knob import knob, spread
from yieldopt_pillars.assemblies.capped_pillar import CappedDesign, CappedSpreads
from yieldopt_pillars.assemblies.pillar_into_solder import SunkDesign, SunkSpreads
from yieldopt_pillars.assemblies.pillar_joint import FoundDesign, FoundSpreads


class ModuleDesign(CappedDesign, SunkDesign, FoundDesign):
    """The joints between the chips in any of their makings, and what is around them (um, K, s, N/m, MPa s)."""

    substrate_thickness: Array = knob(
        100, 20, 2000, "um", "mask", "of chip 2: its stiffness, and how far it stands out"
    )
    warpage: Array = knob(1, -20, 20, "um", "recipe", "chip 1 against chip 2 at melting, corner above centre")
    chip1_width: Array = knob(8000, 500, 50000, "um", "mask", "chip 1 along x")
    chip1_length: Array = knob(8000, 500, 50000, "um", "mask", "chip 1 along y")
    chip2_width: Array = knob(5000, 100, 50000, "um", "mask", "chip 2 along x")
    chip2_length: Array = knob(5000, 100, 50000, "um", "mask", "chip 2 along y")
    carrier_thickness: Array = knob(300, 50, 5000, "um", "mask", "of the carrier")
    carrier_x: Array = knob(0, -100, 100, "um", "recipe", "mean placement offset of chip 1 on the carrier along x")
    carrier_y: Array = knob(0, -100, 100, "um", "recipe", "mean placement offset of chip 1 on the carrier along y")
    mount_temperature: Array = knob(448.15, 290, 500, "degC", "recipe", "face up: where the die attach cures, flat")
    wire_inset: Array = knob(120, 20, 2000, "um", "mask", "face up: middle of the wire pads inside chip 1's edge")
    wire_pitch: Array = knob(500, 30, 20000, "um", "mask", "face up: of the wire pads along an edge")
    wire_pad: Array = knob(70, 20, 200, "um", "mask", "face up: side of a wire pad")
    capillary_tip: Array = knob(110, 30, 300, "um", "tolerance", "face up: diameter of the capillary's tip")
    capillary_cone: Array = knob(0.2618, 0, 0.6, "deg", "tolerance", "face up: half angle of the capillary's cone")
    wire_diameter: Array = knob(25, 10, 75, "um", "mask", "face up: of the wire")
    loop_height: Array = knob(130, 40, 400, "um", "recipe", "face up: top of the loop over its pad")
    wire_span: Array = knob(1000, 200, 6000, "um", "mask", "face up: from a wire pad to its second bond")
    attach_thickness: Array = knob(25, 2, 150, "um", "recipe", "face up: of the die attach under chip 1")
    bump_inset: Array = knob(300, 20, 2000, "um", "mask", "face down: middle of the bumps inside chip 1's edge")
    bump_pitch: Array = knob(500, 50, 20000, "um", "mask", "face down: of the bumps along an edge")
    bump_opening: Array = knob(260, 20, 800, "um", "mask", "face down: diameter of a bump's opening on either side")
    bump_ball: Array = knob(280, 20, 1000, "um", "recipe", "face down: diameter of the ball that a bump is made of")
    bump_peak: Array = knob(453.15, 400, 650, "degC", "recipe", "face down: highest temperature of the bumps' reflow")
    carrier_warpage: Array = knob(10, -100, 100, "um", "recipe", "face down: chip 1 against carrier, as `warpage`")
    opening_width: Array = knob(5300, 100, 60000, "um", "mask", "opening: along x")
    opening_length: Array = knob(5300, 100, 60000, "um", "mask", "opening: along y")
    filler_size: Array = knob(5, 0.1, 100, "um", "tolerance", "underfill: largest grain of its filler")
    viscosity: Array = knob(5e-8, 1e-9, 1e-5, "Pa*s", "recipe", "underfill: as it is dispensed")
    fill_tension: Array = knob(0.03, 0.005, 0.1, "N/m", "tolerance", "underfill: surface tension")
    fill_angle: Array = knob(0.349, 0, 1.4, "deg", "tolerance", "underfill: contact angle on both faces")
    pot_life: Array = knob(120, 1, 1e5, "s", "tolerance", "underfill: how long it stays as thin as that once warm")
    bleed: Array = knob(150, 0, 2000, "um", "recipe", "underfill, face up: fillet and bleed beyond chip 2's edge")


class ModuleSpreads(CappedSpreads, SunkSpreads, FoundSpreads):
    """Of what is around the joints besides; of a stacking or a part that a module has not, nothing is drawn."""

    cut2: Array = spread(4.0, "um", "chip2.edge.cut", "each side of chip 2 as diced")
    edge2: Array = spread(2.0, "um", "chip2.edge.place", "chipping, from place to place along a side")
    thickness2: Array = spread(2.0, "um", "chip2.thickness.wafer", "chip 2 as ground")
    cut1: Array = spread(4.0, "um", "chip.edge.cut", "face up: each side of chip 1 as diced")
    bond_place: Array = spread(1.2, "um", "wire_bonder.place.bond", "face up: a ball on its pad, across the edge")
    loop: Array = spread(6.0, "um", "wire_bonder.loop.wire", "face up: height of a loop")
    bleed_unit: Array = spread(20.0, "um", "encapsulant.bleed.unit", "face up: fillet and bleed of a unit")
    bleed_pad: Array = spread(10.0, "um", "encapsulant.bleed.pad", "face up: the front from pad to pad")
    carrier_place: Array = spread(4.0, "um", "mounter.place.placement", "face down: chip 1 on the carrier, per axis")
    carrier_turn: Array = spread(5.236e-4, "deg", "mounter.rotation.placement", "face down: chip 1 on the carrier")
    carrier_residual: Array = spread(3.0, "um", "mounter.residual.unit", "face down: left by the bumps' self-alignment")
    carrier_pads: Array = spread(10.0, "um", "carrier.registration.panel", "face down: openings against pads, per axis")
    carrier_warp: Array = spread(5.0, "um", "carrier.warpage.unit", "face down: chip 1 against carrier at melting")
    bump_lot: Array = spread(0.015, "%", "carrier.bump.lot", "face down: solder of a bump, lot to lot, relative")
    bump_own: Array = spread(0.04, "%", "carrier.bump.bump", "face down: solder of a bump against the others, relative")
    bump_pad: Array = spread(2.0, "um", "carrier.pad_height.pad", "face down: a carrier's pad against its neighbours")
    bump_place: Array = spread(2.0, "um", "carrier.pattern.bump", "face down: a bump's own place, per axis")
    opening_size: Array = spread(10.0, "um", "carrier.opening.panel", "opening: either side, as cut")
    opening_shift: Array = spread(15.0, "um", "carrier.opening_place.panel", "opening: against the pads, per axis")
