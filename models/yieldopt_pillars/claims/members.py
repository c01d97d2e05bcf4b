"""Whether a material is what a claim lists: by its elements, its family of alloys, its class, or layer by layer."""

from yieldopt.errors import UserError
from yieldopt_pillars.claims.table import Members
from yieldopt_pillars.materials import Material, material

HIGH_LEAD = 0.85
"""Mass share of lead from which a solder is called high-lead: the 85 % of the exemption in directive 2011/65/EU."""


def stranger(chosen: str, listed: Members, path: str) -> str | None:
    """What of a chosen material the list does not hold, in words; None where it holds all that it asks for."""
    if listed.by == "stack":
        return None if chosen in listed.members else f"{chosen}, from the pad up"
    layers = [material(layer.strip(), path) for layer in chosen.split("/")]
    check = {"element": _element, "family": _family, "class": _class}[listed.by]
    strange = [said for layer in layers if (said := check(layer, listed))]
    # Layers of other kinds are there besides where the list is open.
    return None if not strange or (not listed.closed and len(strange) < len(layers)) else "; ".join(strange)


def _element(layer: Material, listed: Members) -> str:
    strange = [part for part in layer.constituents if part not in listed.members]
    met = bool(layer.constituents) and (not strange if listed.closed else len(strange) < len(layer.constituents))
    return "" if met else f"{layer.name}, with {', '.join(strange) or 'no listed constituent'}"


def _family(layer: Material, listed: Members) -> str:
    """Families by their elements, no others where the list is closed; high-lead by the share of lead."""
    own = set(layer.constituents)
    for member in listed.members:
        if member == "high-lead":
            if layer.composition.get("Pb", 0.0) >= HIGH_LEAD:
                return ""
            continue
        family = set(member.split("-"))
        if own == family or (not listed.closed and family < own):
            return ""
    return f"{layer.name}, a {'-'.join(layer.constituents) or 'material without a composition'}"


def _class(layer: Material, listed: Members) -> str:
    own = {layer.name, *layer.classes}
    return "" if own & set(listed.members) else f"{layer.name}, which is {', '.join(layer.classes) or layer.kind}"


def melting_points(role: str, name: str) -> dict[str, float]:
    """Solidus and liquidus of a role's material under the names that claims give them, K; none where it never melts."""
    try:
        found = material(name, f"materials.{role}")
    except UserError:
        return {}
    points = {f"{role}_solidus": found.solidus, f"{role}_liquidus": found.liquidus}
    return {quantity: point for quantity, point in points.items() if point is not None}
