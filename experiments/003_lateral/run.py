"""Bridges whose upper disc stands off sideways, in three dimensions by Surface Evolver: energies, forces, extents.

Run: python experiments/003_lateral/run.py          (fits the law to data.csv, and prints what it leaves on check.csv)
     python experiments/003_lateral/run.py --write  (makes both with `evolver`, Debian's evolver-nox; ten minutes)

The larger disc has radius 1 and lies below; a state is the ratio of the radii, the height, and the volume that gives
the larger contact angle asked for. Energies are minimised with quadratic elements between exactly round rims.
"""

import argparse
import csv
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from yieldopt_pillars.parts import joint, lateral  # noqa: E402

HERE = Path(__file__).parent
ROUND, TALL = 24, 8.0
"""Elements around, and along a height of one radius (at least six)."""
STEP = 0.02
"""Forces are central differences of energies over twice this offset."""
OFFSETS = lateral.KNOTS
RATIOS = 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0
HEIGHTS = tuple(float(h) for h in np.round(np.geomspace(0.3, 2.5, 8), 3))
ANGLES = 40.0, 55.0, 70.0, 85.0, 100.0, 115.0, 130.0, 142.0, 153.0, 162.0, 170.0, 175.0, 178.0
LEAN = 15.0
"""Least contact angle, deg: below it a rim dewets."""
WEAK = 0.1
"""Share of the natural stiffness times the offset against which weaker forces are judged."""
NEAR = 0.1
"""A joint this near to its natural height is near-natural."""
CHECKS = 150
"""States drawn at random to check the law that the others made."""
RELAX = (
    "g 10; V; g 10; V; g 10; quadratic; g 20; hessian; hessian; hessian; hessian; hessian;\n"
    "eigenprobe 0\n"
    'printf "FOUND %.12g %.8g %.8g\\n", total_energy, max(vertex,x), min(vertex,x);\nq\nq\n'
)
solve = jax.jit(joint.solve)
several = jax.jit(jax.vmap(joint.solve, (None, None, 0, None)))


class State(NamedTuple):
    """One bridge: ratio of the radii, height and volume in units of the larger radius."""

    ratio: float
    height: float
    volume: float


class Leaning(NamedTuple):
    """One bridge at one offset: lateral force, and how far the liquid reaches ahead and behind the lower axis."""

    ratio: float
    height: float
    volume: float
    offset: float
    force: float
    ahead: float
    behind: float


def with_angle(ratio: float, height: float, angle: float) -> State | None:
    """The state whose larger contact angle is `angle` (deg), where there is one that holds both rims."""
    cone = np.pi * height * (1 + ratio + ratio**2) / 3
    volumes = cone * np.geomspace(0.2, 6.0, 500)
    found = several(1.0, ratio, volumes, height)
    larger = np.degrees(np.maximum(found.angle_bottom, found.angle_top))
    held = np.asarray(found.exists) & (np.degrees(np.minimum(found.angle_bottom, found.angle_top)) > LEAN)
    crossing = held[:-1] & held[1:] & (larger[:-1] < angle) & (larger[1:] >= angle)
    if not crossing.any():
        return None
    i = int(np.argmax(crossing))
    return State(ratio, height, float(np.interp(angle, larger[i : i + 2], volumes[i : i + 2])))


def states() -> list[State]:
    """The grid of states."""
    every = (with_angle(k, h, angle) for k in RATIOS for h in HEIGHTS for angle in ANGLES)
    return [state for state in every if state]


def drawn(count: int, seed: int) -> list[State]:
    """States drawn at random over the same domain."""
    random, found = np.random.default_rng(seed), list[State]()
    while len(found) < count:
        ratio, height = random.uniform(0.7, 1.0), np.exp(random.uniform(*np.log([0.3, 2.5])))
        angle = random.uniform(45.0, 177.0)
        state = with_angle(float(ratio), float(height), float(angle))
        found += [state] if state else []
    return found


def mesh(state: State, offset: float) -> str:
    """Evolver's datafile: rings of triangles between two round rims, the upper one moved."""
    k, h, volume = state
    rings = max(6, round(TALL * h))
    bulge = 1.5 * (volume / (np.pi * h) - (1 + k * k) / 2)
    head = ["boundary 1 parameters 1\nx1: cos(p1)\nx2: sin(p1)\nx3: 0"]
    head.append(f"boundary 2 parameters 1\nx1: {offset!r} + {k!r}*cos(p1)\nx2: {k!r}*sin(p1)\nx3: {h!r}")
    vertices, edges, faces = list[str](), dict[tuple[int, int], int](), list[str]()
    for j, i in np.ndindex(rings + 1, ROUND):
        angle, t = 2 * np.pi * (i + 0.5 * (j % 2)) / ROUND, j / rings
        r = np.sqrt(max((1 - t) + t * k * k + 4 * bulge * t * (1 - t), 0.05))
        free = f"{offset * t + r * np.cos(angle)} {r * np.sin(angle)} {t * h}"
        rim = {0: f"{angle} boundary 1 fixed", rings: f"{angle} boundary 2 fixed"}
        vertices.append(f"{1 + j * ROUND + i} {rim.get(j, free)}")

    def side(a: int, b: int) -> int:
        if (b, a) in edges:
            return -edges[b, a]
        return edges.setdefault((a, b), len(edges) + 1)

    for j in (0, rings):
        for i in range(ROUND):
            side(1 + j * ROUND + i, 1 + j * ROUND + (i + 1) % ROUND)
    for j, i in np.ndindex(rings, ROUND):
        a, b = (1 + j * ROUND + n % ROUND for n in (i, i + 1))
        c, d = a + ROUND, b + ROUND
        for one in ((a, b, c), (b, d, c)) if j % 2 == 0 else ((a, d, c), (a, b, d)):
            faces.append(f"{len(faces) + 1} " + " ".join(str(side(one[n], one[(n + 1) % 3])) for n in range(3)))
    lines = [
        f"{number} {a} {b}" + (f" boundary {1 + (number > ROUND)} fixed" if number <= 2 * ROUND else "")
        for (a, b), number in edges.items()
    ]
    whole = " ".join(str(n + 1) for n in range(len(faces)))
    body = f"1 {whole} volume {volume} volconst {np.pi * k * k * h}"
    parts = [*head, "vertices", *vertices, "edges", *lines, "faces", *faces, "bodies", body]
    return "\n".join(parts) + "\n"


def relaxed(state: State, offset: float) -> tuple[float, float, float] | None:
    """Energy and reach (largest and smallest x) of the bridge at rest; none where it is not a minimum."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "bridge.fe").write_text(mesh(state, offset))
        command = ["evolver", "-x", "bridge.fe"]
        try:
            run = subprocess.run(
                command, input=RELAX, text=True, capture_output=True, cwd=folder, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    lines = run.stdout.splitlines()
    found = next((line.split()[1:] for line in lines if line.startswith("FOUND")), None)
    least = any(line.startswith("Eigencounts:    0 <") for line in lines)
    if found is None or not least or "nan" in found:
        return None
    energy, most, fewest = (float(x) for x in found)
    return energy, most, fewest


def leaning(state: State) -> list[Leaning]:
    """A state at every offset at which it rests."""
    upright = relaxed(state, 0.0)
    if upright is None or abs(upright[0] / float(solve(1.0, *_order(state)).energy) - 1) > 1e-4:
        return []
    found = list[Leaning]()
    for offset in OFFSETS:
        near, far = relaxed(state, offset - STEP), relaxed(state, offset + STEP)
        if near and far:
            force = (far[0] - near[0]) / (2 * STEP)
            found.append(Leaning(*state, offset, force, (near[1] + far[1]) / 2, -(near[2] + far[2]) / 2))
    return found


def _order(state: State) -> tuple[float, float, float]:
    return state.ratio, state.volume, state.height


def rows(asked: list[State]) -> Iterator[Leaning]:
    """All states at all offsets, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(leaning, asked):
            yield from found


def write(name: str, asked: list[State]) -> None:
    """Run states and write what was found."""
    with (HERE / name).open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(Leaning._fields)
        count = 0
        for row in rows(asked):
            out.writerow([f"{value:.9g}" for value in row])
            count += 1
    print(f"{name}: {len(asked)} states, {count} of {len(asked) * len(OFFSETS)} rows", flush=True)


class Known(NamedTuple):
    """Rows of a file with what the exact upright bridge says of them; `stretch` is height over the natural one."""

    rows: np.ndarray
    target: np.ndarray
    scale: np.ndarray
    terms: np.ndarray
    stretch: np.ndarray


def read(name: str, offset: float) -> Known:
    """The rows of a file at one offset."""
    with (HERE / name).open() as file:
        found = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
    found = found[found[:, 3] == offset]
    ratio, height, volume, _, force = found.T[:5]
    upright = jax.vmap(joint.solve)(np.ones_like(ratio), ratio, volume, height)
    natural = np.asarray(jax.vmap(joint.natural_stiffness)(np.ones_like(ratio), ratio, volume)[1])
    both = upright.angle_bottom, upright.angle_top
    made = np.stack(lateral.terms(height, np.maximum(*both), np.minimum(*both)), 1)
    target = (force / offset - np.asarray(upright.stiffness_lateral)) / natural
    scale = np.maximum(np.abs(force / offset) / natural, WEAK)
    rest = np.asarray(jax.vmap(joint.natural_height)(np.ones_like(ratio), ratio, volume))
    return Known(found, target, scale, made, height / rest)


def fit() -> None:
    """Fit the law, write its coefficients beside it, print what is left."""
    columns = list[np.ndarray]()
    for offset in OFFSETS:
        known, checks = read("data.csv", offset), read("check.csv", offset)
        weight = 1.0 / known.scale
        column = np.linalg.lstsq(known.terms * weight[:, None], known.target * weight, rcond=None)[0]
        columns.append(column)
        for name, part in (("fitted", known), ("drawn at random", checks)):
            error = np.abs(part.terms @ column - part.target) / part.scale
            near = error[np.abs(part.stretch - 1.0) < NEAR]
            print(
                f"offset {offset}: {len(error):4} states {name:15} largest {error.max():.2%}, 99 % within "
                f"{np.quantile(error, 0.99):.2%}, half within {np.median(error):.2%}; "
                f"within {NEAR:.0%} of the natural height ({len(near)}) largest {near.max():.2%}"
            )
    with (Path(lateral.__file__).parent / "lateral.csv").open("w", newline="") as file:
        out = csv.writer(file)
        for powers, row in zip(lateral.POWERS, np.stack(columns, 1), strict=True):
            out.writerow([*powers, *(f"{value:.9e}" for value in row)])


def main() -> None:
    """Run what is asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true", help="run Surface Evolver and write data.csv and check.csv")
    given = asked.parse_args()
    if given.write:
        write("check.csv", drawn(CHECKS, 1))
        write("data.csv", states())
    fit()


if __name__ == "__main__":
    main()
