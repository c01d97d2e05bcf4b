"""System H: lines and vias over the passivation, made by seed, resist, plating, strip and etch; one level or several.

A die of nodes, one net each: a passivation opening, a via over it, a line from there, and as many times over as there
are levels; over the last a dielectric perhaps, with an opening at every node. Every level passes the same steps by the
same recipe, and varies on its own. Nothing floats here: there is no pose.
"""

from itertools import chain
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.spatial import KDTree

from yieldopt.card import Bound, BumpMap, Choice, Inputs, Response
from yieldopt.problem import Defects, Limit, Model, Population, Sites
from yieldopt.typing import Measures
from yieldopt_pillars import materials
from yieldopt_pillars.assemblies import _trace_checks
from yieldopt_pillars.assemblies._trace_design import TraceDesign, TraceSpreads
from yieldopt_pillars.assemblies._traces import LEVELS, Elements, Level, Metal, Spaces, Traces
from yieldopt_pillars.assemblies._vias import Nodes, Vias
from yieldopt_pillars.parts import trace
from yieldopt_pillars.parts.draw import normal, normals

DEFECTS = 1e-6
"""Random defects a line, space, via or node where a study names none: particles in the resist; recalled, 1 ppm."""
NEAR = 1.05
"""Nets within this many pitches run side by side; a grid's diagonal, 1.41 pitches, does not."""
LAMINATE = "silicon oxide/silicon nitride"
"""The usual passivation, from the metal up."""


class Shared(eqx.Module):
    """What the elements of one die share: its levels, and where the openings of the last dielectric lie (um)."""

    levels: tuple[Level, ...]
    cover: Array
    node: Float[Array, "2"]


class PassivationTrace(Model[TraceDesign]):
    """Lines and vias plated over the passivation, one level or several (claims T157-T190)."""

    Design: ClassVar[type[eqx.Module]] = TraceDesign
    Spreads: ClassVar[type[eqx.Module] | None] = TraceSpreads
    needs_bump_map: ClassVar[bool] = True
    responses: ClassVar[dict[str, Response]] = {
        "trace_width": Response("trace", "um", "mean width of a line"),
        "trace_thickness": Response("trace", "um", "seed and plated metal together"),
        "trace_section": Response("trace", "um^2", "section of a line"),
        "resistance": Response("trace", "ohm", "of the longest line, its plated metal alone, at 20 degC"),
        "opening_ratio": Response("trace", "", "narrowest resist opening over its height; too small stays shut"),
        "foot": Response("trace", "um", "narrowest seed that the etch leaves under a line; below 0 it lifts"),
        "headroom": Response("trace", "um", "resist left above the plated metal; below 0 it mushrooms and shorts"),
        "cover": Response("trace", "um", "dielectric above a line of the last level"),
        "space": Response("space", "um", "narrowest resist between two lines: what will part them"),
        "wall_ratio": Response("space", "", "narrowest resist wall over its height; too small falls and shorts"),
        "residue": Response("space", "um", "seed left between two lines; above 0 they are shorted"),
        "landing": Response("via", "um", "by which the wider of a via and what it lands on reaches past the other"),
        "enclosure": Response("via", "um", "by which a line's land reaches past its via"),
        "wall_seed": Response("via", "um", "seed at the foot of a via's wall; too thin does not plate"),
        "via_width": Response("via", "um", "width of a via"),
        "via_excess": Response("via", "um", "via wider than the passivation's opening"),
        "via_section": Response("via", "um^2", "section of a via"),
        "node_landing": Response("node", "um", "by which the land reaches past the opening over it"),
        "dielectric_thickness": Response("", "um", "thinnest dielectric between two levels, in the field"),
        "plating_time": Response("", "s", "of one level, at its current density"),
    }
    own_limits: ClassVar[dict[str, tuple[float, float]]] = {
        "opening_ratio": (0.4, np.inf),
        "foot": (0.0, np.inf),
        "headroom": (0.0, np.inf),
        "cover": (1.0, np.inf),
        "wall_ratio": (0.4, np.inf),
        "residue": (-np.inf, 0.0),
        "landing": (0.0, np.inf),
        "enclosure": (0.0, np.inf),
        "wall_seed": (0.02, np.inf),
        "node_landing": (0.0, np.inf),
    }
    options: ClassVar[dict[str, Choice]] = {
        "levels": Choice(LEVELS, "one", "of metal, each by the same steps"),
        "undercoat": Choice(("none", "opened"), "opened", "dielectric under the first seed, open over the passivation"),
        "overcoat": Choice(
            ("none", "opened", "closed"),
            "opened",
            "dielectric over the last level: open at every node?",
        ),
        "seed_process": Choice(("sputtered", "conformal"), "sputtered", "sputtered seed thins down a wall"),
        "plating": Choice(("electroplated", "electroless"), "electroplated", "current crowds where lines stand alone"),
    }
    materials: ClassVar[dict[str, Choice]] = {
        "passivation": Choice((*materials.names("film"), LAMINATE), LAMINATE, "the passivation"),
        "undercoat": Choice(materials.names("film"), "polyimide", "dielectric under the first seed"),
        "dielectric": Choice(materials.names("film"), "polyimide", "between the levels"),
        "dielectric1": Choice(materials.names("film"), "polyimide", "over the last of one level"),
        "dielectric2": Choice(materials.names("film"), "polyimide", "over the last of two levels"),
        "dielectric3": Choice(materials.names("film"), "polyimide", "over the last of three levels"),
        "seed": Choice(("Ti", "TiW", "Cr", "Cu"), "Ti", "the seed"),
        "plated_metal": Choice(tuple(trace.LINES), "Cu", "the plated metal"),
    }

    metals: tuple[Metal, ...]
    found: dict[str, Elements]
    bounds: tuple[Limit, ...]
    defects: dict[str, Defects]

    @classmethod
    def build(cls, inputs: Inputs) -> "PassivationTrace":
        """Lay out a net at every site of the map, under the study's limits over the model's own."""
        assert inputs.bump_map is not None
        metals = Metal.of(inputs, TraceSpreads(**{name: jnp.asarray(v, float) for name, v in inputs.spreads.items()}))
        found = populations(metals, inputs.bump_map)
        bounds = [_on(found, name, *sides) for name, sides in (cls.own_limits | inputs.limits).items()]
        struck = dict.fromkeys(("trace", "space", "via"), (DEFECTS, np.inf)) | inputs.defects
        defects = {
            name: Defects(*(jnp.asarray(number, float) for number in struck[kind]))
            for name in found
            if (kind := name.rstrip("23")) in struck
        }
        return cls(metals, found, tuple(chain(*bounds)), defects)

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """What only the domain can see: openings and lands that cannot hold each other, plating above the resist."""
        return [*_trace_checks.fits(inputs), *_trace_checks.absent(inputs, _there(inputs))]

    def variation(self, design: Any) -> Shared:
        """Draw every level as it passes down the line, then the dielectric over the last."""
        of = self.metals[0].spreads
        return Shared(
            tuple(Level.draw(of, f"level{metal.rank + 1}_") for metal in self.metals),
            normal("cover", of.cover_wafer),
            normals("node", 2, of.overlay_node),
        )

    def populations(self) -> dict[str, Population[TraceDesign]]:
        """Lines, spaces and vias of every level, and the nodes."""
        return dict(self.found)

    def response(self, design: Any, shared: Shared, pose: Float[Array, " pose"]) -> Measures:
        """How long a level plates, and the thinnest dielectric between two."""
        films = [design.dielectric_thickness * (1.0 + level.dielectric) for level in shared.levels[1:]]
        time = design.plated_thickness / (self.metals[0].rate * design.plating_current)
        return {"plating_time": time} | ({"dielectric_thickness": jnp.min(jnp.stack(films))} if films else {})

    def limits(self) -> tuple[Limit, ...]:
        """The model's own failure modes, level by level, each replaced by the study's where it has one."""
        return self.bounds

    @classmethod
    def drawn(cls, design: Any, inputs: Inputs) -> Measures:
        """What the claims bound, as drawn; of levels and of a dielectric under the seed where there are such."""
        thickness = design.seed_thickness + design.plated_thickness
        found = {
            "passivation_opening_width": design.passivation_opening_width,
            "trace_width": design.trace_width,
            "trace_thickness": thickness,
            "trace_section": design.trace_width * thickness,
        }
        if inputs.options.get("undercoat") == "opened":
            section = 0.25 * jnp.pi * jnp.square(design.via_width)
            found |= {"via_width": design.via_width, "via_section": section}
        if inputs.options.get("levels") != "one":
            found["dielectric_thickness"] = design.dielectric_thickness
        return found

    def claimed(self, bound: Bound) -> tuple[Limit, ...]:
        """An order is read as a difference; of vias the lowest counts (T184), of lines every level."""
        name = "via_excess" if bound.than else bound.quantity
        lowest = {key: p for key, p in self.found.items() if not key.startswith("via") or not p.metal.rank}
        return _on(lowest, name, bound.low, bound.high, bound.claim) if name in self.responses else ()


def populations(metals: tuple[Metal, ...], bumps: BumpMap) -> dict[str, Elements]:
    """Every population of a die: a line and a via a site and a space between neighbours, level by level; the nodes."""
    sites, spaces = Sites.at(bumps.x, bumps.y), between(bumps)
    found: dict[str, Elements] = {}
    for metal in metals:
        end = str(metal.rank + 1) if metal.rank else ""
        found |= {f"trace{end}": Traces(sites, metal), f"via{end}": Vias(sites, metal)}
        found |= {f"space{end}": Spaces(spaces, metal)} if spaces.x.shape[0] else {}
    return found | ({"node": Nodes(sites, metals[-1])} if metals[-1].overcoat == "opened" else {})


def between(bumps: BumpMap, near: float = NEAR) -> Sites:
    """The spaces: midpoints of sites within so many pitches of each other."""
    pairs = KDTree(np.stack([bumps.x, bumps.y], 1)).query_pairs(near * bumps.pitch, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    return Sites.at(0.5 * (bumps.x[first] + bumps.x[second]), 0.5 * (bumps.y[first] + bumps.y[second]))


def _on(found: dict[str, Elements], name: str, low: float, high: float, said: str = "") -> tuple[Limit, ...]:
    """A limit on a response at every level that has it, told apart by level where there are several; or on the die."""
    said = said or name
    if not PassivationTrace.responses[name].population:
        return (Limit.of(said, "", name, low, high),)
    there = [key for key, p in found.items() if name in p.measures]
    return tuple(
        Limit.of(f"{said} {found[key].metal.rank + 1}" if len(there) > 1 else said, key, name, low, high)
        for key in there
    )


def _there(inputs: Inputs) -> set[str]:
    """The responses that a study's options leave in the model."""
    if inputs.bump_map is None:
        return set(PassivationTrace.responses)
    spreads = TraceSpreads()
    found = populations(Metal.of(inputs, spreads), inputs.bump_map)
    films = {"dielectric_thickness"} if inputs.options["levels"] != "one" else set[str]()
    return {name for p in found.values() for name in p.measures} | films | {"plating_time"}


MODEL = PassivationTrace
