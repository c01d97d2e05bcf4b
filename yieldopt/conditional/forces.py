"""Mean and scatter of the forces that elements exert, over their own draws, as series in the state.

A squeezed joint pushes a thousand times harder than a stretched one pulls: asinh of the mean and log of the variance
are what is fitted. Local quadrature does not shrink with the number of elements, so its points are stratified along the
direction in which the force varies most and whitened. Points and series leave .001 to .003 um in the height of a chip
(three studies of 10 to 160 um pitch; against 2,048 points and no series).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import qmc, rankdata

from yieldopt.conditional import chebyshev
from yieldopt.conditional.chunked import chunked
from yieldopt.conditional.structure import Family
from yieldopt.problem import Problem
from yieldopt.standard import standardise

CROWD = 256
"""Local quadrature points of a mean force."""
FORCE_DEGREES = (40, 8, 6)
"""Degrees of a mean force: in its own state, and in the others."""
FINER = 3.0
"""How far the middle of a box is spread out: series see it 1.65 times as finely (3 / arcsinh 3), the ends half so."""


class Mean(NamedTuple):
    """What a crowd of alike elements does in a state: mean force, its slope in that state, variance of the force; and
    the slopes, in that state, of the slope and of the variance.
    """

    value: Array
    slope: Array
    variance: Array
    bend: Array
    wider: Array


def gathered(place: Any) -> Any:
    """Where a series has a place in the box: its middle, where most states are, spread out at its ends' expense."""
    return jnp.arcsinh(FINER * place) / np.arcsinh(FINER)


def stretched(point: np.ndarray) -> np.ndarray:
    """The place that a series has at `point`: undoes `gathered`."""
    return np.sinh(np.arcsinh(FINER) * point) / FINER


def sobol_normals(count: int, size: int, seed: int) -> np.ndarray:
    """Scrambled Sobol points as standard normals, kept off the two ends."""
    if size == 0:
        return np.zeros((count, 0))
    points = qmc.Sobol(size, scramble=True, rng=np.random.default_rng(seed)).random(count)
    return ndtri(np.clip(points, 1e-16, 1 - 1e-16))


def crowd_normals(count: int, size: int) -> np.ndarray:
    """Antithetic points with unit covariance, the first coordinate at the quantiles' midpoints."""
    if size == 0:
        return np.zeros((count, 0))
    points = sobol_normals(count // 2, size, 1)
    points[:, 0] = ndtri((rankdata(points[:, 0]) - 0.5) / len(points))
    points = np.linalg.solve(np.linalg.cholesky(points.T @ points / len(points)), points.T).T
    return np.concatenate([points, -points])


def tables(
    problem: Problem[Any], design: Any, family: Family, centre: Array, half: Array
) -> tuple[tuple[Array, ...], Array]:
    """Series of the mean and the variance of each force of a family, and each force's scale."""
    p = problem.model.populations()[family.of]
    points = jnp.asarray(crowd_normals(CROWD, family.normals))
    series: list[Array] = []
    scales: list[Array] = []

    def force(own: int, at: Array, s: Array, z: Array) -> Array:
        name, element = family.states[own], standardise(lambda: p.variation(design), z)
        return p.force(design, {**dict(zip(family.states, s, strict=True)), name: at}, element)[name]

    for own, used in family.forces:
        axes, degrees = axes_of(own, used)
        others = np.array(axes[1:], int)
        along_own = centre[own] + stretched(chebyshev.grid(degrees[:1])[:, 0]) * half[own]
        where = jnp.tile(centre, (len(chebyshev.grid(degrees[1:])), 1))
        where = where.at[:, others].add(stretched(chebyshev.grid(degrees[1:])) * half[others])
        steep = jax.lax.stop_gradient(jax.grad(force, argnums=3)(own, centre[own], centre, jnp.zeros(family.normals)))
        turned = points @ jax.lax.stop_gradient(_reflection(steep))

        def moments(
            s: Array, own: int = own, turned: Array = turned, along_own: Array = along_own
        ) -> tuple[Array, Array]:
            # The own state is mapped innermost: what of the element does not feel it is computed once for all of them.
            drawn = jax.vmap(lambda z: jax.vmap(lambda at: force(own, at, s, z))(along_own))(turned)
            return drawn.mean(0), drawn.var(0)

        # Without the checkpoint the reverse pass keeps every element's force: gigabytes, written and read once.
        mean, variance = (found.T.ravel() for found in chunked(jax.checkpoint(moments), where, 4))
        scale = _median(jax.lax.stop_gradient(jnp.abs(mean))) + 1e-30
        values = jnp.stack([jnp.arcsinh(mean / scale), jnp.log(variance / scale**2 + 1e-12)], -1)[:, None]
        series.append(chebyshev.fit(values, jnp.ones((len(mean), 1)), degrees)[..., 0, :])
        scales.append(scale)
    return tuple(series), jnp.stack(scales) if scales else jnp.zeros(0)


def _median(values: Float[Array, " points"]) -> Array:
    """The median, by counting: a program that sorts cannot always be kept (`programs`)."""
    below = (values <= values[:, None]).sum(1)
    count = len(values)
    low, high = (jnp.where(below > k, values, jnp.inf).min() for k in ((count - 1) // 2, count // 2))
    return 0.5 * (low + high)


def axes_of(own: int, used: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """States of a force's series, its own first, and their degrees."""
    axes = (own, *(i for i in used if i != own))
    return axes, FORCE_DEGREES[: len(axes)] if len(axes) <= 3 else (16, *(3,) * (len(axes) - 1))


def read(
    series: Float[Array, "terms columns nodes"],
    where: Float[Array, " nodes"],
    scale: Array,
    half: Array,
    order: int = 1,
) -> Mean:
    """Forces in their own states (scaled to [-1, 1]) at `where`; straight lines beyond the box.

    The series are of the lifted mean and of the log variance; without that it is zero. The bends are zero below order
    two.
    """
    inside = jnp.clip(where, -1.0, 1.0)
    lifted, steep, *second = chebyshev.derivatives(gathered(inside), series, order)
    root = jnp.sqrt(1.0 + (FINER * inside) ** 2)
    once = (FINER / np.arcsinh(FINER)) / root  # slope of `gathered`
    up = jnp.exp(lifted[0])
    down = 1.0 / up
    sinh, cosh, lean = 0.5 * (up - down), 0.5 * (up + down), steep * once
    slope = cosh * lean[0]
    value = scale * (sinh + slope * (where - inside))
    none = jnp.zeros_like(value)
    variance = scale**2 * jnp.exp(lifted[1]) if len(lifted) > 1 else none
    if not second:
        return Mean(value, scale * slope / half, variance, none, none)
    held = jnp.abs(where) > 1.0
    bent = second[0][0] * once**2 - steep[0] * once * FINER**2 * inside / root**2
    bend = jnp.where(held, 0.0, scale * (sinh * lean[0] ** 2 + cosh * bent) / half**2)
    return Mean(value, scale * slope / half, variance, bend, jnp.where(held, 0.0, variance * lean[1] / half))


def along(series: Array, others: Float[Array, "axes nodes"]) -> Float[Array, "terms 2 nodes"]:
    """A force's series with the other states put in, as `read` takes it."""
    return chebyshev.along(gathered(jnp.clip(others, -1.0, 1.0)), series)


def _reflection(towards: Float[Array, " normals"]) -> Float[Array, "normals normals"]:
    """A rotation that takes the first axis to a direction (to itself where there is none)."""
    size = towards.shape[0]
    first = jnp.eye(size)[0] if size else towards
    length = jnp.linalg.norm(towards)
    unit = jnp.where(length > 1e-12, towards / jnp.maximum(length, 1e-12), first)
    away = unit - first
    square = away @ away
    flip = jnp.eye(size) - 2.0 * jnp.outer(away, away) / jnp.maximum(square, 1e-12)
    return jnp.where(square > 1e-12, flip, jnp.eye(size))
