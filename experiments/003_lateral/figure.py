"""Draw what the law says beside what Surface Evolver found: python experiments/003_lateral/figure.py"""

import jax
import matplotlib as mpl
import numpy as np

mpl.use("svg")
import matplotlib.pyplot as plt
import run
from yieldopt_pillars.parts import joint

COLOURS = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
STATES = (1.0, 0.5, 90.0), (0.85, 0.5, 130.0), (1.0, 1.0, 130.0), (0.85, 1.0, 165.0)
"""Ratio, height and larger contact angle of the joints drawn on the left."""


def forces(axes: plt.Axes) -> None:
    """Lateral force against offset: lines the law, points Evolver."""
    law = jax.jit(jax.vmap(joint.lateral, (None, None, None, None, 0)))
    offsets = np.linspace(0.0, 0.5, 51)
    for colour, (ratio, height, angle) in zip(COLOURS, STATES, strict=True):
        state = run.with_angle(ratio, height, angle)
        assert state is not None
        text = f"ratio {ratio:g}, height {height:g}, {angle:.0f} deg"
        axes.plot(offsets, law(1.0, ratio, state.volume, height, offsets).force_lateral, color=colour, label=text)
        places = np.arange(0.1, 0.51, 0.1)
        found = [(run.relaxed(state, float(x) + run.STEP), run.relaxed(state, float(x) - run.STEP)) for x in places]
        slopes = [(far[0] - near[0]) / (2 * run.STEP) if far and near else np.nan for far, near in found]
        axes.plot(places, slopes, "o", color=colour, markersize=5)
    axes.set(xlabel="offset over the larger radius", ylabel="lateral force over tension and radius", ylim=(0.0, 3.4))
    axes.set_title("Lines: the law; points: Surface Evolver", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def errors(axes: plt.Axes) -> None:
    """Error of the law on states that it was not made from, against the larger contact angle."""
    law = jax.jit(jax.vmap(joint.lateral))
    for colour, mark, offset in ((COLOURS[0], "o", 0.25), (COLOURS[1], "s", 0.5)):
        known = run.read("check.csv", offset)
        ratio, height, volume, _, force = known.rows.T[:5]
        one = np.ones_like(ratio)
        found = law(one, ratio, volume, height, offset * one)
        upright = jax.vmap(joint.solve)(one, ratio, volume, height)
        angle = np.degrees(np.maximum(upright.angle_bottom, upright.angle_top))
        natural = np.asarray(jax.vmap(joint.natural_stiffness)(one, ratio, volume)[1])
        scale = known.scale * natural * offset
        error = 100 * (np.asarray(found.force_lateral) - force) / scale
        axes.plot(angle, error, mark, color=colour, markersize=4, alpha=0.8, label=f"offset {offset:g}")
    axes.axhline(0.0, color="#5f6b7a", linewidth=0.8)
    axes.set(xlabel="larger contact angle, deg", ylabel="error of the lateral force, %")
    axes.set_title("150 joints drawn at random, not used in the fit", loc="left", fontsize=10)
    axes.legend(frameon=False, fontsize=8)


def main() -> None:
    """Draw both beside one another."""
    mpl.rcParams.update({"svg.hashsalt": "lateral", "svg.fonttype": "none", "axes.spines.right": False})
    mpl.rcParams.update({"axes.spines.top": False, "font.size": 9})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.0), layout="constrained")
    forces(left)
    errors(right)
    figure.savefig(run.HERE / "figure.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
