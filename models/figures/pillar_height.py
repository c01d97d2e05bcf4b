"""How pillar heights scatter: a lot, a wafer, a bowl over the wafer, a field over each die, and a bump for itself."""

from typing import Any

import jax
import numpy as np
from cases import sites, study
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpyro.handlers import seed, substitute
from yieldopt_pillars.parts import pillar_height
from yieldopt_pillars.parts.coplanarity import FIELD_MODES

WAFERS = BLUE, ORANGE, GREEN
"""Three wafers of one lot."""
DIES = 10
"""Dies drawn of each, evenly in area."""
SEED = 4
LEVELS = ("lot", "lot"), ("wafer", "wafer"), ("place on wafer", "position"), ("die field", "die"), ("bump", "bump")


def draw() -> Figure:
    """Drawn heights over the wafer, and how much of the variance each level owns."""
    figure, (left, right) = sheet(2.9, (1.5, 1.0))
    wafers(left)
    shares(right)
    return figure


def wafers(axes: Axes) -> None:
    """Every die a bar: thick what its field spans, thin with the bumps' own noise."""
    joints = study()[0].model.joints
    fields, spread = np.asarray(jax.vmap(joints.flatness.field)(*sites())), joints.spreads
    random, along = np.random.default_rng(SEED), np.linspace(0.0, 1.0, 51)
    bowl = np.sqrt(3.0) * float(spread.height_position) * (2.0 * along**2 - 1.0)
    lot = random.normal(0.0, float(spread.height_lot))
    for number, colour in enumerate(WAFERS):
        wafer = random.normal(0.0, float(spread.height_wafer))
        axes.plot(along, lot + wafer + bowl, color=colour, linewidth=1.0)
        for area in (np.arange(DIES) + 0.5) / DIES:
            known = {"pillar_lot": lot, "pillar_wafer": wafer, "wafer_position": area}
            smooth = die(spread, known, fields, int(random.integers(2**31)))
            rough = smooth + random.normal(0.0, float(spread.height_bump), len(smooth))
            place = np.sqrt(area) + 0.012 * (number - 1)  # beside one another
            axes.plot([place, place], [rough.min(), rough.max()], color=colour, linewidth=0.7)
            axes.plot([place, place], [smooth.min(), smooth.max()], color=colour, linewidth=2.6, solid_capstyle="butt")
    axes.axhline(0.0, color=MUTED, linewidth=0.6)
    text = "curve: a wafer's bowl; thick bar: a die's field;\nthin bar: with each bump's own noise"
    note(axes, 0.03, 1.0, text, MUTED, va="top", transform=axes.transAxes)
    axes.set(xlabel="distance from the wafer's centre, over its radius", ylabel="height off nominal, um")
    axes.set(xlim=(-0.01, 1.03), ylim=(-4.8, 6.2))


def die(spread: Any, known: Any, fields: np.ndarray, key: int) -> np.ndarray:
    """Heights of one die's bumps off nominal (um), without their own noise: only its field is drawn."""
    sigmas = spread.height_lot, spread.height_wafer, spread.height_position, spread.height_die
    chip: Any = substitute(seed(pillar_height.chip, key), data=known)(*sigmas, FIELD_MODES)
    return np.asarray(chip.offset + fields @ chip.modes)


def shares(axes: Axes) -> None:
    """One sigma of every level, and of all together."""
    spread = study()[0].model.joints.spreads
    sigmas = [float(getattr(spread, f"height_{field}")) for _, field in LEVELS]
    total = float(np.sqrt(np.sum(np.square(sigmas))))
    names = [name for name, _ in LEVELS] + ["together"]
    colours = [BLUE] * len(sigmas) + [INK]
    rows = np.arange(len(names))
    axes.barh(rows, [*sigmas, total], color=colours, height=0.6)
    for row, sigma in zip(rows, [*sigmas, total], strict=True):
        note(axes, sigma + 0.03, float(row), f"{sigma:.2f}", va="center")
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set(xlabel="one sigma, um", xlim=(0.0, 1.15 * total))
