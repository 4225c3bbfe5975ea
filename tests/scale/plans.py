"""What PostgreSQL does with a query: its plan as nodes, and what they read."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from metrics.partitions import DEFAULT, TABLE

Node = dict[str, Any]
HEAVY = (TABLE, "minute_rollups", "hour_rollups", "day_rollups", "metric_hours")


def explain(sql: str) -> list[Node]:
    """Run it, and give the nodes of its plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}")
        (plan,) = cursor.fetchone()[0]
    return list(_nodes(plan["Plan"]))


def full_scans(nodes: list[Node]) -> list[str]:
    """The heavy tables that the plan reads from end to end."""
    names = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
    return [name for name in names if name.startswith(HEAVY) and name != DEFAULT]


def rows_read(nodes: list[Node]) -> int:
    """Rows of the heavy tables that were looked at, those that a filter removed among them."""
    return round(sum(_looked_at(node) for node in nodes if _is_heavy(node)))


def indexes(nodes: list[Node]) -> set[str]:
    """The indexes used, those of partitions among them."""
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def _nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _is_heavy(node: Node) -> bool:
    return str(node.get("Relation Name", "")).startswith(HEAVY)


def _looked_at(node: Node) -> float:
    removed = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    rows = node["Actual Rows"] + sum(node.get(name, 0) for name in removed)
    return float(rows * node["Actual Loops"])
