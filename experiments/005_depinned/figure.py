"""Draw what the exact law says beside what Surface Evolver found: python experiments/005_depinned/figure.py"""

import csv

import jax
import matplotlib as mpl
import numpy as np

mpl.use("svg")
import matplotlib.pyplot as plt
import run
from yieldopt_pillars.parts import depinned, joint

COLOURS = dict(zip(run.ANGLES, ("#0072b2", "#1f2933", "#d55e00", "#009e73", "#cc79a7", "#8e98a3"), strict=True))
RATIO, NATURAL = 0.92, 0.6
"""The joint drawn on the left."""


def forces(axes: plt.Axes, rows: np.ndarray) -> None:
    """Force against height: lines the exact law, points Evolver."""
    volume = run.Case(RATIO, NATURAL, 0, 0, 0).volume
    low = float(joint.overhang_height(1.0, RATIO, volume))
    heights = np.linspace(0.4, 1.15, 151) * low
    law = jax.jit(jax.vmap(depinned.solve, (None, None, None, 0, None, None)))
    for (wall, mask), colour in COLOURS.items():
        force = np.asarray(law(1.0, RATIO, volume, heights, np.radians(wall), np.radians(mask)).force)
        axes.plot(heights / low, force, color=colour, linewidth=1.4, label=f"wall {wall}, mask {mask} deg")
        kept = (rows[:, :2] == (RATIO, NATURAL)).all(1) & (rows[:, 3:5] == (wall, mask)).all(1)
        axes.plot(rows[kept, 2] / low, rows[kept, 6], "o", color=colour, markersize=5)
    axes.set(xlabel="height over that of the overhang", ylabel="force over tension and radius", ylim=(-17.5, 3.0))
    axes.set_title(f"Lines: exact; points: Evolver. Ratio {RATIO}, natural height {NATURAL}", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def ways_down(axes: plt.Axes, rows: np.ndarray) -> None:
    """How many ways lead down from the axisymmetric joint, against the angle at the pillar."""
    law = jax.jit(jax.vmap(depinned.solve))
    cases = [run.Case(*row) for row in rows[:, :5]]
    columns = [np.array(part) for part in zip(*[(c.ratio, c.volume, c.height) for c in cases], strict=True)]
    angle = np.degrees(law(np.ones(len(rows)), *columns, np.radians(rows[:, 3]), np.radians(rows[:, 4])).angle_pillar)
    spread = np.random.default_rng(0).uniform(-2.0, 2.0, len(rows))
    axes.plot(angle + spread, rows[:, 7], "o", color="#d55e00", markersize=4, alpha=0.6, label="lines free to move")
    axes.plot(
        angle + spread, rows[:, 8], "s", color="#0072b2", markersize=4, alpha=0.6, label="lines held where they are"
    )
    axes.set(xlabel="contact angle at the pillar's face, deg", ylabel="ways down, all off the axis")
    axes.set_title(f"{len(rows)} joints", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def main() -> None:
    """Draw both beside one another."""
    mpl.rcParams.update({"svg.hashsalt": "depinned", "svg.fonttype": "none", "axes.spines.right": False})
    mpl.rcParams.update({"axes.spines.top": False, "font.size": 9})
    with run.DATA.open() as file:
        rows = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.0), layout="constrained")
    forces(left, rows)
    ways_down(right, rows)
    figure.savefig(run.HERE / "figure.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
