"""Feedback: ratings that join the request they rate.

For a face of ingestion: make a ``Vote`` each (it raises ingest.schema.Refused
for what can't be stored) and call ``receive(votes, now)``.
"""

from metrics.feedback.joining import join_waiting
from metrics.feedback.retention import forget_old
from metrics.feedback.votes import BY_THUMB, STARS, THUMBS, Receipt, Vote, receive

__all__ = [
    "BY_THUMB",
    "STARS",
    "THUMBS",
    "Receipt",
    "Vote",
    "forget_old",
    "join_waiting",
    "receive",
]
