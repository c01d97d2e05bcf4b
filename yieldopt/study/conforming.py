"""Working and conforming are two things: how many units keep the claims, and how many both work and keep them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from yieldopt.estimators.base import Estimate, Estimator
from yieldopt.problem import Problem
from yieldopt.study import claims
from yieldopt.study.config import ResolvedStudy
from yieldopt.study.plan import Plan, with_limits


@dataclass(frozen=True)
class Conforming:
    """Asks of a design what the claims of a study ask of units as made.

    What a claim says of options, materials and drawn dimensions holds for every unit or none: a study that breaks it is
    refused, so its probability is one. A number is read on the units themselves, by the estimator of the study.
    """

    plan: Plan
    verdicts: list[dict[str, Any]]
    ask: Estimator

    @classmethod
    def of(cls, plan: Plan, study: ResolvedStudy, model: Any, ask: Estimator) -> "Conforming":
        """Of a study with its plan."""
        return cls(plan, claims.verdicts(study, model), ask)

    def __call__(self, found: Estimate, design: Any, seed: int) -> dict[str, Any]:
        """An estimate of the yield with what claims make of it; shares with their intervals."""
        shares, named = self.shares(design, seed), [verdict["id"] for verdict in self.verdicts]
        own = {limit.name for limits in self.plan.claimed.values() for limit in limits}
        found = replace(found, limits={name: lost for name, lost in found.limits.items() if name not in own})
        summary = {**found.summary(), "claims": named, **shares}
        if not self.plan.claimed:
            return summary | {"works_and_conforms": found.value * shares["conforms"]}
        both = self.ask(self.plan.both, design, seed)
        # Estimates apart: neither share may be less than that of both.
        share = min(both.value, found.value, shares["conforms"])
        return summary | {"works_and_conforms": share, "works_and_conforms_interval": list(both.interval)}

    def shares(self, design: Any, seed: int) -> dict[str, Any]:
        """The share of units that keeps all claims, with its interval, and each by itself."""
        if not self.plan.claimed:
            return {"conforms": float(all(verdict["holds"] for verdict in self.verdicts))}
        keeps = self._keeping(self.plan.claimed, design, seed)
        return {
            "conforms": keeps.value,
            "conforms_interval": list(keeps.interval),
            "conforms_by_claim": self._each(keeps),
        }

    def rows(self, estimate: Mapping[str, Any], low: np.ndarray, high: np.ndarray) -> list[dict[str, Any]]:
        """Each claim in force with its verdict, its least margin between two corners, and the share that conforms."""
        region, least = self.plan.region, dict[str, float]()
        if region:
            for claim, scale, margin in zip(region.claims, region.scale, region.least(low, high), strict=True):
                least[claim] = min(least.get(claim, np.inf), float(scale * margin))
        shares = estimate.get("conforms_by_claim", {})
        return [
            {
                "id": verdict["id"],
                "holds": verdict["holds"],
                "margin": verdict["margin"],
                "window_margin": least.get(verdict["id"], verdict["margin"]),
                "unit": verdict["unit"],
                "conform_probability": shares.get(verdict["id"], float(verdict["holds"])),
                "text": verdict["text"],
                "from": verdict["from_"],
            }
            for verdict in self.verdicts
        ]

    def _keeping(self, claimed: Mapping[str, Any], design: Any, seed: int) -> Estimate:
        bare = Problem(self.plan.problem.model, (), {})
        return self.ask(with_limits(bare, claimed), design, seed)

    def _each(self, keeps: Estimate) -> dict[str, float]:
        """The share of units that keeps each claim by itself; of several limits the losses are summed."""
        if len(self.plan.claimed) == 1:
            return dict.fromkeys(self.plan.claimed, keeps.value)
        lost = {
            claim: sum(keeps.limits[limit.name][0] for limit in limits) for claim, limits in self.plan.claimed.items()
        }
        return {claim: max(1.0 - share, keeps.value) for claim, share in lost.items()}


def corners(plan: Plan, window: Mapping[str, Any] | None, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The box of searched knobs over which claims are to hold: a window found, else the ranges of window knobs."""
    low, high = np.array(point, float), np.array(point, float)
    for k, name in enumerate(plan.search.names):
        if name in plan.window:
            low[k] = window["low"][name] if window else float(plan.search.low[k])
            high[k] = window["high"][name] if window else float(plan.search.high[k])
    return low, high


def placed(plan: Plan, point: np.ndarray) -> Any:
    """The design at a point of the search."""
    return plan.search.place(plan.design, jnp.asarray(point))
