"""Content-Encoding of a body: gzip or zstd, unpacked up to a limit and no further."""

import zlib
from collections.abc import Callable

import zstandard

# zlib's way of saying "a gzip header is expected".
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
# What a zstd frame may ask us to keep while unpacking; also what RFC 9659 tells senders.
_ZSTD_WINDOW = 8 * 1024 * 1024
_ZSTD_MAGIC, _ZSTD_BLOCK_HEADER, _ZSTD_CHECKSUM = b"\x28\xb5\x2f\xfd", 3, 4
_RLE_BLOCK = 1


class BodyTooLarge(Exception):
    """The unpacked body is larger than the limit."""


class BadEncoding(Exception):
    """The body is not what its Content-Encoding says, or that is unknown."""


def unpack(body: bytes, encoding: str, most: int) -> bytes:
    """The plain body of at most ``most`` bytes.

    Raises BodyTooLarge, having unpacked no more than that (a small body may
    hold terabytes), and BadEncoding.
    """
    if encoding not in KNOWN:
        raise BadEncoding(f"Content-Encoding “{encoding}” is not known; send gzip, zstd or none.")
    plain = KNOWN[encoding](body, most)
    if len(plain) > most:
        raise BodyTooLarge
    return plain


def _as_it_is(body: bytes, most: int) -> bytes:  # noqa: ARG001
    return body


def _gzip(body: bytes, most: int) -> bytes:
    """Every member of a gzip body."""
    plain = b""
    while body:
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        try:
            plain += unpacker.decompress(body, most + 1 - len(plain))
        except zlib.error as error:
            raise BadEncoding(f"The body is no gzip: {error}.") from error
        if len(plain) > most:
            return plain
        if not unpacker.eof:
            raise BadEncoding("The gzip body ends too early.")
        body = unpacker.unused_data
    return plain


def _zstd(body: bytes, most: int) -> bytes:
    """Every frame of a zstd body."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    try:
        with unpacker.stream_reader(body, read_across_frames=True) as reader:
            plain: bytes = reader.read(most + 1)
        if len(plain) <= most and not _zstd_is_whole(body):
            raise BadEncoding("The zstd body ends too early.")
    except zstandard.ZstdError as error:
        raise BadEncoding(f"The body is no zstd: {error}.") from error
    return plain


def _zstd_is_whole(body: bytes) -> bool:
    """Whether the last frame is complete: the reader takes the end of the input for its end.

    Goes from block header to block header (RFC 8878, section 3.1.1).
    """
    at = 0
    while body[at : at + 4] == _ZSTD_MAGIC:
        header = zstandard.get_frame_parameters(body[at : at + 18])
        at += zstandard.frame_header_size(body[at : at + 18])
        last = False
        while not last:
            if at + _ZSTD_BLOCK_HEADER > len(body):
                return False
            block = int.from_bytes(body[at : at + _ZSTD_BLOCK_HEADER], "little")
            last = bool(block & 1)
            size = 1 if block >> 1 & 3 == _RLE_BLOCK else block >> 3
            at += _ZSTD_BLOCK_HEADER + size
        at += _ZSTD_CHECKSUM if header.has_checksum else 0
    return at == len(body) > 0


KNOWN: dict[str, Callable[[bytes, int], bytes]] = {
    "": _as_it_is,
    "identity": _as_it_is,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
}
