"""Units at the border: what is read, what is refused, and the traps of temperature, mil, angle and per cent."""

import math

import pytest

from yieldopt import units
from yieldopt.errors import UserError

# text, declared unit, value in base units (from the definitions of the units, by hand)
READ = [
    ("45 um", "um", 45.0),
    ("45um", "um", 45.0),
    ("45 µm", "um", 45.0),
    ("1 cm", "um", 1e4),
    ("1 mil", "um", 25.4),
    ("2.5e-3 mm", "um", 2.5),
    ("50 mN", "uN", 5e4),
    ("1 kgf", "uN", 9.80665e6),
    ("120 GPa", "MPa", 1.2e5),
    ("1 J", "pJ", 1e12),
    ("0.5 N/m", "uN/um", 0.5),
    ("220 degC", "degC", 493.15),
    ("220 °C", "degC", 493.15),
    ("212 degF", "degC", 373.15),
    ("500 K", "degC", 500.0),
    ("220 degC", "K", 493.15),
    ("2 degC", "delta_degC", 2.0),
    ("2 K", "delta_degC", 2.0),
    ("17 ppm/K", "1/K", 17e-6),
    ("17 ppm/degC", "ppm/K", 17e-6),
    ("2.2 um/min", "um/min", 2.2 / 60),
    ("10 A/dm2", "A/dm2", 10 / 1e4),
    ("10 A/dm^2", "A/dm2", 10 / 1e4),
    ("0.5 mOhm", "Ohm", 0.5e-3),
    ("1.72 uohm*cm", "ohm*um", 0.0172),
    ("3 mA", "A", 3e3),
    ("8.96 g/cm^3", "kg/m^3", 8960e-18),
    ("90 s", "s", 90.0),
    ("1.5 min", "s", 90.0),
    ("0.03 deg", "deg", math.radians(0.03)),
    ("99.9 %", "%", 0.999),
    ("20 ppb", "ppb", 2e-8),
    ("50 ppm", "ppb", 5e-5),
    (0.75, "", 0.75),
    (3, "", 3.0),
    ("0.75", "", 0.75),
    ("75 %", "", 0.75),
]


@pytest.mark.parametrize(("text", "unit", "value"), READ)
def test_reads_into_base_units(text: object, unit: str, value: float):
    assert units.parse(text, unit) == pytest.approx(value, rel=1e-14)  # one rounding of a product


REFUSED = [
    (45, "um", 'Write its unit, as in "45 um"'),
    ("45", "um", "bare number"),
    (99.9, "%", '"99.9 %"'),
    ("45 s", "um", "a time"),
    ("2 degC", "um", "a temperature"),
    ("25 C", "degC", '"degC"'),
    ("45 furlogs", "um", "not a unit that is known"),
    ("10 um +/- 1 um", "um", "not a unit"),
    ("1_000 um", "um", "not a unit"),
    ("3 %", "deg", "a fraction"),
    ("5 deg", "%", "an angle"),
    ("5 um", "", "a plain number"),
    ("um", "um", "a number and its unit"),
    ("", "um", "a number and its unit"),
    (None, "um", "a number and its unit"),
    (True, "", "a number"),
    (float("nan"), "", "a number"),
    (float("inf"), "um", "a number"),
    ("1e999 um", "um", "a number"),
    ("1 __import__('os')", "um", "not a unit"),
]


@pytest.mark.parametrize(("text", "unit", "words"), REFUSED)
def test_refuses_with_what_to_do(text: object, unit: str, words: str):
    with pytest.raises(UserError) as caught:
        units.parse(text, unit)
    assert words.lower() in str(caught.value).lower()


def test_a_temperature_as_an_interval_has_no_offset():
    assert units.parse("2 degC", "degC", difference=True) == 2.0
    assert units.parse("9 degF", "degC", difference=True) == pytest.approx(5.0, rel=1e-14)
    assert units.format(2.0, "delta_degC") == "2 K"


@pytest.mark.parametrize("unit", ["um", "degC", "K", "%", "ppb", "A/dm2", "um/min", "deg", "GPa", "ppm/K", "", "Ohm"])
def test_format_is_read_back(unit: str):
    value = units.parse(f"123.456 {unit}" if unit else 123.456, unit)
    assert units.parse(units.format(value, unit, 12), unit) == pytest.approx(value, rel=1e-11)  # 12 digits written


@pytest.mark.parametrize(
    ("unit", "base"),
    [("mm", "um"), ("degC", "K"), ("delta_degC", "K"), ("%", ""), ("GPa", "MPa"), ("N/m", "uN/um"), ("deg", "rad")],
)
def test_base(unit: str, base: str):
    assert units.base(unit) == base
    if base:
        assert units.parse(f"1 {base}", unit, difference=True) == pytest.approx(1.0, rel=1e-14)


def test_every_named_base_unit_is_one():
    for unit in [
        "um",
        "uN",
        "MPa",
        "pJ",
        "uN/um",
        "s",
        "K",
        "1/K",
        "uA/um^2",
        "ohm",
        "ohm*um",
        "rad",
        "um/s",
        "kg/um^3",
    ]:
        assert units.parse(f"1 {unit}", unit) == 1.0
