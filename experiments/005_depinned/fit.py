"""Fit the closed forms of `parts.wetting_limits` to the exact joint, write them beside it, print what they leave.

Run: python experiments/005_depinned/fit.py        (about a minute; float64)
"""

import csv
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
from yieldopt_pillars.parts import bridge, depinned, joint, wetting_limits  # noqa: E402

RATIOS = np.linspace(0.7, 1.0, 13)
NATURALS = np.geomspace(0.15, 1.5, 13)
STRETCH = np.concatenate([np.linspace(0.55, 1.0, 136), np.linspace(1.0, 2.0, 101)[1:]])
REST = 135
BELOW = np.linspace(0.0, 1.0, 32)
DEGREES = {"recede": (6, 6, 3), "neck": (4, 4, 0), "smaller": (6, 6, 3), "larger": (6, 6, 3), "push": (4, 5, 4),
           "round": (4, 5, 4), "share": (4, 5, 4)}  # fmt: skip
FLAT = 0.79, 0.24
"""As in 000: flatter joints with more unlike ends are no real ones; push and share are fitted without them."""

ratio, natural = (x.ravel() for x in np.meshgrid(RATIOS, NATURALS, indexing="ij"))
volume = np.pi * natural * (3 + 3 * ratio**2 + natural**2) / 6


def crossing(y, level):
    """Where a row over STRETCH last passes a level on the way out from the natural height, by linear interpolation."""
    above = y > level
    if above[-1] == above[0] or np.isnan(y).any():
        return np.nan
    j = int(np.flatnonzero(above[:-1] != above[1:])[-1])
    return STRETCH[j] + (STRETCH[j + 1] - STRETCH[j]) * (y[j] - level) / (y[j] - y[j + 1])


def pinned():
    """Rows (joint, angle, height over the natural one) of every limit of the pinned joint."""
    rows = jax.jit(jax.vmap(jax.vmap(bridge.solve, (None, None, None, 0)), (None, 0, 0, 0)))
    out = rows(1.0, ratio, volume, natural[:, None] * STRETCH)
    pad, pillar, slope = (np.asarray(x) for x in (out.angle_bottom, out.angle_top, out.stiffness_vertical))
    held = np.asarray(out.exists)
    assert held.all()
    found = {name: [] for name in ("recede", "neck", "smaller", "larger")}
    for i in range(len(ratio)):
        neck = STRETCH[REST:][np.argmax(slope[i, REST:] < 0) - 1 :][:2]
        ends = slope[i][np.searchsorted(STRETCH, neck)]
        found["neck"].append((i, 0.0, neck[0] + (neck[1] - neck[0]) * ends[0] / (ends[0] - ends[1])))
        for angle in np.arange(15.0, 40.1, 2.5):
            at = crossing(np.minimum(pad, pillar)[i], np.radians(angle))
            if at < 1.1 * found["neck"][-1][2]:
                found["recede"].append((i, np.radians(angle), at))
        for angle in np.arange(115.0, 210.1, 5.0):
            for name, side in (("smaller", pillar), ("larger", pad))[int(angle < 120) :]:
                at = crossing(side[i], np.radians(angle))
                spilt = ratio[i] < FLAT[0] or np.interp(at, STRETCH, pillar[i]) > np.radians(225)
                if not np.isnan(at) and (name == "smaller" or not spilt):
                    found[name].append((i, np.radians(angle), at))
    return found


def past():
    """Rows (joint, height over the overhang's, push over the radius, share) of the depinned joint."""
    kept = np.flatnonzero((ratio > FLAT[0]) | (natural > FLAT[1]))
    low = np.asarray(jax.vmap(joint.overhang_height, (None, 0, 0))(1.0, ratio[kept], volume[kept]))
    height = low[:, None] - BELOW * (low - 0.1 * natural[kept])[:, None]
    rows = jax.jit(jax.vmap(jax.vmap(depinned.solve, (None, None, None, 0)), (None, 0, 0, 0)))
    out = rows(1.0, ratio[kept], volume[kept], height)
    assert bool(out.exists.all())
    x = height / low[:, None]
    share = np.asarray(out.share_climbed)
    print(f"on a mask of 170 degrees lie at most {float(out.share_on_mask.max()):.1%} of the solder")
    joints = np.repeat(kept[:, None], len(BELOW), 1)
    q = (1 - share / np.maximum(1 - x, 1e-3)) / x
    clear = x < 0.97
    return {
        "round": list(zip(joints.ravel(), x.ravel(), np.asarray(out.bulge_radius).ravel(), strict=True)),
        "push": list(zip(joints.ravel(), x.ravel(), (-np.asarray(out.force) / ratio[kept, None]).ravel(), strict=True)),
        "share": list(zip(joints[clear], x[clear], q[clear], strict=True)),
    }, (joints, height, np.asarray(out.force), share, low)


def fit(name, rows):
    """Least squares of one law; its rows for the table."""
    which, third, target = (np.array(x) for x in zip(*rows, strict=True))
    terms, _ = jax.vmap(wetting_limits._joint, (None, 0, 0))(1.0, ratio[which], volume[which])
    spans = {"recede": wetting_limits.RECEDING, "smaller": wetting_limits.SMALLER, "larger": wetting_limits.LARGER}
    if name in spans:
        z = wetting_limits._scaled(third, spans[name])
    else:
        z = np.zeros_like(third) if name == "neck" else wetting_limits._squeezed(jnp.asarray(third))
    x, y, z = (np.asarray(part) for part in (*terms, z))
    n = DEGREES[name]
    powers = [
        (i, j, k) for i in range(n[0] + 1) for j in range(n[1] + 1) for k in range(n[2] + 1)
        if i / n[0] + j / n[1] + k / max(n[2], 1) < 1.0001
    ]  # fmt: skip
    basis = np.stack([x**i * y**j * z**k for i, j, k in powers], 1)
    plain = name in ("push", "round", "share")  # no exponential is spent on what the Monte Carlo reads
    wanted = target if plain else np.log(target)
    weight = third * (1 - third) if name == "share" else 1 / target if plain else np.ones_like(third)
    found = np.linalg.lstsq(basis * weight[:, None], wanted * weight, rcond=None)[0]
    left = basis @ found - wanted
    error = np.abs(left * weight) if plain else np.abs(np.expm1(left))
    print(f"{name:8} {len(rows):5} states, {len(powers):2} terms: largest {error.max():.2%}, 99 % within "
          f"{np.quantile(error, 0.99):.2%}, half within {np.median(error):.2%}")  # fmt: skip
    return [(name, *p, f"{c:.9e}") for p, c in zip(powers, found, strict=True)]


STUDIES = {  # radii of opening and pillar, natural height, spreads of radius, volume and height; um (as in 000)
    "276 joints, 160 um": (45.0, 40.0, 15.6, 0.6, 0.06, 2.4),
    "10,000 joints, 80 um": (22.0, 20.0, 12.0, 0.4, 0.06, 1.4),
    "1,000,000 joints, 10 um": (2.75, 2.5, 1.88, 0.06, 0.06, 0.14),
}


def studies(number=20000):
    """Error past the overhang over joints as the studies scatter them, over each joint's push at its overhang."""
    rng = np.random.default_rng(0)
    exact = jax.jit(jax.vmap(depinned.solve))
    for name, (a, b, h, radius, volumes, heights) in STUDIES.items():
        draws = rng.standard_normal((4, number))
        v = np.pi * h * (3 * a**2 + 3 * b**2 + h**2) / 6 * (1 + volumes * draws[2])
        pad, pillar, height = a + radius * draws[0], b + radius * draws[1], h + heights * draws[3]
        low = np.asarray(jax.vmap(joint.overhang_height)(pad, pillar, v))
        under = np.flatnonzero((height < low) & (pillar < pad) & (height > 0.1 * h))[:2000]
        state = pad[under], pillar[under], v[under]
        out = exact(*state, height[under])
        rule = jax.vmap(joint.force)(*state, height[under])
        most = np.asarray(jax.vmap(wetting_limits.depinned_force)(*state, low[under], low[under]))
        round_ = jax.vmap(joint.bulge_radius)(*state, height[under])
        share = np.asarray(jax.vmap(wetting_limits.share_climbed)(*state, low[under], height[under]))
        off = np.abs((np.asarray(rule) - np.asarray(out.force)) / most)
        wide = np.abs(np.asarray(round_) - np.asarray(out.bulge_radius)) / a
        away = np.abs(share - np.asarray(out.share_climbed))
        print(f"{name}: {(height < low).mean():.2%} past the overhang, exact law found for {np.mean(out.exists):.0%}")
        for law, left in (("force", off), ("bulge_radius", wide)):
            shares = f"half within {np.median(left):.1%}, 99 % {np.quantile(left, 0.99):.1%}, all {left.max():.1%}"
            print(f"    {law}: {shares}")
        print(f"    share_climbed: all within {away.max():.4f}")


def main():
    """Fit everything, write the table, then judge it where the studies are."""
    rows = [row for name, part in (pinned() | past()[0]).items() for row in fit(name, part)]
    with Path(wetting_limits.__file__).with_suffix(".csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
    wetting_limits.table.cache_clear()
    studies()


if __name__ == "__main__":
    main()
