"""What only the domain can see in a study of joints: plating above the resist, overlapping pads, too few joints."""

from collections.abc import Sequence

import numpy as np

from yieldopt.card import Inputs
from yieldopt.errors import Mistake

SAID = {
    "pillar_height": "copper",
    "nickel_height": "nickel",
    "cap_height": "cap",
    "second_height": "copper",
    "solder_height": "solder",
    "ubm_copper": "copper",
    "ubm_nickel": "nickel",
    "solder1_height": "solder 1",
}


def plating(inputs: Inputs, knobs: Sequence[str], resist: str = "resist_height") -> list[Mistake]:
    """Refuse what is plated through one opening higher than its resist."""
    plated, most = sum(inputs.design[name] for name in knobs), inputs.design[resist]
    if plated <= most:
        return []
    *first, last = [SAID[name] for name in knobs]
    alone = [name for name in knobs if name != "nickel_height"]
    return [
        Mistake(
            f"{', '.join(first)} and {last} within the resist of {most:g} um" if first else f"{last} within the resist",
            f"{plated:g} um together",
            f"Lower {' or '.join(f'design.{name}' for name in alone)}, or raise design.{resist}.",
            f"design.{knobs[0]}",
        )
    ]


def layout(inputs: Inputs, widths: Sequence[str]) -> list[Mistake]:
    """Refuse pillars and pads that would touch their neighbours, and maps that cannot hold a chip level."""
    bumps = inputs.bump_map
    if bumps is None:
        return []
    found = [
        Mistake(
            f"a diameter below the pitch of {bumps.pitch:g} um, so that neighbours stay apart",
            f"{inputs.design[name]:g} um",
            f"Lower design.{name} or widen the bump map's pitch.",
            f"design.{name}",
        )
        for name in widths
        if inputs.design[name] >= bumps.pitch
    ]
    if len(bumps.x) < 3:
        few = f"{len(bumps.x)} joint" + ("s" if len(bumps.x) != 1 else "")
        found.append(Mistake("three joints at least, to hold a chip level", few, "Add bumps.", "bump_map"))
    elif np.linalg.svd(np.stack([bumps.x, bumps.y]), compute_uv=False)[1] < 1e-3 * bumps.pitch:
        got = f"{len(bumps.x)} joints in one line"
        found.append(Mistake("joints in more than one line, to hold a chip level", got, "Add a row.", "bump_map"))
    return found
