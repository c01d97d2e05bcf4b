"""The fast route against the exact unit, paired on shared draws: springs, and the whole table (slow).

The comparison is `experiments/001_agreement/run.py`, which also writes the table in `models/README.md`. Four standard
errors: one comparison in 16,000 fails by chance.
"""

import importlib
from pathlib import Path
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy import stats

from yieldopt.knob import knob
from yieldopt.problem import Limit, Model, Population, Problem, Sites
from yieldopt.programs import forget
from yieldopt.typing import Scalar

agreement = importlib.import_module("001_agreement.run")
far = importlib.import_module("010_one_per_million.run")


OTHERS = (1.1, 0.0), (1.6, 0.0), (1.6, 0.2)
"""Springs that are compared outside CI."""


def test_the_rule_of_the_table() -> None:
    row = agreement.Compared(276, 1000, 0.98, 0.98, 0.0, 1e-4, 0.0, 0, {}, 0.0)
    assert (row.verdict, row.coarse) == ("agrees", False)
    assert row._replace(difference=-5e-4).verdict == "DIFFERS"
    assert row._replace(difference=-5e-4, doubt=2e-4).verdict == "covered"
    assert row._replace(stderr=6e-4).coarse
    assert not row._replace(stderr=6e-4, counted=0.9).coarse


class Nominal(eqx.Module):
    reach: Scalar = knob(1.0, 0.5, 5.0, "um", "recipe", "stretch that a spring bears")


class Springs(Population[Nominal]):
    """Springs between a plate and a bowed ground: each pulls with its stretch, which must stay within the reach."""

    sites: Sites
    uneven: Scalar

    def variation(self, design: Nominal) -> Any:
        return numpyro.sample("natural", dist.Normal(0.0, 0.5))

    def state(self, design: Nominal, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        bow = shared["bow"] * (site.x**2 + site.y**2 - 0.5)
        return {"gap": pose[0] + pose[1] * site.x + pose[2] * site.y + bow, "reach": design.reach + shared["reach"]}

    def response(self, design: Nominal, state: Any, element: Any) -> dict[str, Any]:
        return {"spare": state["reach"] - (state["gap"] - element)}

    def force(self, design: Nominal, state: Any, element: Any) -> dict[str, Any]:
        stretch = state["gap"] - element
        return {"gap": stretch + self.uneven * stretch**3}


class Plate(Model[Nominal]):
    """A plate that floats on springs: every spring's own length moves it, as much as 49 springs let it."""

    Design: ClassVar[type[eqx.Module]] = Nominal
    springs: Springs

    def variation(self, design: Nominal) -> Any:
        return {
            "bow": numpyro.sample("bow", dist.Normal(0.0, 0.3)),
            "reach": numpyro.sample("reach", dist.Normal(0.0, 0.1)),
        }

    def populations(self) -> dict[str, Population[Nominal]]:
        return {"spring": self.springs}

    def rest(self, design: Nominal, shared: Any) -> Any:
        return jnp.zeros(3)

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("bears", "spring", "spare", 0.0),)


@pytest.mark.parametrize(
    ("reach", "uneven"), [pytest.param(*case, marks=pytest.mark.slow) for case in ((1.1, 0.2), *OTHERS)]
)
def test_both_routes_agree_where_the_crowd_is_small(reach: float, uneven: float) -> None:
    """A crowd without end would lose .582 at a reach of 1.1 and .069 at 1.6, more than what is allowed here.

    (By NumPy: independent springs about the bow less its plane.) Counted on 49 springs: .548 and .053.
    """
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)))
    problem = Problem.of(Plate(Springs(Sites.at(x, y), jnp.asarray(uneven))))
    found = agreement.compared(problem, Nominal(jnp.asarray(reach)), 16_384, 3)
    assert 0.2 < found.fast < 0.999
    assert found.unsettled == 0
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr + found.doubt, found


class Pins(Population[Nominal]):
    """Pins of the plate that must clear the bowed ground: they bear nothing."""

    sites: Sites

    def variation(self, design: Nominal) -> Any:
        return numpyro.sample("length", dist.Normal(0.0, 0.2))

    def state(self, design: Nominal, shared: Any, pose: Any, site: Sites) -> dict[str, Any]:
        bow = shared["bow"] * (site.x**2 + site.y**2 - 0.5)
        return {"gap": pose[0] + pose[1] * site.x + pose[2] * site.y + bow + design.reach + shared["reach"]}

    def response(self, design: Nominal, state: Any, element: Any) -> dict[str, Any]:
        return {"clear": state["gap"] - element}


class PinnedPlate(Plate):
    """The springs bear the plate and have no limit of their own; the pins have one and bear nothing."""

    pins: Pins

    def populations(self) -> dict[str, Population[Nominal]]:
        return {"spring": self.springs, "pin": self.pins}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("clears", "pin", "clear", 0.0),)


@pytest.mark.slow
def test_what_bears_nothing_is_doubted_where_the_pose_moves_it() -> None:
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)))
    plate = PinnedPlate(Springs(Sites.at(x, y), jnp.asarray(0.1)), Pins(Sites.at(x[:20], y[:20])))
    found = agreement.compared(Problem.of(plate), Nominal(jnp.asarray(0.8)), 8_192, 3)
    assert 0.2 < found.fast < 0.999
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr + found.doubt, found
    assert found.doubt > 0.01  # what the pose moves and bears nothing takes no part of its scatter


class LowPlate(Plate):
    """The plate as a whole must not stand too high: its springs' own lengths have a say."""

    def response(self, design: Nominal, shared: Any, pose: Any) -> dict[str, Any]:
        return {"height": pose[0]}

    def limits(self) -> tuple[Limit, ...]:
        return (Limit.of("low", "", "height", -np.inf, 0.08),)


@pytest.mark.slow
def test_a_limit_on_the_pose_itself_takes_part_in_its_scatter() -> None:
    """Linear springs: the plate stands at the mean of 49 natural lengths, N(0, .5 / 7), less that of the bow."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)))
    problem = Problem.of(LowPlate(Springs(Sites.at(x, y), jnp.asarray(0.0))))
    found = agreement.compared(problem, Nominal(jnp.asarray(1.0)), 8_192, 3)
    expected = stats.norm.cdf(0.08 / np.hypot(0.5 / 7, 0.3 * np.mean(x**2 + y**2 - 0.5)))
    assert found.counted == pytest.approx(expected, abs=agreement.SIGMAS * 0.5 / np.sqrt(found.units))
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr, found
    # The bow's draws are all that is left to scatter: as many of them alone, the plate's own lengths integrated.
    assert found.fast == pytest.approx(expected, abs=agreement.SIGMAS * 0.5 / np.sqrt(found.units))
    assert found.doubt < 1e-6


class PoisedPlate(LowPlate):
    """A plate that must stand level, not too high, nor at one corner; its springs must bear."""

    def response(self, design: Nominal, shared: Any, pose: Any) -> dict[str, Any]:
        return {"height": pose[0], "tilt": jnp.hypot(pose[1], pose[2]), "corner": pose[0] + pose[1] - pose[2]}

    def limits(self) -> tuple[Limit, ...]:
        above = {"tilt": 0.25, "corner": 0.25}
        whole = [Limit.of(name, "", name, -np.inf, most) for name, most in above.items()]
        return (Limit.of("low", "", "height", -0.12, 0.12), *whole, Limit.of("bears", "spring", "spare", 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("uneven", [0.0, 0.2])
def test_limits_that_one_pose_moves_fail_together_and_with_its_elements(uneven: float) -> None:
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 7)))
    problem = Problem.of(PoisedPlate(Springs(Sites.at(x, y), jnp.asarray(uneven))))
    found = agreement.compared(problem, Nominal(jnp.asarray(1.2)), 32_768, 3)
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr, found
    # Tilts of a square are like normals, so that theirs is Rayleigh's law: bow does not tilt, springs are stiff alike.
    sigma = 0.5 / np.sqrt((x**2).sum())
    counted, _, error = found.limits["tilt"]
    assert counted == pytest.approx(stats.rayleigh.sf(0.25, scale=sigma), abs=agreement.SIGMAS * error) or uneven


@pytest.mark.slow
@pytest.mark.parametrize("name", agreement.CASES)
def test_the_table(name: str) -> None:
    forget()
    found = agreement.compare(agreement.CASES[name])
    assert abs(found.difference) <= agreement.SIGMAS * found.stderr, found
    # 2,000 units are asked of ten thousand joints; elsewhere the comparison is to be as fine as the table's rule.
    assert not found.coarse or found.joints >= 10_000, found


def test_the_table_is_written_between_its_markers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "README.md"
    table.write_text("# Models\n\nbefore\n")
    monkeypatch.setattr(agreement, "TABLE", table)
    found: Any = agreement.Compared(276, 1000, 0.98, 0.98, 0.0, 1e-4, 0.0, 0, {}, 0.0)
    for name in ("cap 12 um", "blackparrot", "cap 12 um"):
        agreement.write({name: agreement.row(name, found)}, 1)
    text = table.read_text()
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")][2:]
    assert rows == ["blackparrot", "cap 12 um"]
    assert text.startswith("# Models\n\nbefore\n")
    assert text.count(agreement.MARKERS[1]) == 1


@pytest.mark.slow
def test_one_loss_in_a_million_is_what_exact_units_led_there_count() -> None:
    """Ten per cent of the loss is seen on so few; the experiment's own number of units sees five."""
    found = far.compare(16_384, 2)
    assert 1e-6 < found.fast < 2e-6
    assert found.paired < 0.05 * found.fast
    assert abs(found.difference) < 4.0 * found.paired
