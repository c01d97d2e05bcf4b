"""Joints past the overhang in three dimensions, by Surface Evolver: energies, forces, stability, against the exact law.

Run: python experiments/005_depinned/run.py          (what data.csv says)
     python experiments/005_depinned/run.py --write  (makes it with `evolver`, Debian's evolver-nox; some minutes)

The pad has radius 1. A line that is pinned is a round rim; one that has let go is free on a plane or on a cylinder,
where a line integral holds what the wetted area costs. Quadratic elements start from the exact meridian, a little
dented, all around: what they relax to, and whether it is a minimum, is Evolver's own.
"""

import argparse
import csv
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
from yieldopt_pillars.parts import depinned, joint  # noqa: E402

HERE = Path(__file__).parent
DATA = HERE / "data.csv"
ROUND = 32
"""Elements around."""
STEP = 0.01
"""Forces are central differences of energies over twice this share of the height."""
RATIOS = 0.85, 0.92, 1.0
NATURALS = 0.2, 0.35, 0.6, 1.0
SQUEEZES = 0.5, 0.75, 0.95
"""Heights over that at which the smaller rim is at 180 degrees."""
ANGLES = (60, 175), (90, 175), (120, 175), (120, 150), (90, 120), (150, 120)
"""Advancing angles of wall and mask, deg."""
RELAX = (
    "g 5; V; g 5; quadratic; g 5; hessian; hessian; hessian; hessian; hessian; hessian; hessian; hessian;\n"
    'printf "FOUND %.12g\\n", total_energy;\n'
    "eigenprobe 0\nq\nq\n"
)
solve = jax.jit(depinned.solve)


class Case(NamedTuple):
    """One joint: ratio of the radii, natural height, height, advancing angles (deg)."""

    ratio: float
    natural: float
    height: float
    wall: float
    mask: float

    @property
    def volume(self) -> float:
        """Volume of the spherical zone at the natural height."""
        return np.pi * self.natural * (3 + 3 * self.ratio**2 + self.natural**2) / 6


class Found(NamedTuple):
    """What Evolver found, beside the exact law; `falls` counts the ways down from it, all off the axis, `held` those
    that are left while lines stay where they are.
    """

    energy: float
    force: float
    falls: int
    held: int
    exact_energy: float
    exact_force: float
    climb: float
    foot: float


def exact(case: Case, height: float) -> depinned.Depinned:
    """The axisymmetric law."""
    return solve(1.0, case.ratio, case.volume, height, np.radians(case.wall), np.radians(case.mask))


def meridian(case: Case, height: float, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Radius and height at equal arclengths of the exact shape, from the foot to the pillar."""
    found = exact(case, height)
    fine = 400 * rings
    foot, psi, pressure = float(found.foot_radius), np.pi - float(found.angle_pad), float(found.pressure)
    f, h = foot * np.sin(psi) - pressure / 2 * foot**2, pressure / 2
    bend = 1 - 2 * h * foot * np.sin(psi)

    def square(s: np.ndarray) -> np.ndarray:
        once, twice = s * np.sinc(h * s / np.pi), s * np.sinc(2 * h * s / np.pi)
        return foot**2 + 2 * foot * np.cos(psi) * twice + bend * once**2

    end, reach = float(found.angle_pillar), height + float(found.climb)
    length = (end - psi) / pressure  # a start: psi grows by P less sin(psi)/r along the meridian
    for _ in range(60):
        s = np.linspace(0.0, length, fine + 1)
        q = square(s)
        z = np.concatenate([[0.0], np.cumsum(np.diff(s) * ((f + h * q) / np.sqrt(q))[:-1])])
        turned = np.unwrap(np.arctan2(f + h * q, np.gradient(q, s) / 2))
        length *= 1 + 0.5 * float(np.clip((end - psi) / (turned[-1] - psi) - 1, -0.3, 0.3))
    assert abs(z[-1] - reach) < 0.02, (case, z[-1], reach)
    at = np.linspace(0, fine, rings + 1).astype(int)
    return np.sqrt(q[at]), z[at]


def mesh(case: Case, height: float, climbs: bool, rests: bool, held: bool) -> str:
    """Evolver's datafile: rings of triangles from the pad's rim or the mask up to the pillar's rim or its wall."""
    k, volume = case.ratio, case.volume
    length = float(exact(case, height).bulge_radius) - k + height
    rings = max(8, round(10 * length))
    r, z = meridian(case, height, rings)
    dent = 1 + 0.01 * np.sin(np.pi * np.arange(rings + 1) / rings)
    wet, rest = -np.cos(np.radians(case.wall)), -np.cos(np.radians(case.mask))
    head = [
        "boundary 1 parameters 1\nx1: cos(p1)\nx2: sin(p1)\nx3: 0",
        f"boundary 2 parameters 1\nx1: {k!r}*cos(p1)\nx2: {k!r}*sin(p1)\nx3: {height!r}",
        f"constraint 1\nformula: z = 0\nenergy:\ne1: {-rest / 2}*y\ne2: {rest / 2}*x\ne3: 0",
        f"constraint 2\nformula: x^2 + y^2 = {k**2!r}\nenergy:\n"
        f"e1: {-wet / k}*(z - {height!r})*y\ne2: {wet / k}*(z - {height!r})*x\ne3: 0",
    ]
    fixed = " fixed" * held
    low = f"constraint 1{fixed}" if rests else "boundary 1 fixed"
    high = f"constraint 2{fixed}" if climbs else "boundary 2 fixed"
    vertices, edges, faces = list[str](), dict[tuple[int, int], int](), list[str]()
    for j, i in np.ndindex(rings + 1, ROUND):
        angle = 2 * np.pi * (i + 0.5 * (j % 2)) / ROUND
        at = f"{dent[j] * r[j] * np.cos(angle)} {dent[j] * r[j] * np.sin(angle)} {z[j]}"
        ends = {0: (rests, low), rings: (climbs, high)}
        where = at if j not in ends else f"{at if ends[j][0] else angle} {ends[j][1]}"
        vertices.append(f"{1 + j * ROUND + i} {where}")

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
    rims = [low] * ROUND + [high] * ROUND
    lines = [f"{n} {a} {b} {rims[n - 1] if n <= 2 * ROUND else ''}" for (a, b), n in edges.items()]
    whole = " ".join(str(n + 1) for n in range(len(faces)))
    body = f"1 {whole} volume {volume} volconst {np.pi * k * k * height}"
    return "\n".join([*head, "vertices", *vertices, "edges", *lines, "faces", *faces, "bodies", body]) + "\n"


def relaxed(case: Case, height: float, climbs: bool, rests: bool, held: bool = False) -> tuple[float, int] | None:
    """Energy as the exact law counts it, and the number of ways down from there."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "joint.fe").write_text(mesh(case, height, climbs, rests, held))
        run = subprocess.run(
            ["evolver", "-x", "joint.fe"], input=RELAX, text=True, capture_output=True, cwd=folder, timeout=300,
            check=False,
        )  # fmt: skip
    lines = run.stdout.splitlines()
    energy = next((float(line.split()[1]) for line in lines if line.startswith("FOUND")), None)
    counts = next((line for line in lines if line.startswith("Eigencounts:")), None)
    if energy is None or counts is None or np.isnan(energy):
        return None
    # the line integral holds the whole foot, the law what lies beyond the pad
    return energy + (np.pi * np.cos(np.radians(case.mask)) if rests else 0.0), int(counts.split()[1])


def compared(case: Case) -> Found | None:
    """One case in Evolver and by the exact law; none where Evolver found nothing."""
    law = exact(case, case.height)
    kind = bool(law.climbs), bool(law.rests)
    here, low, high = (relaxed(case, case.height * (1 + s), *kind) for s in (0.0, -STEP, STEP))
    still = relaxed(case, case.height, *kind, held=True)
    if not (here and low and high and still):
        return None
    force = (high[0] - low[0]) / (2 * STEP * case.height)
    found = law.energy, law.force, law.climb, law.foot_radius
    return Found(here[0], force, here[1], still[1], *(float(x) for x in found))


def cases() -> list[Case]:
    """The grid; a joint that would still be pinned is left out."""
    found = list[Case]()
    for k in RATIOS:
        for natural in NATURALS:
            low = float(joint.overhang_height(1.0, k, Case(k, natural, 0, 0, 0).volume))
            for share in SQUEEZES:
                found += [Case(k, natural, round(share * low, 4), *angles) for angles in ANGLES]
    laws = [exact(case, case.height * (1 + STEP)) for case in found]
    return [case for case, law in zip(found, laws, strict=True) if bool(law.exists & (law.climbs | law.rests))]


def write(every: int) -> None:
    """Run every so manieth case of the grid."""
    asked = cases()[::every]
    with DATA.open("w", newline="") as file, ThreadPoolExecutor(2) as pool:
        out = csv.writer(file)
        out.writerow([*Case._fields, *Found._fields])
        missed = 0
        for case, found in zip(asked, pool.map(compared, asked), strict=True):
            missed += found is None
            if found:
                out.writerow([f"{value:.9g}" for value in (*case, *found)])
                file.flush()
    print(f"{len(asked)} cases, {missed} without an answer")


def report() -> None:
    """Largest differences by kind of joint."""
    with DATA.open() as file:
        rows = np.array([[float(x) for x in row] for row in list(csv.reader(file))[1:]])
    energy, force, falls, held, law_energy, law_force, climb, foot = rows[:, 5:].T
    for name, kept in {
        "on the wall": (climb > 0) & (foot <= 1 + 1e-9),
        "on the mask": (climb <= 0) & (foot > 1 + 1e-9),
        "on both": (climb > 0) & (foot > 1 + 1e-9),
    }.items():
        if kept.any():
            off = np.abs(energy / law_energy - 1)[kept], np.abs(force / law_force - 1)[kept]
            print(
                f"{name:12} {kept.sum():3} joints: energy within {off[0].max():.1e}, force within {off[1].max():.2%} "
                f"(half {np.median(off[1]):.4%}); {np.sum(falls[kept] > 0)} are no minimum, "
                f"{np.sum(held[kept] > 0)} with their lines held"
            )
    for wall in sorted(set(rows[:, 3])):
        kept = rows[:, 3] == wall
        print(f"wall {wall:3.0f} deg  {kept.sum():3} joints, {np.sum(held[kept] > 0)} no minimum with their lines held")


def main() -> None:
    """Run what is asked for."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--write", action="store_true", help="run Surface Evolver and write data.csv")
    asked.add_argument("--every", type=int, default=1, help="of the grid, with --write")
    given = asked.parse_args()
    if given.write:
        write(given.every)
    report()


if __name__ == "__main__":
    main()
