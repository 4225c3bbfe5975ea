"""Alerts from other systems, as Prometheus sends them to an Alertmanager."""
