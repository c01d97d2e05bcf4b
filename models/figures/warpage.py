"""How a film bows a chip, thick or thin, and how far two patterns run apart that were joined hot."""

import jax
import jax.numpy as jnp
import numpy as np
from look import BLUE, GREEN, INK, MUTED, ORANGE, note, sheet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from yieldopt_pillars import materials
from yieldopt_pillars.parts import warpage

SPAN = 10_000.0
"""Of the bow, um."""
SILICON, POISSON = materials.material("Si"), 0.22
FILMS = (
    ("10 um of polymer, 200 K", 10.0, 3500.0, 0.35, 35e-6, 200.0, ORANGE),
    ("3 um of copper, 100 K", 3.0, 120_000.0, 0.34, 16.5e-6, 100.0, BLUE),
)
"""Name, thickness (um), modulus (MPa), Poisson's ratio, expansion (1/K), cooling (K)."""
RUNS = (
    ("silicon at 300 over 150 degC", SILICON.expansion, (150.0, 300.0), GREEN),
    ("silicon on laminate, 200 K", 15e-6, (200.0, 200.0), INK),
)
"""Name, expansion of the bottom body (1/K), rises of temperature of bottom and top body (K)."""


def draw() -> Figure:
    """Bow against the chip's thickness, run-out against the distance from the centre."""
    figure, (left, right) = sheet(2.7, (1.0, 1.0))
    bows(left)
    runs(right)
    return figure


def bows(axes: Axes) -> None:
    """Of the whole stack, and as Stoney has it for a thin film."""
    thickness = jnp.geomspace(40.0, 800.0, 200)
    for name, film, modulus, poisson, expansion, cooling, colour in FILMS:

        def stack(t: jax.Array, own: tuple[float, ...] = (film, modulus, poisson, expansion, cooling)) -> jax.Array:
            film, modulus, poisson, expansion, cooling = own
            layers = warpage.Layers(
                jnp.stack([t, jnp.asarray(film)]),
                jnp.array([SILICON.modulus, modulus]),
                jnp.array([POISSON, poisson]),
                jnp.array([SILICON.expansion, expansion]),
            )
            return jnp.asarray(warpage.stack_bow(layers, -cooling, SPAN))

        stress = modulus / (1.0 - poisson) * (expansion - SILICON.expansion) * cooling
        thin = warpage.film_bow(stress, film, SILICON.modulus, POISSON, thickness, SPAN)
        bow = np.asarray(jax.vmap(stack)(thickness))
        axes.loglog(thickness, thin, "--", color=colour, linewidth=1.0)
        axes.loglog(thickness, bow, color=colour, linewidth=1.8)
        note(axes, *((45.0, 1.1) if colour == ORANGE else (165.0, 22.0)), name, colour)
    note(axes, 45.0, 0.25, "dashed: thin film (Stoney)", MUTED)
    axes.set(xlabel="thickness of the silicon, um", ylabel="bow over 10 mm, um", xlim=(40.0, 1500.0))
    axes.set_xticks([50, 100, 200, 400, 800], labels=["50", "100", "200", "400", "800"])
    axes.set_yticks([0.1, 1, 10, 100], labels=["0.1", "1", "10", "100"])
    axes.minorticks_off()


def runs(axes: Axes) -> None:
    """How far the chip's pattern lags behind, or leads."""
    distance = jnp.array([0.0, 5000.0])
    for name, below, rises, colour in RUNS:
        lead = np.asarray(warpage.run_out(distance, (below, SILICON.expansion), rises))
        axes.plot(distance / 1000, lead, color=colour, linewidth=1.8)
        note(axes, *((0.4, 2.4) if lead[1] > 0 else (0.2, -9.0)), name, colour)
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    axes.set(
        xlabel="distance from the centre, mm", ylabel="chip's pattern ahead, um", xlim=(0.0, 5.2), ylim=(-13.0, 4.0)
    )
