"""A box places, reads and maps the knobs it names and leaves the others alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yieldopt.box import Box
from yieldopt.knob import knob


class Plate(eqx.Module):
    hole: jax.Array = knob(10.0, 9.0, 11.0, "um", "mask", "hole")
    slot: jax.Array = knob(4.0, 3.0, 6.0, "um", "recipe", "slot")
    pitch: jax.Array = knob(20.0, 18.0, 25.0, "um", "mask", "pitch")


BOX = Box.of({"slot": (3.0, 6.0), "hole": (9.0, 11.0)})


def test_it_places_and_reads_its_own_knobs_and_no_other():
    placed = BOX.place(Plate(), jnp.asarray([5.0, 9.5]))
    assert (float(placed.slot), float(placed.hole), float(placed.pitch)) == (5.0, 9.5, 20.0)
    np.testing.assert_array_equal(BOX.read(placed), [5.0, 9.5])


def test_corners_are_all_and_each_once():
    corners = {tuple(corner) for corner in np.asarray(BOX.corners()).tolist()}
    assert corners == {(3.0, 9.0), (3.0, 11.0), (6.0, 9.0), (6.0, 11.0)}
    np.testing.assert_array_equal(BOX.corners()[1], [3.0, 11.0])  # the first knob is the slowest
    np.testing.assert_array_equal(BOX.centre, [4.5, 10.0])
    np.testing.assert_array_equal(BOX.half, [1.5, 1.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-3, 1 - 1e-3), min_size=2, max_size=2))
def test_inside_undoes_free(share: list[float]):
    point = BOX.low + (BOX.high - BOX.low) * jnp.asarray(share)
    np.testing.assert_allclose(BOX.inside(BOX.free(point)), point, rtol=1e-12)


def test_a_point_on_a_face_can_still_move():
    free = BOX.free(BOX.high)
    assert bool(jnp.all(jnp.isfinite(free)))
    slope = jax.grad(lambda z: BOX.inside(z).sum())(free)
    assert float(jnp.min(slope)) > 5e-4
    np.testing.assert_allclose(BOX.inside(free), BOX.high - 1e-3 * (BOX.high - BOX.low), rtol=1e-12)


def test_no_free_coordinate_leaves_the_box():
    far = jnp.asarray([1e6, -1e6])
    np.testing.assert_array_equal(BOX.inside(far), [6.0, 9.0])
    assert Box.of({}).names == ()
