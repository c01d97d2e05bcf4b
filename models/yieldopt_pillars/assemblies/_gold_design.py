"""What an engineer sets on a joint between a gold pad of chip 1 and a contact of chip 2, and what then scatters.

From chip 1's passivation up: a polymer, further metal and a polymer over it, gold on its adhesion layer, a polymer that
leaves the pads open, an under-bump metal, solder 1; on chip 2 contacts with solder 2. Which of them are there is a
choice of the study (`GoldMaking`). Adhesion layers, .1 to .3 um, are left out of all heights.
"""

from jax import Array

from yieldopt.knob import knob, spread
from yieldopt_pillars.assemblies._joint_design import JoinedDesign, PadSpreads


class GoldDesign(JoinedDesign):
    """Pads, lines, polymers and both solders (um); how thick the gold is, an assembly says."""

    pad_diameter: Array = knob(90, 4, 200, "um", "mask", "gold bump pad of chip 1")
    bump_diameter: Array = knob(76, 2, 190, "um", "mask", "under-bump metal, or else opening in the polymer over gold")
    pad_opening: Array = knob(76, 2, 190, "um", "mask", "contact of chip 2 that solder wets")
    line_width: Array = knob(20, 1, 200, "um", "mask", "redistribution line of gold")
    line_pitch: Array = knob(40, 2, 400, "um", "mask", "redistribution lines, centre to centre")
    line_length: Array = knob(500, 10, 20000, "um", "mask", "redistribution line, original pad to bump pad")
    seed_undercut: Array = knob(0.6, 0, 20, "um", "recipe", "of adhesion layers, each side, when they are etched")
    side_etch: Array = knob(0.1, 0, 2, "um", "recipe", "gold taken off each side of a line as its seed is etched")
    ubm_copper: Array = knob(0.5, 0.1, 20, "um", "recipe", "under-bump metal: its copper")
    ubm_nickel: Array = knob(2, 0.1, 10, "um", "recipe", "under-bump metal: its nickel, against the solder")
    resist_height: Array = knob(40, 2, 150, "um", "mask", "resist for what is plated on the bump pads")
    undercoat_thickness: Array = knob(5, 0.5, 50, "um", "recipe", "polymer between passivation and metal")
    overcoat_thickness: Array = knob(5, 0.5, 50, "um", "recipe", "polymer over the gold")
    metal_thickness: Array = knob(3, 0.5, 20, "um", "recipe", "further metal: copper below the gold")
    polymer_thickness: Array = knob(5, 0.5, 50, "um", "recipe", "further metal: polymer between it and the gold")
    metal_share: Array = knob(0.5, 0, 1, "", "mask", "further metal: share of a line's length that runs in it")
    solder1_height: Array = knob(25, 0.5, 100, "um", "recipe", "solder 1 as a pad: plated on the bump pad")
    solder1_ball: Array = knob(80, 5, 300, "um", "recipe", "solder 1 as a ball: diameter before it is attached")
    solder2_height: Array = knob(8, 0.5, 100, "um", "recipe", "solder 2 as a pad: on the contact")
    solder2_ball: Array = knob(60, 5, 300, "um", "recipe", "solder 2 as a ball: diameter before it is attached")
    reflows: Array = knob(3, 1, 10, "", "recipe", "times that the joint is liquid: forming, joining, repairs")
    later_peak: Array = knob(298.15, 250, 650, "degC", "recipe", "of later reflows that must not melt the joint")


class GoldSpreads(PadSpreads):
    """The gold takes the place of pillars; what solder meets on chip 1, that of their diameters."""

    height_lot: Array = spread(0.08, "um", "chip.gold_thickness.lot", "gold, lot to lot")
    height_wafer: Array = spread(0.08, "um", "chip.gold_thickness.wafer", "gold, wafer to wafer")
    height_position: Array = spread(0.1, "um", "chip.gold_thickness.position", "bowl over the wafer, read at the dies")
    height_die: Array = spread(0.1, "um", "chip.gold_thickness.die", "smooth field over a die, rms")
    height_bump: Array = spread(0.08, "um", "chip.gold_thickness.pad", "a pad or line against its neighbours")
    diameter_wafer: Array = spread(0.4, "um", "chip.bump_diameter.wafer", "what solder 1 wets, wafer to wafer")
    diameter_bump: Array = spread(0.4, "um", "chip.bump_diameter.bump", "what solder 1 wets, bump to bump")
    undercoat_die: Array = spread(0.3, "um", "chip.undercoat.die", "each polymer under the gold: smooth field, rms")
    undercut_wafer: Array = spread(0.15, "%", "chip.seed_undercut.wafer", "undercut, relative")
    undercut_line: Array = spread(0.08, "um", "chip.seed_undercut.line", "undercut of a line against others, per side")
    line_wafer: Array = spread(0.2, "um", "chip.line_width.wafer", "lines, wafer to wafer")
    line_own: Array = spread(0.2, "um", "chip.line_width.line", "a line against its neighbours")
    ubm_wafer: Array = spread(0.05, "%", "chip.under_bump_metal.wafer", "thickness of its copper and nickel, relative")
    solder1_die: Array = spread(0.03, "%", "chip.solder1.die", "volume of solder 1 of a die, relative")
    solder1_bump: Array = spread(0.05, "%", "chip.solder1.bump", "volume of solder 1 of a bump, relative")
    solder2_site: Array = spread(0.03, "%", "substrate.solder2.site", "volume of solder 2 of a chip, relative")
    solder2_pad: Array = spread(0.05, "%", "substrate.solder2.pad", "volume of solder 2 of a contact, relative")
