"""The settled unit, every joint drawn: balance, derivatives, energy, and what may not matter (labels, a quarter turn).

144 joints, of the middling line that the model starts from, a few draws each. Forces are summed here joint by joint in
NumPy from places and heights, not by the model's own states.
"""

from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.handlers import seed
from yieldopt_pillars.assemblies._joints import Shared
from yieldopt_pillars.assemblies._making import Own
from yieldopt_pillars.assemblies.capped_pillar import MODEL, CappedPillar
from yieldopt_pillars.parts import joint

from yieldopt import exact
from yieldopt.card import BumpMap, Inputs

COUNT, EDGE, PITCH = 144, 5.5 * 160.0, 160.0
"""Joints, half of the array's side and pitch (um)."""
PLACES = [side.ravel() for side in np.meshgrid(*2 * [np.linspace(-EDGE, EDGE, 12)])]
BUMPS = BumpMap(PLACES[0], PLACES[1], PITCH)
CARD = MODEL.card()
U, V = BUMPS.x / EDGE, BUMPS.y / EDGE
RAW = np.stack([np.cos(np.pi * U), np.cos(np.pi * V), np.sin(np.pi * U / 2) * np.sin(np.pi * V / 2)])
WAVES = (RAW - RAW.mean(1, keepdims=True)) / RAW.std(1, keepdims=True)
"""The smooth modes of a field at every joint."""
X, W = np.polynomial.legendre.leggauss(16)

pull = jax.jit(jax.vmap(joint.force))


def asked(bumps: BumpMap) -> Inputs:
    """The model's own starts on a bump map."""
    return Inputs(
        design={name: knob.start for name, knob in CARD.knobs.items()},
        ranges={name: (knob.low, knob.high) for name, knob in CARD.knobs.items()},
        spreads={name: spread.sigma for name, spread in CARD.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in CARD.options.items()},
        materials={name: choice.default for name, choice in CARD.materials.items()},
        bump_map=bumps,
    )


def unit(key: int, bumps: BumpMap = BUMPS) -> tuple[CappedPillar, Any, Shared, Own]:
    """A model, its design, and a drawn unit: warped, twisted, uneven, with noise of its own at every joint."""
    inputs = asked(bumps)
    model = MODEL.build(inputs)
    design = MODEL.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})
    shared = seed(model.variation, key)(design)
    keys = jax.random.split(jax.random.key(100 + key), COUNT)
    own = jax.vmap(lambda k: seed(model.joints.variation, k)(design))(keys)
    return model, design, shared, own


def settled(model: CappedPillar, design: Any, shared: Shared, own: Own) -> np.ndarray:
    pose, found = exact.settle(model, design, shared, {"joint": own})
    assert bool(found)
    return pose


def gaps(design: Any, shared: Shared, own: Own, pose: np.ndarray) -> np.ndarray:
    """Height of the liquid at every joint at the solidus."""
    square = U**2 + V**2
    twist = float(shared.twist * design.solidus_ratio)
    bent = float(shared.warpage[1]) * (square - square.mean()) / square.max() + twist * U * V
    chip = float(shared.heights.offset) + np.asarray(shared.heights.modes) @ WAVES
    pad = np.asarray(shared.below.modes) @ WAVES
    tall = float(design.pillar_height + design.nickel_height) + chip + pad + np.asarray(own.height + own.pad)
    face = pose[3] + pose[4] * U + pose[5] * V
    return np.asarray(face + bent - tall)


def forces(model: CappedPillar, design: Any, shared: Shared, own: Own, pose: np.ndarray) -> np.ndarray:
    """Force on the chip and its two moments over the edge, per surface tension (um), at the solidus."""
    height = gaps(design, shared, own, pose)
    # The cap: nominal, the die's share, the current map's modes, the bump's own.
    die = float(design.cap_correlation * model.joints.spreads.cap_die * design.cap_height) / np.sqrt(3.0)
    cap = float(design.cap_height * (1.0 + shared.solder)) + die * np.asarray(shared.heights.waves) @ WAVES
    pillar = float(design.pillar_diameter + shared.diameter) + np.asarray(own.diameter)
    volume = np.pi / 4 * pillar**2 * (cap + np.asarray(own.solder))
    eaten = 0.692 * 0.383 * np.cbrt(60.0) * np.pi / 4 * (0.1 * pillar**2 + float(design.pad_opening) ** 2)
    pad = np.full(COUNT, 0.5 * float(design.pad_opening))
    each = np.asarray(pull(pad, 0.5 * pillar, volume - eaten, height))
    weight = 9.80665e-9 * 2.33 * (12 * PITCH) ** 2 * 300.0 / float(model.support.tension)  # silicon, a cell a joint
    return np.array([each.sum() + weight, each @ U, each @ V])


@pytest.mark.parametrize("key", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in (2, 3))])
def test_forces_and_moments_balance(key: int) -> None:
    model, design, shared, own = unit(key)
    pose = settled(model, design, shared, own)
    size = np.abs(forces(model, design, shared, own, pose + np.eye(6)[3])).max()
    assert size > 1e3, "a micrometre off the balance is felt"
    assert np.linalg.norm(forces(model, design, shared, own, pose)) < 1e-10 * COUNT * 40.0


@pytest.mark.slow
def test_derivatives_of_the_pose_are_those_of_its_differences() -> None:
    model, design, shared, own = unit(4)

    def pose(height: jax.Array, opening: jax.Array) -> jax.Array:
        moved = eqx.tree_at(lambda o: o.height, own, own.height.at[17].add(height))
        changed = eqx.tree_at(lambda d: d.pad_opening, design, design.pad_opening + opening)
        return exact.settle(model, changed, shared, {"joint": moved})[0]

    both = jax.jit(jax.jacfwd(pose, argnums=(0, 1)))(jnp.zeros(()), jnp.zeros(()))
    look = jax.jit(pose)
    step = 0.004  # a joint's force turns within some .2 um of its overhang
    for slope, along in zip(both, np.eye(2), strict=True):
        one, two = ([look(*(s * n * step * along)) for s in (1, -1)] for n in (1, 2))
        found = (8.0 * (one[0] - one[1]) - (two[0] - two[1])) / (12.0 * step)
        np.testing.assert_allclose(slope, found, rtol=1e-7, atol=1e-7 * float(jnp.abs(slope).max()))


def test_the_energy_falls_with_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of the joints along each Newton step, by quadrature; from the model's first guess, lifted and squeezed."""
    model, design, shared, own = unit(5)
    guess, lifts = model.rest(design, shared), jnp.array([6.0, 0.0, -4.0])
    starts = guess + lifts[:, None] * jnp.array([1.0, 0, 0, 1.0, 0, 0])

    @jax.jit
    def walked(steps: jax.Array) -> jax.Array:
        monkeypatch.setattr(exact, "STEPS", steps)

        def settle(start: jax.Array) -> jax.Array:
            monkeypatch.setattr(MODEL, "rest", lambda *_: start)
            return exact.settle(model, design, shared, {"joint": own})[0]

        return jax.vmap(settle)(starts)

    paths = [np.asarray(starts), *(np.asarray(walked(jnp.asarray(steps))) for steps in range(1, 11))]
    for poses in np.stack(paths, 1):
        for before, after in pairwise(poses):
            move = (after - before)[3:]
            along = [forces(model, design, shared, own, before + (1 + x) / 2 * (after - before)) @ move for x in X]
            assert float(W @ np.array(along) / 2) <= 1e-9 * COUNT * 40.0
        assert np.abs(poses[-1] - poses[-2]).max() < 1e-9


def test_a_relabelled_bump_map_changes_nothing() -> None:
    model, design, shared, own = unit(6)
    order = np.random.default_rng(6).permutation(COUNT)
    other = MODEL.build(asked(BumpMap(BUMPS.x[order], BUMPS.y[order], BUMPS.pitch)))
    pose = settled(model, design, shared, own)
    found = settled(other, design, shared, jax.tree.map(lambda leaf: leaf[order], own))
    np.testing.assert_allclose(found, pose, atol=1e-10)


def test_a_quarter_turn_of_everything_changes_nothing() -> None:
    """Sites, fields, twist and lateral errors turned by 90 degrees: the pose turns with them, no joint is any other."""
    model, design, shared, own = unit(7)
    own = eqx.tree_at(lambda o: (o.x, o.y), own, (0.0 * own.x, 0.0 * own.y))
    turned = MODEL.build(asked(BumpMap(-BUMPS.y, BUMPS.x, BUMPS.pitch)))
    swap, spin = jnp.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]]), jnp.array([[0.0, -1], [1, 0]])
    align = shared.alignment
    other = eqx.tree_at(
        lambda s: (
            s.heights.waves, s.below.waves, s.twist,
            s.alignment.placement, s.alignment.registration, s.alignment.residual,
        ),
        shared,
        (
            swap @ shared.heights.waves, swap @ shared.below.waves, -shared.twist,
            spin @ align.placement, spin @ align.registration, spin @ align.residual,
        ),
    )  # fmt: skip
    pose, found = settled(model, design, shared, own), settled(turned, design, other, own)
    tilt = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    np.testing.assert_allclose(found, np.kron(np.eye(2), tilt) @ pose, atol=1e-10)

    def seen(model: CappedPillar, shared: Shared, pose: Any) -> Any:
        states = jax.vmap(lambda site: model.joints.state(design, shared, pose, site))(model.joints.sites)
        return jax.vmap(lambda s, o: model.joints.response(design, s, o))(states, own)

    one, two = seen(model, shared, pose), seen(turned, other, found)
    for name in one:
        np.testing.assert_allclose(one[name], two[name], atol=1e-10 * max(1.0, float(jnp.abs(one[name]).max())))


def test_a_placement_error_is_pulled_back_to_nothing() -> None:
    """Any lateral springs: what is rigid (shift and turn) goes, what the pattern has stays; NumPy minimizes the energy.

    The model takes the same stiffness for every joint. A shift and a turn go whatever the stiffnesses are.
    """
    _, _, shared, _ = unit(8)
    align = eqx.tree_at(
        lambda a: (a.placement, a.rotation, a.residual, a.registration),
        shared.alignment,
        (jnp.array([7.0, -3.0]), jnp.asarray(2e-3), jnp.zeros(2), jnp.zeros(2)),
    )
    places = np.stack([BUMPS.x, BUMPS.y], 1)
    stiff = np.random.default_rng(8).uniform(0.5, 2.0, COUNT).repeat(2)
    moves = np.concatenate(
        [np.tile(np.eye(2), (COUNT, 1)), np.stack([-places[:, 1], places[:, 0]], 1).reshape(-1, 1)], 1
    )
    for expansion in (0.0, 1e-3):
        own = eqx.tree_at(lambda a: a.expansion, align, jnp.asarray(expansion))
        error = np.array([own.placed(place, jnp.zeros(2)) for place in places]).ravel()
        weight = stiff if expansion == 0.0 else np.ones(2 * COUNT)
        move = np.linalg.solve(moves.T @ (weight[:, None] * moves), -moves.T @ (weight * error))
        left = (error + moves @ move).reshape(-1, 2)
        found = np.array([own.aligned(place, jnp.zeros(2), 0.0) for place in places])
        np.testing.assert_allclose(found, left, atol=1e-10)
