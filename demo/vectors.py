"""Text vectors: hashed words and character n-grams, TF-IDF, truncated SVD fitted on the corpus.

A real embedding of the classical kind (latent semantic analysis), not a neural one: it needs no
downloaded weights, and its cost grows with the text, as an embedding model's does.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

MODEL_NAME = "lsa-hashed-ngrams"
BUCKETS = 1 << 14
DIMENSIONS = 128

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The lower-case words and numbers of a text."""
    return _WORD.findall(text.lower())


def _terms(text: str) -> Iterator[str]:
    for word in words(text):
        yield word
        padded = f"<{word}>"
        # Character n-grams let "latencies" meet "latency", and forgive a typing error.
        for size in (3, 4, 5):
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]


@lru_cache(maxsize=50_000)
def _bucket(term: str) -> int:
    # Python's own hash() differs from process to process, so vectors would not be comparable.
    return crc32(term.encode("utf-8", "replace")) % BUCKETS


class Embedder:
    """Turns texts into unit vectors of DIMENSIONS (fewer for a tiny corpus)."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Fit on a corpus; raises ValueError when it is empty."""
        if not texts:
            raise ValueError("An embedder needs at least one text to be fitted on.")
        counts = np.zeros((len(texts), BUCKETS), dtype=np.float32)
        for row, text in enumerate(texts):
            for bucket, count in Counter(map(_bucket, _terms(text))).items():
                counts[row, bucket] = count
        seen = (counts > 0).sum(axis=0)
        self._idf = (np.log((1 + len(texts)) / (1 + seen)) + 1).astype(np.float32)
        weighted = _unit(np.log1p(counts) * self._idf)
        # The eigenvectors of the small Gram matrix give the SVD of the wide one (Gram trick).
        values, left = np.linalg.eigh((weighted @ weighted.T).astype(np.float64))
        keep = [i for i in np.argsort(values)[::-1][:DIMENSIONS] if values[i] > 1e-6]
        scaled = left[:, keep] / np.sqrt(values[keep])
        self._projection: Vectors = (weighted.T @ scaled).astype(np.float32)

    @property
    def dimensions(self) -> int:
        """The length of each vector."""
        return int(self._projection.shape[1])

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One unit vector a text; the zero vector for a text without words."""
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            counts = Counter(map(_bucket, _terms(text)))
            if counts:
                index = np.fromiter(counts.keys(), dtype=np.int64)
                tf = np.log1p(np.fromiter(counts.values(), dtype=np.float32))
                out[row] = (tf * self._idf[index]) @ self._projection[index]
        return _unit(out)


def _unit(rows: Vectors) -> Vectors:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms > 0, norms, 1), dtype=np.float32)
