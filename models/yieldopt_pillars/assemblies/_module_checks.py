"""What only the domain can see in the choices of a module: parts that others leave out, solders that melt again."""

from collections.abc import Iterator

from yieldopt import units
from yieldopt.card import Inputs
from yieldopt.errors import Mistake
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _peripheral_bumps, _wire_pads


def _of_class(*classes: str) -> tuple[str, ...]:
    return tuple(n for n in materials.names("body") if set(classes) & set(materials.material(n).classes))


CARRIERS = _of_class("substrate", "lead frame")
SUBSTRATES = (*_of_class("substrate"), "none")
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
    asked = carrier if carrier in SUBSTRATES else SUBSTRATES[-1]
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


def melting(inputs: Inputs) -> list[Mistake]:
    """Refuse bumps that do not melt at their own peak, and a first solder that a later step melts again."""
    design, options = inputs.design, inputs.options
    second = options["joint"] == "capped" and options["chip2_solder"] == "paste"
    pillars = [_solder(inputs, role) for role in (("solder", "paste") if second else ("solder",))]
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
