"""What an engineer sets on lines over the passivation, and what then scatters: knobs and spreads of a middling line."""

import equinox as eqx
from jax import Array

from yieldopt.knob import knob, spread


class TraceDesign(eqx.Module):
    """One recipe for every level (um, s, uA/um2)."""

    passivation_opening_width: Array = knob(15, 0.5, 20, "um", "mask", "widest side of the passivation's openings")
    passivation_thickness: Array = knob(1.0, 0.2, 3, "um", "mask", "of the passivation: how deep its openings are")
    undercoat_thickness: Array = knob(5, 1, 30, "um", "mask", "undercoat: dielectric between passivation and seed")
    via_width: Array = knob(35, 1, 110, "um", "mask", "undercoat: diameter of its via openings")
    dielectric_thickness: Array = knob(8, 1, 100, "um", "mask", "levels: dielectric between two of them, in the field")
    upper_via_width: Array = knob(35, 1, 200, "um", "mask", "levels: diameter of the vias between two of them")
    land_width: Array = knob(60, 2, 400, "um", "mask", "diameter of the land that a line has over and under a via")
    trace_width: Array = knob(20, 1, 10000, "um", "mask", "of a line")
    trace_pitch: Array = knob(40, 2, 20000, "um", "mask", "of lines side by side: width and space together")
    trace_length: Array = knob(1500, 1, 1e6, "mm", "mask", "of the longest line")
    seed_thickness: Array = knob(0.4, 0.02, 3, "um", "recipe", "seed on open faces")
    resist_height: Array = knob(10, 1, 150, "um", "mask", "plating resist")
    plated_thickness: Array = knob(5, 0.5, 60, "um", "recipe", "metal plated on the seed, amid other lines")
    plating_current: Array = knob(2e-4, 1e-5, 3e-3, "A/dm2", "recipe", "current density; sets the plating time")
    loading: Array = knob(0.1, 0, 1, "", "tolerance", "how much thicker a line plates that stands alone, relative")
    crowding_reach: Array = knob(300, 1, 20000, "um", "tolerance", "over which a plating current evens out")
    over_etch: Array = knob(1.5, 1, 4, "", "recipe", "seed etch over what the drawn seed needs")
    undercut_ratio: Array = knob(1.2, 0.5, 5, "", "tolerance", "of the seed etch: sideways over down")
    planarisation: Array = knob(0.7, 0, 1, "", "tolerance", "of a spun dielectric over a line")
    overcoat_thickness: Array = knob(7, 1, 100, "um", "recipe", "overcoat: over the last level, in the field")
    node_opening: Array = knob(170, 2, 500, "um", "mask", "overcoat: diameter of its openings")
    node_land: Array = knob(200, 2, 600, "um", "mask", "overcoat: diameter of the land under an opening")


class TraceSpreads(eqx.Module):
    """One sigma of everything that scatters, by parent, quantity and level; a line's level draws its own."""

    width_level: Array = spread(0.3, "um", "level.trace_width.wafer", "width in the resist, wafer to wafer")
    width_trace: Array = spread(0.15, "um", "level.trace_width.trace", "mean width of a line against the others")
    narrow_trace: Array = spread(0.4, "um", "level.narrowest.trace", "narrowest place of a line, or of a space")
    plated_lot: Array = spread(0.1, "um", "level.plated_thickness.lot", "plated thickness, lot to lot")
    plated_level: Array = spread(0.12, "um", "level.plated_thickness.wafer", "plated thickness, wafer to wafer")
    plated_die: Array = spread(0.08, "um", "level.plated_thickness.die", "smooth field over a die, rms")
    plated_trace: Array = spread(0.05, "um", "level.plated_thickness.trace", "a line against the others")
    seed_level: Array = spread(0.04, "%", "level.seed.wafer", "seed thickness, relative")
    seed_space: Array = spread(0.05, "%", "level.seed.space", "seed that is left at the slowest place, relative")
    resist_level: Array = spread(0.25, "um", "level.resist_height.wafer", "resist height, wafer to wafer")
    etch_level: Array = spread(0.08, "%", "level.etch.wafer", "seed etched, relative")
    hole_level: Array = spread(0.8, "um", "level.via_width.wafer", "width of vias, wafer to wafer")
    hole_via: Array = spread(0.4, "um", "level.via_width.via", "width of a via or node against the others")
    dielectric_level: Array = spread(0.04, "%", "level.dielectric.wafer", "thickness of the dielectric, relative")
    overlay_level: Array = spread(1.0, "um", "level.overlay.wafer", "mask on mask, per axis")
    place_via: Array = spread(0.3, "um", "level.place.via", "a via's or node's own place, per axis")
    overlay_node: Array = spread(3.0, "um", "overcoat.overlay.wafer", "node openings over the last level, per axis")
    cover_wafer: Array = spread(0.2, "um", "overcoat.thickness.wafer", "dielectric over the last level")
    cover_trace: Array = spread(0.1, "um", "overcoat.thickness.trace", "the same over one line")
