"""One chip at rest: how far each joint is from the height at which it neither pulls nor pushes, and what it pulls."""

from typing import Any

import jax
import numpy as np
from cases import average, chip, study
from look import BLUE, INK, MUTED, SIGNED, note, over_chip, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars.parts import joint

STRETCH = 8.0
"""Range of the stretch drawn, um to either side."""


def draw() -> Figure:
    """The map on the left, the balance on the right."""
    stretch, force = balance()
    figure, (left, right) = sheet(3.0, (1.15, 1.0))
    placed(left, stretch)
    forces(right, stretch, force)
    return figure


def balance() -> tuple[np.ndarray, np.ndarray]:
    """Stretch of every joint at the solidus (um) and its pull on the chip (uN)."""
    found, (problem, design, tension) = chip(), study()
    joints = problem.model.joints

    @jax.jit
    @jax.vmap
    def one(state: Any, own: Any) -> Any:
        made = joints.making.made(design, state, own)
        natural = joint.natural_height(made.pad_radius, made.pillar_radius, made.volume)
        return state["gap"] - own.height - own.pad - natural, joints.force(design, state, own)["gap"]

    stretch, force = one(found.states, found.own)
    return np.asarray(stretch), tension * np.asarray(force)


def placed(axes: Axes, stretch: np.ndarray) -> None:
    """The bump map, coloured by stretch."""
    found = chip()
    drawn = over_chip(axes, found.x, found.y, stretch, STRETCH)
    bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.85, pad=0.02, extend="both")
    bar.set_label("height less natural, um")
    bar.outline.set_visible(False)
    axes.set(xlabel="x, mm", ylabel="y, mm")


def forces(axes: Axes, stretch: np.ndarray, force: np.ndarray) -> None:
    """Every joint's force against its stretch, on the law of the average joint."""
    one, tension = average(), study()[2]
    along = np.linspace(-STRETCH, STRETCH, 141)
    natural = float(joint.natural_height(*one))
    law = jax.jit(jax.vmap(lambda h: joint.force(*one, h)))(natural + along)
    axes.axhline(0.0, color=MUTED, linewidth=0.6)
    axes.axvline(0.0, color=MUTED, linewidth=0.6)
    axes.plot(along, tension * np.asarray(law), color=BLUE, linewidth=1.2)
    axes.scatter(stretch, force, c=stretch, s=14, cmap=SIGNED, vmin=-STRETCH, vmax=STRETCH, zorder=3, edgecolors=INK,
                 linewidths=0.3)  # fmt: skip
    pull = force > 0
    for row, (word, which) in enumerate((("pull", pull), ("push", ~pull))):
        text = f"{which.sum()} {word}: {force[which].sum() / 1000:+.1f} mN"
        note(axes, 0.98, 0.55 - 0.09 * row, text, ha="right", transform=axes.transAxes)
    note(axes, 0.98, 0.28, "line: the average joint", BLUE, ha="right", transform=axes.transAxes)
    axes.set_xticks([-5.0, 0.0, 5.0, 10.0])
    axes.set(xlabel="height less natural height, um", ylabel="force on the chip, uN", ylim=(-450.0, 350.0))
