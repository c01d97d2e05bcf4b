"""What only the domain can see in a study of gold pads: layers out of order, lines that touch, too much plated."""

from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars.assemblies import _checks
from yieldopt_pillars.parts import metal_stack


def scheme(inputs: Inputs) -> list[Mistake]:
    """Refuse metal schemes that cannot be made or hold."""
    return [*_plating(inputs), *_stack(inputs), *_lines(inputs)]


def _plating(inputs: Inputs) -> list[Mistake]:
    """Refuse what is plated on a bump pad higher than its resist."""
    metal = ("ubm_copper", "ubm_nickel") if inputs.options.get("under_bump") == "metal" else ()
    solder = ("solder1_height",) if inputs.options.get("solder1_shape") == "pad" else ()
    return _checks.plating(inputs, (*metal, *solder)) if metal or solder else []


def _stack(inputs: Inputs) -> list[Mistake]:
    """Refuse an under-bump metal whose layers are not in the order that works."""
    chosen = inputs.materials["under_bump_metal"]
    right = metal_stack.ordered(chosen)
    if chosen == right or inputs.options.get("under_bump") != "metal":
        return []
    expected = "an under-bump metal with its adhesion layer on the pad, then copper, then nickel (claims P47-P49)"
    return [Mistake(expected, f"{chosen}, from the pad up", f"Write {right}.", "materials.under_bump_metal")]


def _lines(inputs: Inputs) -> list[Mistake]:
    """Refuse lines that would touch or lift off, and bumps wider than their pad."""
    d = inputs.design
    found: list[Mistake] = []
    if d["line_width"] >= d["line_pitch"]:
        expected = f"redistribution lines narrower than their pitch of {d['line_pitch']:g} um (claim P45)"
        do = "Lower design.line_width or raise design.line_pitch."
        found.append(Mistake(expected, f"{d['line_width']:g} um", do, "design.line_width"))
    if 2.0 * d["seed_undercut"] >= d["line_width"]:
        expected = f"an undercut below half of a line, {0.5 * d['line_width']:g} um, so that lines stay on their seat"
        do = "Lower design.seed_undercut or widen design.line_width."
        found.append(Mistake(expected, f"{d['seed_undercut']:g} um a side", do, "design.seed_undercut"))
    if d["bump_diameter"] > d["pad_diameter"]:
        expected = f"a bump within its gold pad of {d['pad_diameter']:g} um (claim P45)"
        do = "Lower design.bump_diameter or raise design.pad_diameter."
        found.append(Mistake(expected, f"{d['bump_diameter']:g} um", do, "design.bump_diameter"))
    return found
