"""A starter study for a model, written from its card: every knob and spread with its meaning, ready to be run."""

import json
import math
import textwrap

from yieldopt import units
from yieldopt.card import Card, Choice


def template(card: Card) -> str:
    """Write a commented study that reads without error; a model on bumps is given a grid to be replaced."""
    parts = [
        "# yaml-language-server: $schema=study.schema.json",
        f"# {card.text}" if card.text else "",
        "# `yieldopt check` reads this file; `yieldopt schema > study.schema.json` lets an editor complete it.",
        "schema: 1",
        f"model: {card.name}",
        *_choices("options", card.options),
        *_choices("materials", card.materials),
        *_grid(card),
        *_design(card),
        *_variation(card),
        *_defects(card),
        *_limits(card),
        *_questions(card),
        "seed: 1",
    ]
    return "\n".join(line for line in parts if line) + "\n"


def _choices(section: str, choices: dict[str, Choice]) -> list[str]:
    lines = [
        f"  {name}: {_text(choice.default)}  # {choice.text}; one of: {', '.join(choice.allowed)}"
        for name, choice in choices.items()
    ]
    return [f"{section}:", *lines] if lines else []


def _grid(card: Card) -> list[str]:
    """A grid with room for the widest part drawn on a mask."""
    if not card.needs_bump_map:
        return []
    widest = max(
        (k.start for k in card.knobs.values() if units.base(k.unit) == "um" and k.kind == "mask"), default=50.0
    )
    pitch = 10.0 * math.ceil(widest / 5.0)
    return [
        "bump_map:  # or {file: bumps.csv, unit: um, origin: centre}",
        f"  grid: {{rows: 10, columns: 10, pitch: {units.format(pitch, 'um')}}}",
    ]


def _design(card: Card) -> list[str]:
    lines: list[str] = []
    for knob in card.knobs.values():
        start, low, high = (units.format(value, knob.unit) for value in (knob.start, knob.low, knob.high))
        lines.append(f"  {knob.name}: {{value: {start}, range: [{low}, {high}]}}  # {knob.kind}; {knob.text}")
    return ["design:  # value, and the range to search", *lines] if lines else []


def _variation(card: Card) -> list[str]:
    lines: list[str] = []
    for quantity in dict.fromkeys(spread.quantity for spread in card.spreads.values()):
        levels = [spread for spread in card.spreads.values() if spread.quantity == quantity]
        used = any(spread.sigma > 0 for spread in levels)  # YAML has no empty mapping of this form
        lines.append(f"  {'' if used else '# '}{quantity}:")
        for spread in levels:
            off = "" if spread.sigma > 0 else "# "
            unit = "delta_degC" if spread.unit == "degC" else spread.unit
            lines.append(f"    {off}{spread.level}: {units.format(spread.sigma, unit)}  # {spread.text}")
    ways = "{plus_minus: ..., at: 3 sigma}, {range: ..., points: 9} or {uniformity: ..., points: 9}"
    return ["variation:  # one sigma each,", f"  # or {ways}", *lines] if lines else []


def _defects(card: Card) -> list[str]:
    lines = [f"#   {name}: {{rate: 20 ppb}}" for name in card.defects]
    nets = ["# nets: {column: net, opens: [...], tolerate: {VDD: 3 opens}}  # columns of a bump map from a file"]
    return ["# defects:  # random, by population", *lines, *(nets if card.needs_bump_map else [])] if lines else []


def _limits(card: Card) -> list[str]:
    lines = [
        f"#   {name}: {{low: ..., high: ...}}  # {'in ' + response.unit + '; ' if response.unit else ''}{response.text}"
        for name, response in card.responses.items()
    ]
    return ["# limits:  # beside the model's own failure modes", *lines] if lines else []


def _questions(card: Card) -> list[str]:
    recipe = [name for name, knob in card.knobs.items() if knob.kind == "recipe"]
    lines = ["estimate: {method: auto, accuracy: {of_loss: 10 %}, confidence: 95 %}"]
    if card.knobs:
        lines += ["optimize:", "  goal: yield  # yield | window | cost", "  target: 99.9 %"]
        movable = [name for name, knob in card.knobs.items() if knob.kind != "tolerance"] or list(card.knobs)
        lines.append(_listed("  knobs: ", "    ", movable) + "  # all that may move")
    if recipe:
        lines += ["  # for goal: window, the recipe knobs that it spans", _listed("  # window: ", "  #   ", recipe)]
    return lines


def _listed(head: str, indent: str, names: list[str]) -> str:
    return textwrap.fill(f"{head}[{', '.join(names)}]", 100, subsequent_indent=indent, break_on_hyphens=False)


def _text(value: str) -> str:
    """Quote what YAML would not read back as this text."""
    plain = value.replace("_", "").replace(".", "").replace("-", "")
    return value if plain.isalnum() and not plain[0].isdigit() and plain.lower() not in _WORDS else json.dumps(value)


_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"}
