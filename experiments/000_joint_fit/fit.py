"""Fit the constants of `yieldopt_pillars.parts.joint` to the exact bridge, and print them with their residuals.

Run: python experiments/000_joint_fit/fit.py        (about a minute; float64)
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq, least_squares
from yieldopt_pillars.parts import bridge, joint

jax.config.update("jax_enable_x64", True)

RATIOS = np.linspace(0.7, 1, 7)
HEIGHTS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.5)
STRETCH = np.concatenate([np.linspace(-0.4, 0, 200)[:-1], np.linspace(0, 0.8, 200)])
REST = 199

solve = jax.jit(jax.vmap(bridge.solve))
one = jax.jit(bridge.solve)


def volume(ratio, natural):
    """Volume of the spherical zone between rims 1 and `ratio`."""
    return np.pi * (natural**3 + 3 * (1 + ratio**2) * natural) / 6


def states(ratio, natural):
    """Exact states from the overhang to the largest tension: stretch, force over kz* h*, bulge radius."""
    height, one = natural * (1 + STRETCH), np.ones_like(STRETCH)
    out = solve(one, ratio * one, volume(ratio, natural) * one, height)
    stiffness = float(joint.natural_stiffness(1.0, ratio, volume(ratio, natural))[0])
    angle = np.asarray(jnp.maximum(out.angle_bottom, out.angle_top))
    force = np.asarray(out.force) / (stiffness * natural)
    low = int(np.argmax(angle <= np.pi))
    falls = (np.diff(force[REST:]) <= 0) | (np.asarray(out.residual)[REST + 1 :] > 1e-9)
    high = REST + int(np.argmax(falls)) if falls.any() else len(force) - 1
    near = slice(low - 3, low + 3)
    overhang = 1 + np.interp(-np.pi, -angle[near], STRETCH[near])
    kept = slice(low, high + 1)
    return {"ratio": ratio, "natural": natural, "overhang": overhang, "t": STRETCH[kept], "force": force[kept],
            "bulge": np.asarray(out.bulge_radius)[kept], "kept": kept, "stiffness": stiffness}  # fmt: skip


def grid():
    """All joints fitted: thin ones with very unlike ends are left out, no real joint has that shape."""
    return [states(k, h) for k in RATIOS for h in HEIGHTS if k > 0.79 or h > 0.24]


def coordinates(case):
    """Log of slenderness, unevenness of the ends, slenderness."""
    slender = case["natural"] / np.sqrt((1 + case["ratio"] ** 2) / 2)
    return np.log(slender), (1 - case["ratio"]) / (1 + case["ratio"]), slender


def terms(x, y):
    """The monomials of the fast law."""
    return [x**i * y**j for i, j in joint.POWERS]


def fit_force(cases):
    """Log width and centre, all joints at once, errors relative to each joint's largest tension."""
    basis = np.array([terms(x, (uneven / slender) ** 2) for x, uneven, slender in map(coordinates, cases)])
    n = len(joint.POWERS)

    def errors(q):
        out = []
        for row, case in zip(basis, cases, strict=True):
            w, c, rise = np.exp(row @ q[:n]), row @ q[n:], ((1 + case["t"]) ** 2 - 1) / 2
            law = w * np.tanh(rise / w) / (1 - np.tanh(c) * np.tanh(rise / w))
            out.append((law - case["force"]) / case["force"].max())
        return np.concatenate(out)

    start = np.zeros(2 * n)
    start[0], start[n] = -1.5, -0.4
    best = least_squares(errors, start).x
    return best[:n], best[n:]


def fit_overhang(cases):
    """Log of the overhang height over the natural height, linear least squares."""
    smooth = [np.sqrt(uneven**2 + 1e-6) for _, uneven, _ in map(coordinates, cases)]
    basis = [
        terms(x, u / (u + 0.3 * slender)) for u, (x, _, slender) in zip(smooth, map(coordinates, cases), strict=True)
    ]
    return np.linalg.lstsq(np.array(basis), np.log([case["overhang"] for case in cases]), rcond=None)[0]


def fit_squeeze(cases):
    """The one constant of the bulge, on the compressed side."""

    def errors(q):
        joint.SQUEEZE = float(q[0])
        return np.concatenate(
            [fast - case["bulge"] for fast, case in zip(over_all(joint.bulge_radius, cases), cases, strict=True)]
        )

    return least_squares(errors, [0.6], diff_step=1e-3).x[0]


def over_all(law, cases):
    """A fast law on the kept states of every joint, by one compiled call."""
    ratio, natural = (np.array([case[name] for case in cases]) for name in ("ratio", "natural"))
    height = natural[:, None] * (1 + STRETCH)
    rows = jax.jit(jax.vmap(jax.vmap(lambda *x: law(*x), (None, None, None, 0)), (None, 0, 0, 0)))
    found = np.asarray(rows(1.0, ratio, volume(ratio, natural), height))
    return [row[case["kept"]] for row, case in zip(found, cases, strict=True)]


def depinned():
    """Equal ends past the overhang, at 180 degrees on both planes: rows of volume, height, force.

    Scaling the state at its own overhang to the asked volume gives the height and the force of a wider foot.
    """
    curve = []
    for natural in np.geomspace(0.1, 2, 24):
        v, guess = volume(1, natural), natural * float(joint.overhang_height(1.0, 1.0, volume(1, natural)) / natural)
        height = brentq(lambda h, v=v: float(one(1.0, 1.0, v, h).angle_top) - np.pi, 0.96 * guess, 1.07 * guess)
        curve.append((np.log(v / height**3), np.log(-float(one(1.0, 1.0, v, height).force) / height)))
    x, y = np.array(curve)[::-1].T
    rows = []
    for natural in (0.2, 0.3, 0.5, 0.8, 1.0, 1.5):
        v = volume(1, natural)
        for height in float(joint.overhang_height(1.0, 1.0, v)) * np.linspace(0.5, 1, 11):
            if x[0] <= np.log(v / height**3) <= x[-1]:
                rows.append((v, height, -height * np.exp(np.interp(np.log(v / height**3), x, y))))
    return np.array(rows)


def fit_repulsion(rows):
    """Strength and onset past the overhang, and the relative errors left."""

    def errors(q):
        joint.REPULSION, joint.ONSET = map(float, q)
        law = jax.jit(jax.vmap(lambda v, h: joint.force(1.0, 1.0, v, h)))
        return np.asarray(law(rows[:, 0], rows[:, 1])) / rows[:, 2] - 1

    found = least_squares(errors, [1.0, 0.1], diff_step=1e-3)
    return found.x, found.fun


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
    """Largest errors a joint: of the force over its largest tension, bulge over the radius, overhang over itself."""
    force, near, bulge, overhang = [], [], [], []
    fast = zip(cases, over_all(joint.force, cases), over_all(joint.bulge_radius, cases), strict=True)
    for case, law, radius in fast:
        k, natural = case["ratio"], case["natural"]
        error = np.abs(law / (case["stiffness"] * natural) - case["force"]) / case["force"].max()
        force.append(error.max())
        near.append(error[np.abs(case["t"]) < 0.05].max())
        bulge.append(np.abs(radius - case["bulge"]).max())
        overhang.append(abs(float(joint.overhang_height(1.0, k, volume(k, natural))) / natural / case["overhang"] - 1))
    for name, values in {"force": force, "force within 5 % of h*": near, "bulge": bulge, "overhang": overhang}.items():
        print(f"{name:24s} largest {max(values):.4f}   median of the largest {np.median(values):.4f}")


def main():
    """Fit everything in turn, print the constants, then what they leave."""
    cases = grid()
    width, centre = fit_force(cases)
    overhang = fit_overhang(cases)
    joint.WIDTH, joint.CENTRE, joint.OVERHANG = (tuple(map(float, q)) for q in (width, centre, overhang))
    for name in ("WIDTH", "CENTRE", "OVERHANG"):
        show(name, getattr(joint, name))
    joint.SQUEEZE = fit_squeeze(cases)
    (joint.REPULSION, joint.ONSET), past = fit_repulsion(depinned())
    print(f"SQUEEZE = {joint.SQUEEZE:.4f}\nREPULSION, ONSET = {joint.REPULSION:.4f}, {joint.ONSET:.4f}")
    print(f"{len(cases)} joints, {sum(len(case['t']) for case in cases)} states")
    residuals(cases)
    studies()
    print(f"{'depinned force':24s} between {past.min():+.3f} and {past.max():+.3f} of itself")


if __name__ == "__main__":
    main()
