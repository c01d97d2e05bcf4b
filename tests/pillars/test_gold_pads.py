"""Joints on gold pads, and how they are made: dissolution and shares by hand, tails by normals, what claims change."""

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.handlers import seed
from yieldopt_pillars.assemblies import gold_pad_joint

from yieldopt import exact
from yieldopt.card import BumpMap, Inputs

F = gold_pad_joint.MODEL
X, Y = np.meshgrid((np.arange(5) - 2.0) * 160.0, (np.arange(4) - 1.5) * 160.0)
BUMPS = BumpMap(X.ravel(), Y.ravel(), 160.0)


def asked(model, options=None, roles=None, **design) -> Inputs:
    card = model.card()
    return Inputs(
        design={name: knob.start for name, knob in card.knobs.items()} | design,
        ranges={name: (knob.low, knob.high) for name, knob in card.knobs.items()},
        spreads={name: spread.sigma for name, spread in card.spreads.items()},
        limits={},
        options={name: choice.default for name, choice in card.options.items()} | (options or {}),
        materials={name: choice.default for name, choice in card.materials.items()} | (roles or {}),
        bump_map=BUMPS,
    )


def designed(model, inputs):
    return model.Design(**{name: jnp.asarray(value, float) for name, value in inputs.design.items()})


def measured(model, options=None, roles=None, **design) -> dict[str, np.ndarray]:
    """Every response of the elements, and of the unit, of one drawn unit at rest."""
    inputs = asked(model, options, roles, **design)
    made, drawn = model.build(inputs), designed(model, inputs)
    shared = seed(made.variation, 3)(drawn)
    populations, own = made.populations(), {}
    for name, p in populations.items():
        keys = jax.random.split(jax.random.key(4), p.sites.x.shape[0])
        own[name] = jax.vmap(lambda key, p=p: seed(p.variation, key)(drawn))(keys)
    pose, found = exact.settle(made, drawn, shared, own)
    assert bool(found)
    seen = dict(made.response(drawn, shared, pose))
    for name, p in populations.items():
        states = jax.vmap(lambda site, p=p: p.state(drawn, shared, pose, site))(p.sites)
        seen |= jax.vmap(lambda s, e, p=p: p.response(drawn, s, e))(states, own[name])
    return {name: np.asarray(value) for name, value in seen.items()}
