"""What only the domain can see in a study of lines and vias: what cannot hold each other, what is not there."""

from yieldopt.card import Inputs
from yieldopt.errors import Mistake


def fits(inputs: Inputs) -> list[Mistake]:
    """Refuse drawn dimensions of which one has to exceed another, and does not."""
    design, options = inputs.design, inputs.options
    opened, several = options["undercoat"] == "opened", options["levels"] != "one"
    orders = [
        ("trace_pitch", "trace_width", "a line narrower than the pitch of lines", True),
        ("resist_height", "plated_thickness", "plated metal within its resist", True),
        ("via_width", "passivation_opening_width", "a via wider than its passivation opening (as T185 has it)", opened),
        ("land_width", "via_width" if opened else "passivation_opening_width", "a land wider than its via", True),
        ("land_width", "upper_via_width", "a land wider than the via between levels", several),
        ("node_land", "node_opening", "a land wider than the node opening over it", options["overcoat"] == "opened"),
    ]
    found = [_order(design, larger, smaller, what) for larger, smaller, what, asked in orders if asked]
    films = [("dielectric_thickness", several), ("overcoat_thickness", options["overcoat"] != "none")]
    found += [_film(design, name) for name, asked in films if asked]
    lands = [("land_width", True), ("node_land", options["overcoat"] == "opened")]
    found += [_land(inputs, name) for name, asked in lands if asked]
    return [mistake for mistake in found if mistake]


def _order(design: dict[str, float], larger: str, smaller: str, what: str) -> Mistake | None:
    if design[larger] > design[smaller]:
        return None
    got = f"design.{smaller} of {design[smaller]:g} um, design.{larger} of {design[larger]:g} um"
    return Mistake(what, got, f"Lower design.{smaller} or raise design.{larger}.", f"design.{smaller}")


def _film(design: dict[str, float], name: str) -> Mistake | None:
    """A dielectric that a line would stand out of, as it is spun."""
    least = design["planarisation"] * design["plated_thickness"]
    if design[name] > least:
        return None
    expected = f"a dielectric that covers its lines: over {least:g} um where planarisation takes so much of it"
    return Mistake(expected, f"{design[name]:g} um", f"Raise design.{name}.", f"design.{name}")


def _land(inputs: Inputs, name: str) -> Mistake | None:
    bumps = inputs.bump_map
    if bumps is None or len(bumps.x) < 2 or inputs.design[name] < bumps.pitch:
        return None
    expected = f"a land below the map's pitch of {bumps.pitch:g} um, so that neighbours stay apart"
    do = f"Lower design.{name} or widen the bump map's pitch."
    return Mistake(expected, f"{inputs.design[name]:g} um", do, f"design.{name}")


def absent(inputs: Inputs, there: set[str]) -> list[Mistake]:
    """Refuse limits on what the options leave out of the model; `there` are the responses that it has."""
    without = {
        "node_landing": "options.overcoat: opened",
        "cover": "options.overcoat: opened or closed",
        "dielectric_thickness": "options.levels: two or three",
    } | dict.fromkeys(("space", "wall_ratio", "residue"), "two sites a pitch apart in the bump map")
    return [
        Mistake(
            f"limits on what the model has: {name} needs {without.get(name, 'options.undercoat: opened')}",
            f"limits.{name} without it",
            f"Remove limits.{name}, or change that.",
            f"limits.{name}",
        )
        for name in inputs.limits
        if name not in there
    ]
