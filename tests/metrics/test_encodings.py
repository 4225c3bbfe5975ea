"""NDJSON, gzip and zstd: what is taken, and what is refused before it grows."""

import gzip
import json
from typing import Any

import pytest
import zstandard

from metrics.ingest.encoding import BadEncoding, BodyTooLarge, unpack
from metrics.models import PerformanceMetric
from tests.metrics.fast import Post
from tests.metrics.wire import row

MOST = 1_000_000


def pack(plain: bytes, **options: Any) -> bytes:
    return zstandard.ZstdCompressor(**options).compress(plain)


@pytest.mark.parametrize("size", [0, 1, 300_000, MOST])
@pytest.mark.parametrize("checksum", [True, False])
def test_zstd_comes_out_as_it_went_in(size: int, checksum: bool) -> None:
    plain = bytes(number * 7919 % 251 for number in range(size))
    assert unpack(pack(plain, write_checksum=checksum), "zstd", MOST) == plain


def test_several_frames_and_members_are_one_body() -> None:
    assert unpack(pack(b"ab") + pack(b"cd"), "zstd", MOST) == b"abcd"
    assert unpack(gzip.compress(b"ab") + gzip.compress(b"cd"), "gzip", MOST) == b"abcd"


def test_a_zstd_bomb_is_refused_without_being_unpacked() -> None:
    bomb = pack(bytes(200_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(BodyTooLarge):
        unpack(bomb, "zstd", MOST)


def test_many_small_gzip_members_can_not_add_up_past_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        unpack(gzip.compress(bytes(600_000)) * 2, "gzip", MOST)


@pytest.mark.parametrize("cut", [1, 3, 4, 7, 50])
def test_a_zstd_body_that_ends_too_early_is_refused(cut: int) -> None:
    whole = pack(bytes(range(256)) * 10, write_checksum=True)
    with pytest.raises(BadEncoding):
        unpack(whole[:-cut], "zstd", MOST)


@pytest.mark.parametrize("body", [b"", b"no zstd", pack(b"x") + b"rest", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_zstd_is_refused(body: bytes) -> None:
    with pytest.raises(BadEncoding):
        unpack(body, "zstd", MOST)


def test_a_frame_that_wants_too_large_a_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    body = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = body.compress(bytes(100)) + body.flush()
    with pytest.raises(BadEncoding):
        unpack(packed, "zstd", MOST)


LINES = {"Content-Type": "application/x-ndjson"}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
class TestLines:
    def test_one_row_a_line_is_stored(self, post: Post, api_key: str) -> None:
        body = "\n".join(json.dumps(row(metric_value=number)) for number in range(5))
        (answer,) = post(api_key, body.encode() + b"\r\n\n", **LINES)
        assert (answer.status_code, answer.json()["stored"]) == (201, 5)

    def test_a_line_that_is_no_json_is_a_rejection_of_its_own(
        self, post: Post, api_key: str
    ) -> None:
        good = json.dumps(row()).encode()
        body = b"\n".join([good, b"{oops", b"", good + good, b"[1]", good])
        (answer,) = post(api_key, body, **LINES)
        assert answer.status_code == 207
        assert [one["index"] for one in answer.json()["rejections"]] == [1, 2, 3]
        assert PerformanceMetric.objects.count() == 2

    def test_no_line_at_all_is_an_error(self, post: Post, api_key: str) -> None:
        (answer,) = post(api_key, b"\n \n", **LINES)
        assert answer.status_code == 400

    def test_lines_come_packed_too(self, post: Post, api_key: str) -> None:
        body = pack(json.dumps(row()).encode())
        (answer,) = post(api_key, body, **LINES, **{"Content-Encoding": "zstd"})
        assert answer.status_code == 201
