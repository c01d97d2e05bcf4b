"""What every model must satisfy, as one call in a test of yours: `check_model(MyModel)`.

The checks see a model from outside only: its card, a few exact units of it and their gradients. They find what most
often goes wrong in a model of one's own: a limit on a response that is not there, a margin that is not a number, a
gradient that stops or does not exist, a state that is not affine in the pose, a unit that does not come to rest.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from numpyro.handlers import seed, trace

from yieldopt import units
from yieldopt.card import Card, Inputs
from yieldopt.errors import UserError
from yieldopt.exact import Unit, layout, margins, rows
from yieldopt.problem import Model, Problem, at
from yieldopt.standard import standardise
from yieldopt.study.config import default_study

STEP = 1e-5
"""Central differences move a knob by this share of its range: h^2 against the range's own curvature, rounding / h."""

GRADIENT = 1e-4
"""Greatest difference between gradient and central difference, of the largest slope a knob's range has."""


def check_model(model: type[Model[Any]], inputs: Inputs | None = None, units_drawn: int = 8) -> None:
    """Check a model in the study `inputs` (by default at its own starts); raise AssertionError with all that is wrong.

    `units_drawn` exact units are drawn with a fixed key. Needs 64-bit floats, as the command line and pytest set them:
    `jax.config.update("jax_enable_x64", True)`.
    """
    if not jax.config.read("jax_enable_x64"):
        raise AssertionError('Expected 64-bit floats; got 32. Call jax.config.update("jax_enable_x64", True) first.')
    card = model.card(model.__name__)
    wrong = _card(card)
    if not wrong:
        built = model.build(inputs or default_study(card).inputs)
        design = (
            model.Design(**{n: jnp.asarray(v, float) for n, v in inputs.design.items()}) if inputs else model.Design()
        )
        wrong = _named(built, card) + _programs(built, design)
        wrong = wrong or _drawn(Problem.of(built), design, card, units_drawn)
    if wrong:
        raise AssertionError(f"{model.__name__}:\n" + "\n".join(f"- {line}" for line in wrong))


def _card(card: Card) -> list[str]:
    """Every knob and spread in a known unit, with a meaning and a range the right way round."""
    wrong: list[str] = []
    for name, declared in {**card.knobs, **card.spreads, **card.responses}.items():
        if not declared.text.strip():
            wrong.append(f"{name} has no text: say what it means")
        try:
            units.base(declared.unit)
        except UserError as error:
            wrong.append(f"{name}: {error}")
    wrong += [
        f"{k.name}: {k.low} <= {k.start} <= {k.high} does not hold"
        for k in card.knobs.values()
        if not k.low <= k.start <= k.high
    ]
    wrong += [f"{s.name}: a spread of {s.sigma} is not positive" for s in card.spreads.values() if not s.sigma > 0]
    return wrong


def _named(model: Model[Any], card: Card) -> list[str]:
    """Limits and declared responses belong to a population that the model has; options may leave one out of a study."""
    known = {"", *model.populations(), *model.pairs()}
    read = {f"limit {x.name!r}": x.population for x in model.limits()}
    if not card.options:
        read |= {f"response {name!r}": x.population for name, x in card.responses.items()}
    wrong = [f"{who} is read on {where!r}; known: {sorted(known)}" for who, where in read.items() if where not in known]
    wrong += [
        f"pairs {name!r} are of {p.of!r}, no population" for name, p in model.pairs().items() if p.of not in known
    ]
    return wrong + [f"limit {x.name!r} has no side" for x in model.limits() if not x.sides]


def _programs(model: Model[Any], design: Any) -> list[str]:
    """Each program reads as standard normals and samples as NumPyro would; each state is affine in the pose."""
    programs: dict[str, Callable[[], Any]] = {"the model": lambda: model.variation(design)}
    programs |= {name: lambda p=p: p.variation(design) for name, p in model.populations().items()}
    wrong: list[str] = []
    for name, program in programs.items():
        try:
            trace(seed(program, 0)).get_trace()
        except Exception as error:  # whatever an author's own program may raise
            wrong.append(f"variation of {name} does not sample: {type(error).__name__}: {error}")
    if wrong:
        return wrong
    shared = standardise(programs["the model"], jnp.zeros(layout(Problem.of(model), design).unit))
    rest = model.rest(design, shared)
    for name, p in model.populations().items():
        site = at(p.sites, 0)
        states = [p.state(design, shared, rest + step, site) for step in (0.0, 0.5, 1.0)]
        for key in states[0]:
            first, middle, last = (float(state[key]) for state in states)
            if abs(first + last - 2 * middle) > 1e-9 * (1.0 + abs(first) + abs(last)):
                wrong.append(f"state {key!r} of {name} is not affine in the pose")
            if key in p.lengths and min(first, middle, last) < 0.0:
                wrong.append(f"state {key!r} of {name} is named in lengths and is below zero")
        wrong += [f"lengths of {name} names {key!r}, not a state" for key in p.lengths if key not in states[0]]
    return wrong


def _drawn(problem: Problem[Any], design: Any, card: Card, count: int) -> list[str]:
    """The median unit and a few random ones: at rest, margins that are numbers, gradients that are the slopes."""
    sizes = layout(problem, design)
    key = jax.random.key(1)

    def unit(design: Any, index: Array) -> Unit:
        own = jax.random.split(jax.random.fold_in(key, index), 1 + len(sizes.element))
        scale = jnp.where(index == 0, 0.0, 1.0)  # the first is the median unit
        elements = {
            name: scale * jax.random.normal(k, (p.sites.x.shape[0], sizes.element[name]))
            for k, (name, p) in zip(own[1:], problem.model.populations().items(), strict=True)
        }
        return margins(problem, design, scale * jax.random.normal(own[0], (sizes.unit,)), elements)

    found = eqx.filter_jit(jax.vmap(unit, (None, 0)))(design, jnp.arange(count + 1))
    wrong = (
        [] if bool(jnp.all(found.settled)) else [f"{int(jnp.sum(~found.settled))} of {count + 1} units do not settle"]
    )
    for index, (name, side) in enumerate(rows(problem)):
        if not bool(jnp.all(jnp.isfinite(found.margins[:, index]))):
            wrong.append(f"limit {name!r}, {side}: a margin is not finite")
    return wrong or _slopes(lambda d: unit(d, jnp.asarray(1)).margins, design, card, rows(problem))


def _slopes(measure: Callable[[Any], Array], design: Any, card: Card, names: list[tuple[str, str]]) -> list[str]:
    """Gradients of one unit's margins in every knob against central differences, in shares of the knobs' ranges."""
    knobs = [k for k in card.knobs.values() if k.high > k.low]
    if not knobs or not names:
        return []
    start = jnp.stack([jnp.asarray(getattr(design, k.name), float) for k in knobs])
    width = jnp.asarray([k.high - k.low for k in knobs])

    def at_share(share: Array) -> Array:
        values = list(start + share * width)
        return measure(eqx.tree_at(lambda d: [getattr(d, k.name) for k in knobs], design, values))

    # One after the other: programs that XLA runs at once on two cores have waited for each other for ever.
    slope = jax.block_until_ready(jax.jit(jax.jacfwd(at_share))(jnp.zeros(len(knobs))))
    steps = STEP * jnp.eye(len(knobs))
    several = jax.jit(jax.vmap(at_share))
    ahead = jax.block_until_ready(several(steps))
    reference = ((ahead - several(-steps)) / (2 * STEP)).T
    limit = GRADIENT * jnp.max(jnp.abs(reference), axis=1, keepdims=True) + 1e-9
    off = ~(jnp.abs(slope - reference) <= limit)  # so that a gradient that is not a number is off
    return [
        f"limit {names[r][0]!r}, {names[r][1]}: gradient in {knobs[k].name} is {slope[r, k]:.6g} over its range, "
        f"central difference {reference[r, k]:.6g}"
        for r, k in zip(*(index.tolist() for index in jnp.nonzero(off)), strict=True)
    ]
