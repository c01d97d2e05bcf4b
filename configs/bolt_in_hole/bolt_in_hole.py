"""Two plates bolted together: every bolt must pass its hole, every dowel its reamed hole without too much play.

A whole model in one file: `yieldopt estimate --model configs/bolt_in_hole/bolt_in_hole.py`. The plates share how the
fixture lays one on the other (two shifts and a turn); every hole has its own position and diameter, every pin its own
diameter. The fixture reaches a hole through the two scalars of `state` alone, so holes are independent given it.
Numbers are in base units (um, rad).
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpyro
from numpyro.distributions import Normal

from yieldopt.card import Response
from yieldopt.knob import knob, spread
from yieldopt.problem import Limit, Model, Population, Sites

BOLT, DOWEL = 6000.0, 10000.0
"""Nominal diameters of the pins, um."""

TINY = 1e-6
"""Added under the root of a distance (um2), which keeps it differentiable at zero and is a thousandth of a um."""


class Design(eqx.Module):
    """What the drawing says."""

    bolt_hole: jax.Array = knob(6300.0, 6100.0, 6600.0, "mm", "mask", "diameter of the bolts' holes")
    dowel_hole: jax.Array = knob(10030.0, 10005.0, 10050.0, "mm", "mask", "diameter of the dowels' holes")
    drilling: jax.Array = knob(45.0, 10.0, 60.0, "um", "tolerance", "sigma of a drilled hole's position, an axis")


class Spreads(eqx.Module):
    """One sigma each, by parent, quantity and level."""

    shift: jax.Array = spread(4.0, "um", "fixture.shift.assembly", "plate on plate, an axis")
    turn: jax.Array = spread(3e-5, "mrad", "fixture.turn.assembly", "plate on plate")
    reaming: jax.Array = spread(4.0, "um", "plate.reaming.hole", "position of a reamed hole, an axis")
    hole: jax.Array = spread(3.0, "um", "plate.diameter.hole", "diameter of a hole")
    pin: jax.Array = spread(2.0, "um", "pin.diameter.piece", "diameter of a bolt or dowel")


class Holes(Population[Design]):
    """Pins in holes on a circle; `dowels` says which kind."""

    sites: Sites
    spreads: Spreads
    dowels: bool = eqx.field(static=True)

    def variation(self, design: Design) -> dict[str, Any]:
        """Draw one hole and its pin."""
        position = self.spreads.reaming if self.dowels else design.drilling
        hole, pin = (design.dowel_hole, DOWEL) if self.dowels else (design.bolt_hole, BOLT)
        return {
            "x": numpyro.sample("x", Normal(0.0, position)),
            "y": numpyro.sample("y", Normal(0.0, position)),
            "hole": numpyro.sample("hole", Normal(hole, self.spreads.hole)),
            "pin": numpyro.sample("pin", Normal(pin, self.spreads.pin)),
        }

    def state(self, design: Design, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        """How far the fixture puts the upper plate's hole from the lower's, um."""
        return {"x": shared["x"] - shared["turn"] * site.y, "y": shared["y"] + shared["turn"] * site.x}

    def response(self, design: Design, state: Any, element: Any) -> dict[str, Any]:
        """Measure one pin in its hole, um."""
        off = jnp.sqrt((state["x"] + element["x"]) ** 2 + (state["y"] + element["y"]) ** 2 + TINY)
        play = element["hole"] - element["pin"]
        return {"dowel_clearance" if self.dowels else "bolt_clearance": 0.5 * play - off, "play": play}


class Plates(Model[Design]):
    """Two plates located by a fixture, eight bolts and two dowels through both."""

    Design: ClassVar[type[eqx.Module]] = Design
    Spreads: ClassVar[type[eqx.Module] | None] = Spreads
    responses: ClassVar[dict[str, Response]] = {
        "bolt_clearance": Response("bolts", "um", "free radius about a bolt, less the holes' offset"),
        "dowel_clearance": Response("dowels", "um", "free radius about a dowel, less the holes' offset"),
        "play": Response("dowels", "um", "diameter of a dowel's hole less that of the dowel"),
    }
    spreads: Spreads

    def variation(self, design: Design) -> dict[str, Any]:
        """Draw how the fixture lays plate on plate."""
        return {
            "x": numpyro.sample("x", Normal(0.0, self.spreads.shift)),
            "y": numpyro.sample("y", Normal(0.0, self.spreads.shift)),
            "turn": numpyro.sample("turn", Normal(0.0, self.spreads.turn)),
        }

    def populations(self) -> dict[str, Population[Design]]:
        """Eight bolts on a circle of 60 mm radius, two dowels across 100 mm."""
        angle = jnp.arange(8) * jnp.pi / 4
        bolts = Sites.at(60e3 * jnp.cos(angle), 60e3 * jnp.sin(angle))
        dowels = Sites.at(jnp.asarray([-50e3, 50e3]), jnp.zeros(2))
        return {"bolts": Holes(bolts, self.spreads, False), "dowels": Holes(dowels, self.spreads, True)}

    def limits(self) -> tuple[Limit, ...]:
        """What makes an assembly scrap."""
        return (
            Limit.of("bolt passes", "bolts", "bolt_clearance", low=0.0),
            Limit.of("dowel passes", "dowels", "dowel_clearance", low=0.0),
            Limit.of("dowel play", "dowels", "play", high=45.0),
        )


MODEL = Plates
