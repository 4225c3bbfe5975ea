"""Probes: measurements that the portal makes by itself. One file a kind, one registry."""
