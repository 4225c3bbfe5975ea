"""Packed histograms hold what went in, and are merged by adding up each bucket."""

import struct
import zlib
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from metrics import packed

# All that the roll-ups can hold: 64 bits are not exceeded by some thousand such counts.
buckets = st.one_of(st.integers(-32_768, 32_767), st.integers(-3, 3))
histograms = st.dictionaries(buckets, st.one_of(st.integers(0, 9), st.just(2**50)), max_size=6)


def by_bucket(found: packed.Dense) -> dict[int, int]:
    assert not found.counts or (found.counts[0] and found.counts[-1])
    return {found.low + place: count for place, count in enumerate(found.counts) if count}


def stored(counts: dict[int, int]) -> packed.Packed:
    return packed.pack(packed.dense(counts))


@settings(max_examples=50, deadline=None)
@given(parts=st.lists(histograms, max_size=5), more=histograms)
def test_merging_adds_up_each_bucket(parts: list[dict[int, int]], more: dict[int, int]) -> None:
    expected = sum((Counter(part) for part in [*parts, more]), Counter())
    assert by_bucket(packed.merge(map(stored, parts), more)) == +expected


def test_a_bucket_does_not_carry_into_the_next() -> None:
    most = 2**63 - 1
    assert packed.merge([stored({0: most, 1: 1})] * 2) == packed.Dense(0, (2 * most, 2))


def test_what_was_stored_compressed_is_still_read() -> None:
    lanes = struct.pack("<3Q", 5, 0, 300)
    assert packed.merge([packed.Packed(7, zlib.compress(lanes, 1))]) == packed.Dense(7, (5, 0, 300))


def test_an_hour_takes_a_byte_a_bucket() -> None:
    assert len(stored({bucket: 1 + bucket * bucket % 255 for bucket in range(200)}).counts) == 201


def test_far_apart_buckets_take_little_room() -> None:
    assert len(stored({-32_768: 1, 32_767: 1}).counts) < 5000
