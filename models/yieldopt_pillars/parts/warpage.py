"""How far a body bows: what layers that expand unlike one another do to a thin plate when its temperature changes.

Lengths in um, moduli and stresses in MPa, temperature changes in K, expansions in 1/K, curvatures in 1/um; pure scalar
functions without a batch axis. A positive curvature or bow lifts the corners above the centre, as the bow of
`coplanarity`, in the body's own frame: face up. Turned face down, the same body has the opposite sign.

Valid for a free, flat and thin plate (span above some ten thicknesses), its layers whole, isotropic in plane and
elastic, at one temperature; for small deflections, a bow below the thickness: beyond, a plate stiffens and may bend
like a cylinder. Copper that yields, polymers that relax and films cut into lines bow less. The change counts from the
temperature at which the body is flat, for a polymer that of its cure.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from yieldopt.typing import Scalar


class Layers(NamedTuple):
    """A stack from the bottom up: thickness (um), Young's modulus (MPa), Poisson's ratio, expansion (1/K) of each."""

    thickness: Float[Array, " layers"]
    modulus: Float[Array, " layers"]
    poisson: Float[Array, " layers"]
    expansion: Float[Array, " layers"]


def bow(curvature: Scalar, span: Scalar) -> Scalar:
    """Rise of the ends over the middle of a span, um: kappa L^2 / 8, a shallow arc.

    The span of a corner's rise is the diagonal; that of the middle of a side, the side.
    """
    return curvature * span**2 / 8.0


def film_curvature(stress: Scalar, film: Scalar, modulus: Scalar, poisson: Scalar, thickness: Scalar) -> Scalar:
    """Curvature by a film under `stress` (tension positive) on top of a body: 6 sigma t_f (1 - nu) / (E t^2).

    Stoney (Proc. R. Soc. A 82, 172, 1909), with the biaxial modulus E / (1 - nu) of the body (`modulus`, `poisson`,
    `thickness`). For films much thinner than the body: the true curvature is greater by t_f/t (1 - 4 E_f/E) of itself,
    biaxial moduli, to first order. The film's own modulus is not needed; mismatch alone stresses it by
    E_f / (1 - nu_f) (alpha_body - alpha_film) dT.
    """
    return 6.0 * stress * film * (1.0 - poisson) / (modulus * thickness**2)


def film_bow(stress: Scalar, film: Scalar, modulus: Scalar, poisson: Scalar, thickness: Scalar, span: Scalar) -> Scalar:
    """Bow over a span (um) by a thin film under `stress` on top of a body: that of `film_curvature`."""
    return bow(film_curvature(stress, film, modulus, poisson, thickness), span)


def bilayer_curvature(
    thickness: tuple[Scalar, Scalar], modulus: tuple[Scalar, Scalar], expansion: tuple[Scalar, Scalar], change: Scalar
) -> Scalar:
    """Curvature of two bonded layers, (bottom, top), of any thicknesses: Timoshenko's bimetal.

    kappa = 6 (a2 - a1) dT (1 + m)^2 / (t (3 (1 + m)^2 + (1 + m n) (m^2 + 1 / (m n)))), with 1 the top, 2 the bottom,
    m = t1/t2, n = E1/E2, t = t1 + t2 (Timoshenko, J. Opt. Soc. Am. 11, 233, 1925). Young's moduli for a narrow strip,
    as he meant it; the biaxial ones, E / (1 - nu), for a plate: only their ratio counts.
    """
    m, n = thickness[1] / thickness[0], modulus[1] / modulus[0]
    square = (1.0 + m) ** 2
    shape = square / (3.0 * square + (1.0 + m * n) * (m**2 + 1.0 / (m * n)))
    return 6.0 * (expansion[0] - expansion[1]) * change * shape / (thickness[0] + thickness[1])


def laminate(layers: Layers, change: Scalar) -> tuple[Array, Array]:
    """Strain of the mid-plane and curvature of any stack after a change of temperature.

    Classical laminate theory, equal in both directions of the plane: the strain at height z over the mid-plane is
    e - kappa z, and neither force nor moment is left, A e - B kappa = N and B e - D kappa = M, with A, B, D the sums of
    E / (1 - nu) over 1, z, z^2 and N, M those of the free expansion over 1, z.
    """
    thickness = layers.thickness
    stiffness = layers.modulus / (1.0 - layers.poisson) * thickness
    z = jnp.cumsum(thickness) - 0.5 * thickness - 0.5 * jnp.sum(thickness)
    free = stiffness * layers.expansion * change
    a, b, d = jnp.sum(stiffness), jnp.sum(stiffness * z), jnp.sum(stiffness * (z**2 + thickness**2 / 12.0))
    force, moment = jnp.sum(free), jnp.sum(free * z)
    determinant = a * d - b**2
    return (d * force - b * moment) / determinant, (b * force - a * moment) / determinant


def stack_bow(layers: Layers, change: Scalar, span: Scalar) -> Scalar:
    """Bow over a span (um) of any stack after a change of temperature: that of `laminate`."""
    return bow(laminate(layers, change)[1], span)


def run_out(distance: Scalar, expansion: tuple[Scalar, Scalar], change: tuple[Scalar, Scalar]) -> Scalar:
    """How far the top body's pattern has grown beyond the bottom's, `distance` from their common centre, um.

    x (a_top dT_top - a_bottom dT_bottom): each body (bottom, top) expands freely, with its own change of temperature
    from that at which the two patterns match. Expansions are means over the change.
    """
    return distance * (expansion[1] * change[1] - expansion[0] * change[0])
