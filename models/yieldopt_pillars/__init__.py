"""Chips joined by conductive pillars: materials, physics, assemblies and claims; it knows no optimizer."""
