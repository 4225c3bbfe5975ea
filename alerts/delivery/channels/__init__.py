"""Kinds of channels: one file a kind, one registry."""
