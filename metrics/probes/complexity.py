"""How complex is a query? The specification's three classes, told from its words.

A probe states the complexity of the query it sends. This is a rule that people
can read and predict, not a model: what asks for several models, strategy or
recommendations is complex; what asks for comparison, trend or prediction is
moderate; what counts or looks up is simple.
"""

import re

from metrics.models import Complexity

_COMPLEX = re.compile(
    r"\b(recommend\w*|strateg\w*|dora|cross-domain|multi-model|optimi[sz]\w*|roadmap|scenario\w*"
    r"|complete analysis|root cause\w*|what should)\b",
    re.IGNORECASE,
)
_MODERATE = re.compile(
    r"\b(predict\w*|forecast\w*|trend\w*|risk\w*|correlat\w*|compar\w*|performance|analy[sz]\w*"
    r"|estimat\w*|likel\w*|why|between)\b",
    re.IGNORECASE,
)
# Even without a telling word, a long question asks for more than a look-up.
LONG_WORDS, VERY_LONG_WORDS = 25, 60


def assess(query: str) -> Complexity:
    """The complexity class of a query text."""
    words = len(query.split())
    if _COMPLEX.search(query) or words > VERY_LONG_WORDS:
        return Complexity.COMPLEX
    if _MODERATE.search(query) or words > LONG_WORDS:
        return Complexity.MODERATE
    return Complexity.SIMPLE
