"""Admin of the promises, one file a concern."""

from slas.admin import contracts, exclusions, promises, slos, verdicts

__all__ = ["contracts", "exclusions", "promises", "slos", "verdicts"]
