"""Content-Encoding of a body: gzip, unpacked up to a limit and no further."""

import zlib

# zlib's way of saying "a gzip header is expected".
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
KNOWN = frozenset({"", "identity", "gzip", "x-gzip"})


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
        raise BadEncoding(f"Content-Encoding “{encoding}” is not known; send gzip or none.")
    if encoding in {"", "identity"}:
        if len(body) > most:
            raise BodyTooLarge
        return body
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise BadEncoding(f"The body is no gzip: {error}.") from error
    if len(plain) > most:
        raise BodyTooLarge
    if not unpacker.eof:
        raise BadEncoding("The gzip body ends too early.")
    return plain
