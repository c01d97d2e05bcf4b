"""Fit the coefficients of `yieldopt_pillars.parts.joint` to the exact bridge; print them and what they leave.

Run: python experiments/000_joint_fit/fit.py [--write]        (two minutes; float64). Writes parts/joint.csv.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq, least_squares
from yieldopt_pillars.parts import bridge, fitted, joint

jax.config.update("jax_enable_x64", True)

TABLE = Path(fitted.__file__).with_name("joint.csv")
THIN = 0.3
"""Flatter joints, whose forces grow like one over the square of their height, may err in proportion."""
SMOOTH = 0.05
"""Least onset of the repulsion: its slope stays continuous."""
HEIGHTS = np.concatenate([np.linspace(0.5, 1, 200)[:-1], np.linspace(1, fitted.REACH, 200)])
REST = 199

solve = jax.jit(jax.vmap(bridge.solve))
one = jax.jit(bridge.solve)


def volume(ratio, natural):
    """Volume of the spherical zone between rims 1 and `ratio`."""
    return np.pi * (natural**3 + 3 * (1 + ratio**2) * natural) / 6


def states(ratio, natural):
    """Exact states of a joint from the overhang to the largest height fitted, or to where the liquid meets a face."""
    out = solve(*(np.full_like(HEIGHTS, x) for x in (1.0, ratio, volume(ratio, natural))), natural * HEIGHTS)
    larger, smaller = (np.asarray(f(out.angle_bottom, out.angle_top)) for f in (np.maximum, np.minimum))
    sound = np.asarray(out.residual) < 1e-9
    low = REST - int(np.argmin((sound & (larger <= np.pi))[REST::-1])) + 1
    fails = ~(sound & (smaller > 0))[REST:]
    high = REST + int(np.argmax(fails)) if fails.any() else len(HEIGHTS)
    near, kept = slice(low - 3, low + 3), slice(low, high)
    return {"ratio": ratio, "natural": natural, "overhang": float(np.interp(-np.pi, -larger[near], HEIGHTS[near])),
            "height": HEIGHTS[kept], "force": np.asarray(out.force)[kept], "bulge": np.asarray(out.bulge_radius)[kept],
            "stiffness": float(joint.natural_stiffness(1.0, ratio, volume(ratio, natural))[0])}  # fmt: skip


def between(low, high, number):
    """Chebyshev points that include both ends."""
    points = np.cos(np.pi * (np.arange(number) + 0.5) / number)
    return 0.5 * (low + high) + 0.5 * (high - low) * points / points[0]


def grid():
    """All joints fitted: ratio of radii against slenderness, a little beyond what is asked of the fit."""
    slender = np.exp(between(*np.log(fitted.SLENDER), 20))
    return [states(k, float(h * np.sqrt((1 + k**2) / 2))) for k in between(0.7, 1, 12) for h in slender]


def others(number=100):
    """Joints between those fitted, to judge the fit by."""
    rng = np.random.default_rng(0)
    return [states(rng.uniform(0.7, 1), np.exp(rng.uniform(np.log(0.15), np.log(1.5)))) for _ in range(number)]


def stacked(cases, name):
    """One value a state: a case's own number repeated, or its states."""
    return np.concatenate([np.broadcast_to(case[name], case["height"].shape) for case in cases])


def shapes(cases):
    """Basis of every case's shape, a row a case."""
    ends = (np.array([case[name] for case in cases]) for name in ("ratio", "natural"))
    return np.asarray(jax.vmap(lambda k, h: jnp.stack(fitted.basis(jnp.ones(()), k, h)))(*ends))


def simple(degrees):
    """Which terms are of low degree."""
    return [n for n, (i, j) in enumerate(fitted.TERMS) if i / degrees[0] + j / degrees[1] <= 1]


def fit_low(cases):
    """Log of the stretch at the overhang, 8 % further."""
    few, column = simple((4, 3)), np.zeros(len(fitted.TERMS))
    target = np.log(1.08 * (np.array([case["overhang"] for case in cases]) ** -fitted.POWER - 1))
    column[few] = np.linalg.lstsq(shapes(cases)[:, few], target, rcond=None)[0]
    return column


def stretches(cases, low):
    """Stretch of every state, and what it counts for."""
    n, h, k = (stacked(cases, name) for name in ("natural", "height", "ratio"))
    lows = np.repeat(shapes(cases) @ low, [len(case["height"]) for case in cases])
    return map(np.asarray, jax.vmap(fitted.stretch)(n * h, n, n / np.sqrt((1 + k**2) / 2), lows))


def products(rows, series):
    """Every term of the shape times every term of the stretch."""
    return (rows[:, :, None] * series[:, None, :]).reshape(len(rows), -1)


def fit_force(cases, u, counts):
    """Numerator and denominator by repeated linear least squares, each time over the last denominator."""
    rows = np.repeat(shapes(cases), [len(case["height"]) for case in cases], axis=0)
    few, (rise, poles) = simple((2, 2)), (s.stop - s.start for s in (fitted.RISE, fitted.POLES))
    scale = stacked(cases, "stiffness") * stacked(cases, "natural") * counts
    law, series = stacked(cases, "force") / scale, np.polynomial.chebyshev.chebvander(u, max(rise, poles))
    above = products(rows, series[:, :rise] * u[:, None] ** 2)
    matrix = np.hstack([above, products(rows[:, few], series[:, :poles] * (-law * u)[:, None])])
    weight, below = scale * np.minimum(1.0, (stacked(cases, "natural") / THIN) ** 2), np.ones_like(u)
    for _ in range(8):
        by = (weight / np.maximum(below, 0.05))[:, None]
        found = np.linalg.lstsq(matrix * by, (law - u) * by[:, 0], rcond=1e-12)[0]
        small = found[above.shape[1] :].reshape(-1, poles)
        below = 1 + u * (rows[:, few] @ small * series[:, :poles]).sum(1)
    columns = np.zeros((len(fitted.TERMS), poles))
    columns[few] = small
    return np.hstack([found[: above.shape[1]].reshape(-1, rise), columns])


def fit_bulge(cases, u):
    """The parabola's factor, with a light pull to 3/2 where the largest radius is a rim's and it says nothing."""
    few, degrees = simple((4, 3)), fitted.SWELL.stop - fitted.SWELL.start
    rows = np.repeat(shapes(cases), [len(case["height"]) for case in cases], axis=0)[:, few]
    k, n, h, b = (stacked(cases, name) for name in ("ratio", "natural", "height", "bulge"))
    mean, step = (1 + k**2) / 2, 1 - k**2
    rise, excess = b**2 - mean, volume(k, n) / (np.pi * n * h) - mean
    free = b > 1 + 1e-9
    factor = np.where(free, (rise + np.sqrt(np.maximum(rise**2 - step**2 / 4, 0.0))) / 2 / excess, 1.5)
    by = np.abs(excess) / (2 * b) * np.where(free, 1.0, 0.03)
    series = np.polynomial.chebyshev.chebvander(u, degrees - 1) * u[:, None]
    columns = np.zeros((len(fitted.TERMS), degrees))
    found = np.linalg.lstsq(products(rows, series) * by[:, None], (factor - 1.5) * by, rcond=None)[0]
    columns[few] = found.reshape(-1, degrees)
    return columns


def fit_overhang(cases):
    """Log of the overhang height over the natural height, linear least squares."""
    k, n = (np.array([case[name] for case in cases]) for name in ("ratio", "natural"))
    slender, uneven = n / np.sqrt((1 + k**2) / 2), np.sqrt(((1 - k) / (1 + k)) ** 2 + 1e-6)
    x, y = np.log(slender), uneven / (uneven + 0.3 * slender)
    basis = np.stack([x**i * y**j for i, j in joint.POWERS], 1)
    return np.linalg.lstsq(basis, np.log([case["overhang"] for case in cases]), rcond=None)[0]


def depinned():
    """Equal ends past the overhang, at 180 degrees on both planes: rows of volume, height, force, bulge radius.

    Scaling the state at its own overhang to the asked volume gives the height, force and bulge of a wider foot.
    """
    curve = []
    for natural in np.geomspace(0.1, 2, 24):
        v, guess = volume(1, natural), natural * float(joint.overhang_height(1.0, 1.0, volume(1, natural)) / natural)
        height = brentq(lambda h, v=v: float(one(1.0, 1.0, v, h).angle_top) - np.pi, 0.96 * guess, 1.07 * guess)
        out = one(1.0, 1.0, v, height)
        curve.append(np.log([v / height**3, -float(out.force) / height, float(out.bulge_radius) / height]))
    x, y, z = np.array(curve)[::-1].T
    rows = []
    for natural in (0.2, 0.3, 0.5, 0.8, 1.0, 1.5):
        v = volume(1, natural)
        for height in float(joint.overhang_height(1.0, 1.0, v)) * np.linspace(0.5, 1, 11):
            if x[0] <= np.log(v / height**3) <= x[-1]:
                push, round_ = (height * np.exp(np.interp(np.log(v / height**3), x, found)) for found in (y, z))
                rows.append((v, height, -push, round_))
    return np.array(rows)


def repulsion(rows, strength, onset):
    """What `joint.force` adds past the overhang of equal ends."""
    low = np.array([float(joint.overhang_height(1.0, 1.0, v)) for v in rows[:, 0]])
    x = low / rows[:, 1] - 1
    return -strength * 2 * rows[:, 0] / low**2 * (x**2 + 2 * x) * x**2 / (x**2 + onset**2)


def fit_repulsion(rows):
    """Strength and onset past the overhang, and the relative errors left."""
    law = np.asarray(jax.jit(jax.vmap(lambda v, h: joint.force(1.0, 1.0, v, h)))(rows[:, 0], rows[:, 1]))
    pinned = law - repulsion(rows, joint.REPULSION, joint.ONSET)
    ranges = [0.0, SMOOTH], [np.inf, np.inf]
    found = least_squares(lambda q: (pinned + repulsion(rows, *q)) / rows[:, 2] - 1, [0.8, 0.2], bounds=ranges)
    return found.x, found.fun


def fit_flattening(rows):
    """How soon the bulge's factor falls to a flat barrel's, and the relative errors left."""
    law = np.asarray(jax.jit(jax.vmap(lambda v, h: joint.bulge_radius(1.0, 1.0, v, h)))(rows[:, 0], rows[:, 1]))
    low = np.array([float(joint.overhang_height(1.0, 1.0, v)) for v in rows[:, 0]])
    excess, past = rows[:, 0] / (np.pi * rows[:, 1]) - 1, (low / rows[:, 1] - 1) ** 2
    factor = ((law**2 - 1) / excess - 1) * (1 + joint.FLATTENING * past)
    found = least_squares(lambda q: np.sqrt(1 + excess * (1 + factor / (1 + q[0] * past))) / rows[:, 3] - 1, [5.0])
    return found.x[0], found.fun


STUDIES = {  # radii of pillar and opening, natural height, spreads of radius, volume and height; um
    "276 joints, 160 um": (40.0, 45.0, 15.6, 0.6, 0.06, 2.4),
    "10,000 joints, 80 um": (20.0, 22.0, 12.0, 0.4, 0.06, 1.4),
    "1,000,000 joints, 10 um": (2.5, 2.75, 1.88, 0.06, 0.06, 0.14),
}


def studies(number=4000):
    """Errors over joints as the three studies scatter them; what they move the chip by is their mean over kz*."""
    rng = np.random.default_rng(0)
    fast = jax.jit(jax.vmap(joint.force))
    for name, (a, b, natural, radius, volumes, heights) in STUDIES.items():
        draws = rng.standard_normal((4, number))
        v = np.pi * natural * (3 * a**2 + 3 * b**2 + natural**2) / 6
        states_ = (
            a + radius * draws[0],
            b + radius * draws[1],
            v * (1 + volumes * draws[2]),
            natural + heights * draws[3],
        )
        out = solve(*states_)
        kept = (np.asarray(out.residual) < 1e-9) & (np.maximum(out.angle_bottom, out.angle_top) <= np.pi)
        error = (np.asarray(fast(*states_)) - np.asarray(out.force))[kept] / float(joint.natural_stiffness(a, b, v)[0])
        print(
            f"{name:24s} pinned {kept.mean():.4f}; error as height, um: rms {error.std():.4f}, mean {error.mean():+.4f}"
        )


def show(name, values):
    """Print a tuple as joint.py has it."""
    print(f"{name} = ({', '.join(f'{v:.5f}' for v in values)})")


def residuals(cases):
    """Errors over the states of each joint: of the force (thin joints in proportion), bulge and overhang."""
    force = jax.jit(jax.vmap(joint.force, (None, None, None, 0)))
    bulge = jax.jit(jax.vmap(joint.bulge_radius, (None, None, None, 0)))
    rows = []
    for case in cases:
        ends = 1.0, case["ratio"], volume(case["ratio"], case["natural"])
        height = case["natural"] * case["height"]
        error = np.abs(np.asarray(force(*ends, height)) - case["force"]) * min(1.0, (case["natural"] / THIN) ** 2)
        round_ = np.abs(np.asarray(bulge(*ends, height)) - case["bulge"])
        low = abs(float(joint.overhang_height(*ends)) / case["natural"] / case["overhang"] - 1)
        near = np.abs(case["height"] - 1) < 0.05
        rows.append([*np.percentile(error, [50, 99, 100]), error[near].max(), *np.percentile(round_, [99, 100]), low])
    names = "force, half of a joint's states", "99 %", "all", "within 5 % of h*", "bulge, 99 %", "all", "overhang"
    for name, column in zip(names, np.array(rows).T, strict=True):
        print(f"{name:32s} half of the joints {np.median(column):.4f}   all {column.max():.4f}")


def denominators(table):
    """Least denominator of the force over all shapes and stretches."""
    slender, uneven = np.meshgrid(np.geomspace(*fitted.SLENDER, 60), np.sqrt(np.linspace(0, fitted.UNEVEN, 60)))
    k = ((1 - uneven) / (1 + uneven)).ravel()
    rows = jax.vmap(lambda k, h: jnp.stack(fitted.basis(jnp.ones(()), k, h)))(
        k, slender.ravel() * np.sqrt((1 + k**2) / 2)
    )
    u = np.linspace(-1.1, 1.1, 45)
    poles = fitted.POLES.stop - fitted.POLES.start
    return (
        1 + u * (np.asarray(rows) @ table[:, fitted.POLES] @ np.polynomial.chebyshev.chebvander(u, poles - 1).T)
    ).min()


def main():
    """Fit everything in turn, print the constants, then what they leave on other joints."""
    cases = grid()
    low = fit_low(cases)
    u, counts = stretches(cases, low)
    table = np.hstack([fit_force(cases, u, counts), fit_bulge(cases, u), low[:, None]])
    if "--write" in sys.argv:
        lines = (
            f"{i},{j}," + ",".join(f"{x:.8g}" for x in row) for (i, j), row in zip(fitted.TERMS, table, strict=True)
        )
        TABLE.write_text("\n".join(lines) + "\n")
    show("OVERHANG", fit_overhang(cases))
    print(f"{len(cases)} joints, {len(u)} states; stretches {u.min():.3f} to {u.max():.3f}")
    print(f"least denominator {denominators(table):.3f}")
    residuals(others())
    rows = depinned()
    (strength, onset), past = fit_repulsion(rows)
    print(f"REPULSION, ONSET = {strength:.4f}, {onset:.4f}")
    print(f"{'depinned force':24s} between {past.min():+.3f} and {past.max():+.3f} of itself")
    flattening, past = fit_flattening(rows)
    print(f"FLATTENING = {flattening:.2f}")
    print(f"{'depinned bulge':24s} between {past.min():+.3f} and {past.max():+.3f} of itself")
    studies()


if __name__ == "__main__":
    main()
