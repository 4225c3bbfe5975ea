"""OpenSLO v1: the promises as YAML documents, out (export) and in (importing).

``vocabulary`` has the names both ways use, ``text`` reads YAML within bounds and
with line numbers, ``documents`` checks it against the specification, ``mapping``
turns documents into promises.
"""
