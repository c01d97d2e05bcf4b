"""A unit, its populations of elements and their limits: authors write one element and one unit, the engine makes many.

What the elements share is drawn once a unit (`Model.variation`); what each has for itself is drawn an element
(`Population.variation`). The bodies come to rest where the elements' forces balance (`settle`). Shared draws reach an
element through the few scalars of `Population.state` alone, so that, given them, elements are independent.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from yieldopt.card import Bound, Card, Choice, Inputs, Response
from yieldopt.errors import UserError
from yieldopt.knob import knobs, spreads
from yieldopt.standard import dimension, standardise
from yieldopt.typing import Measures, Scalar

D = TypeVar("D", bound=eqx.Module)


class Sites(eqx.Module):
    """Where elements sit, about the unit's centre; `axis` is the unit vector along a pair (zero for single sites)."""

    x: Float[Array, "*sites"]
    y: Float[Array, "*sites"]
    axis: Float[Array, "*sites 2"]

    @classmethod
    def at(cls, x: Any, y: Any) -> "Sites":
        """Single sites at the given centres."""
        x, y = jnp.asarray(x, float), jnp.asarray(y, float)
        return cls(x, y, jnp.zeros((*x.shape, 2)))


class Limit(eqx.Module):
    """A two-sided limit on one response; an open side is infinite. Its margins are >= 0 when it is met.

    `low` and `high` are traced: moving a limit never recompiles. Which sides exist is fixed by `sides`. `ranged`: what
    is limited is the largest less the smallest over a population.
    """

    name: str = eqx.field(static=True)
    population: str = eqx.field(static=True)
    response: str = eqx.field(static=True)
    sides: tuple[str, ...] = eqx.field(static=True)
    low: Scalar = -jnp.inf
    high: Scalar = jnp.inf
    ranged: bool = eqx.field(static=True, default=False)

    @classmethod
    def range(cls, name: str, population: str, response: str, high: float) -> "Limit":
        """Make a limit on how far apart the elements of a unit may lie in a response, its coplanarity say."""
        return cls(name, population, response, ("high",), high=jnp.asarray(high, float), ranged=True)

    @classmethod
    def of(cls, name: str, population: str, response: str, low: float = -jnp.inf, high: float = jnp.inf) -> "Limit":
        """Make a limit whose finite sides are the ones it has."""
        sides = tuple(side for side, bound in (("low", low), ("high", high)) if abs(bound) < jnp.inf)
        return cls(name, population, response, sides, jnp.asarray(low, float), jnp.asarray(high, float))

    def margins(self, value: Array) -> list[Array]:
        """One margin a side, in the unit of the response."""
        return [value - self.low if side == "low" else self.high - value for side in self.sides]


class Population(eqx.Module, Generic[D]):
    """Like elements on a unit, each at a site. No batch axis, no key, no loop: one element.

    `lengths` names the states that are never below zero, as a distance is.
    """

    lengths: ClassVar[tuple[str, ...]] = ()
    sites: eqx.AbstractVar[Sites]

    @abc.abstractmethod
    def variation(self, design: D) -> Any:
        """Draw one element's own variation: a NumPyro program."""

    @abc.abstractmethod
    def state(self, design: D, shared: Any, pose: Float[Array, " pose"], site: Sites) -> Measures:
        """The few scalars through which shared draws and pose reach the element at `site`; affine in `pose`."""

    @abc.abstractmethod
    def response(self, design: D, state: Measures, element: Any) -> Measures:
        """Measure one element; pure JAX."""

    def force(self, design: D, state: Measures, element: Any) -> Measures:
        """Force conjugate to some of the state's scalars (dE/dstate, tension positive); none by default."""
        del design, state, element
        return {}


class Pairs(eqx.Module, Generic[D]):
    """Neighbouring elements of one population that a limit joins; `sites` are the midpoints with their `axis`."""

    of: eqx.AbstractVar[str]
    first: eqx.AbstractVar[Int[Array, " pairs"]]
    second: eqx.AbstractVar[Int[Array, " pairs"]]
    sites: eqx.AbstractVar[Sites]

    @abc.abstractmethod
    def response(self, design: D, state: Measures, first: Any, second: Any, site: Sites) -> Measures:
        """Measure one pair in the state at its midpoint; its law may not depend on the direction of `site.axis`."""


class Defects(eqx.Module):
    """Random defects of a population: rate an element, clustered by a gamma draw of shape `cluster`."""

    rate: Scalar
    cluster: Scalar

    def log_pass(self, count: int) -> Array:
        """Log probability that none of `count` elements is struck (negative binomial; Poisson-binomial unclustered)."""
        shape = jnp.asarray(self.cluster)
        finite = jnp.where(jnp.isinf(shape), 1.0, shape)
        struck = -count * jnp.log1p(-jnp.asarray(self.rate))
        return jnp.where(jnp.isinf(shape), -struck, -finite * jnp.log1p(struck / finite))


class Model(eqx.Module, Generic[D]):
    """One assembled unit: how it varies, where it comes to rest, and what it then measures."""

    Design: ClassVar[type[eqx.Module]]
    Spreads: ClassVar[type[eqx.Module] | None] = None
    responses: ClassVar[dict[str, Response]] = {}
    options: ClassVar[dict[str, Choice]] = {}
    materials: ClassVar[dict[str, Choice]] = {}
    needs_bump_map: ClassVar[bool] = False

    @classmethod
    def build(cls, inputs: Inputs) -> "Model[D]":
        """Make the model of a resolved study; a model without sites or options needs no more than its spreads."""
        if cls.Spreads is None:
            return cls()
        return cls(cls.Spreads(**{name: jnp.asarray(value) for name, value in inputs.spreads.items()}))  # type: ignore[call-arg]

    @classmethod
    def check(cls, inputs: Inputs) -> list[Any]:
        """Mistakes that only the domain can see in a resolved study (`yieldopt.errors.Mistake`)."""
        del inputs
        return []

    @classmethod
    def card(cls, name: str = "") -> Card:
        """What a study may name about this model."""
        text = (cls.__doc__ or "").strip().splitlines()[0] if cls.__doc__ else ""
        return Card(
            name=name or cls.__name__,
            text=text,
            knobs=knobs(cls.Design),
            spreads=spreads(cls.Spreads) if cls.Spreads else {},
            responses=dict(cls.responses),
            options=dict(cls.options),
            materials=dict(cls.materials),
            defects=tuple(sorted({r.population for r in cls.responses.values() if r.population})),
            needs_bump_map=cls.needs_bump_map,
        )

    @abc.abstractmethod
    def variation(self, design: D) -> Any:
        """Draw what the elements of one unit share: a NumPyro program."""

    def populations(self) -> dict[str, Population[D]]:
        """The populations of elements by name; none means that the unit is its own only element."""
        return {}

    def pairs(self) -> dict[str, Pairs[D]]:
        """The populations of neighbouring pairs by name."""
        return {}

    def rest(self, design: D, shared: Any) -> Float[Array, " pose"]:
        """A first guess of the pose; no pose by default."""
        del design, shared
        return jnp.zeros(0)

    def load(self, design: D, shared: Any, pose: Float[Array, " pose"]) -> Float[Array, " pose"]:
        """Generalized force on the pose beside the elements' (weight, a bonding force); none by default."""
        del design, shared
        return jnp.zeros_like(pose)

    def response(self, design: D, shared: Any, pose: Float[Array, " pose"]) -> Measures:
        """Measure the unit itself; pure JAX."""
        del design, shared, pose
        return {}

    def limits(self) -> tuple[Limit, ...]:
        """The model's own failure modes."""
        return ()

    @classmethod
    def drawn(cls, design: D, inputs: Inputs) -> Measures:
        """Quantities that claims may bound, as drawn or set and without any scatter; pure JAX, none by default."""
        del design, inputs
        return {}

    def claimed(self, bound: Bound) -> tuple[Limit, ...]:
        """Limits that hold a claim's bound on units as made: on the response of its name, none where nothing varies."""
        response = self.responses.get(bound.quantity)
        if response is None or bound.equality or bound.than:
            return ()
        return (Limit.of(bound.claim, response.population, bound.quantity, bound.low, bound.high),)


class Plain(Model[D]):
    """A program and its margins: a unit that is its own only element."""

    program: Callable[[D], Any] = eqx.field(static=True)
    measure: Callable[[D, Any], Measures] = eqx.field(static=True)

    def variation(self, design: D) -> Any:
        """Draw the unit."""
        return self.program(design)

    def response(self, design: D, shared: Any, pose: Float[Array, " pose"]) -> Measures:
        """Its margins, as they were named."""
        del pose
        return {name: jnp.asarray(margin, float) for name, margin in self.measure(design, shared).items()}

    def limits_at(self, design: D) -> tuple[Limit, ...]:
        """A limit for each margin: at least zero; raise UserError where there is none to name."""

        def run() -> Any:
            normals = jnp.zeros(dimension(lambda: self.variation(design)))
            return self.measure(design, standardise(lambda: self.variation(design), normals))

        found = jax.eval_shape(run)
        if not isinstance(found, Mapping) or not found:
            do = 'Return a dict of named margins: {"overlap": ...}.'
            raise UserError.of("margins by name, failed when negative", type(found).__name__, do)
        return tuple(Limit.of(str(name), "", str(name), low=0.0) for name in found)


def at(sites: Sites, index: Any) -> Sites:
    """The sites of an index or a slice."""
    return jax.tree.map(lambda leaf: leaf[index], sites)


class Problem(eqx.Module, Generic[D]):
    """A model with its limits: what every estimator is asked about.

    `nets` are groups of elements that may lose a few of their own (`yieldopt.nets`).
    """

    model: Model[D]
    limits: tuple[Limit, ...]
    defects: dict[str, Defects]
    nets: tuple[Any, ...] = ()

    @classmethod
    def of(
        cls,
        model: Model[D] | Callable[[D], Any],
        margins: Callable[[D, Any], Measures] | None = None,
        *,
        defects: dict[str, Defects] | None = None,
    ) -> "Problem[D]":
        """The problem of a model under its own limits, or of a program and its margins.

        `model` may be a NumPyro program, `program(design)`, that returns its draws; `margins(design, draws)` then names
        what fails when negative. Estimators read the names at the design that they are given (`named`).
        """
        if isinstance(model, Model):
            return cls(model, model.limits(), defects or {})
        if margins is None:
            raise UserError.of("margins beside a program", "a program alone", "Give it: Problem.of(program, margins).")
        return cls(Plain[D](model, margins), (), defects or {})

    def named(self, design: D) -> "Problem[D]":
        """The problem with its limits, which those of a program and its margins are only known by once it is run."""
        if not isinstance(self.model, Plain):
            return self
        return Problem(self.model, self.model.limits_at(design), self.defects)

    def of_population(self, name: str) -> tuple[Limit, ...]:
        """The limits read on one population (`""`: the unit)."""
        return tuple(limit for limit in self.limits if limit.population == name)

    def log_defects(self) -> Array:
        """Log probability that no random defect strikes."""
        counts = {name: population.sites.x.shape[0] for name, population in self.model.populations().items()}
        return sum((defect.log_pass(counts[name]) for name, defect in self.defects.items()), jnp.zeros(()))
