"""PURE: an objective's key in words, for people who never see keys."""

from metrics.units import Unit


def in_words(key: str) -> str:
    """ "sla:simple_queries:latency" → "Simple queries: latency"; another text stays as it is."""
    parts = key.split(":")
    if len(parts) != 3:
        return key
    _promise, code, name = (part.replace("_", " ").strip() for part in parts)
    return f"{code[:1].upper()}{code[1:]}: {name}"


def unit_of(key: str, limit_unit: str = "") -> str:
    """The unit of an objective's figures; a resource limit's is in its own row."""
    promise, _, rest = key.partition(":")
    name = rest.rpartition(":")[2]
    if promise == "limit":
        return limit_unit
    units = {
        "availability": Unit.PERCENT,
        "satisfaction": Unit.SCORE,
        "learning_integration": Unit.SECONDS,
        "accuracy": Unit.ACCURACY,
        "business_accuracy": Unit.ACCURACY,
        "training_time": Unit.SECONDS,
        "model_size": Unit.MEGABYTES,
    }
    return units.get(name, Unit.MILLISECONDS).value
