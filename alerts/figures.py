"""PURE: an alert's two numbers in words: what was measured, what was promised."""

from alerts.models import Alert, AlertType
from metrics import formats
from metrics.units import Unit


def figures(alert: Alert) -> tuple[str, str]:
    """Measured and promised, with their unit and the side on which the figure must stay.

    A latency promise can be broken by requests that fail although those that
    succeed are fast. Then the percentile would look kept: the share is shown.
    """
    if alert.alert_type == AlertType.PROBE_FAILED and "counts" in alert.evidence:
        return _runs(alert)
    is_limit = alert.alert_type == AlertType.RESOURCE_LIMIT
    at_least = alert.unit in {Unit.PERCENT, Unit.SCORE, Unit.ACCURACY} and not is_limit
    if not at_least and not is_limit and alert.actual_value <= alert.threshold_value:
        rule, counts = alert.evidence.get("rule"), alert.evidence.get("counts")
        if rule and counts:
            within = formats.measure(rule["good_within"], alert.unit)
            good = formats.share(counts["good"], counts["total"])
            return good, f"≥{formats.NBSP}{rule['share']:g}{formats.NBSP}% within {within}"
    measured, promised = formats.measures(alert.actual_value, alert.threshold_value, alert.unit)
    return measured, f"{'≥' if at_least else '≤'}{formats.NBSP}{promised}"


def _runs(alert: Alert) -> tuple[str, str]:
    """Of a probe's runs; promised is when its alert would not have opened."""
    counts, limit = alert.evidence["counts"], alert.threshold_value
    measured = f"{counts['bad']:,} of {counts['total']:,} failed"
    return measured, f"<{formats.NBSP}{limit:g} in a row"


def comparison(alert: Alert) -> str:
    """Measured against promised, in one cell of a list."""
    measured, promised = figures(alert)
    return f"{measured} / {promised}"
