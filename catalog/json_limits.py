"""Limits on the nesting and size of JSON in requests, checked before it is parsed."""

MAX_DEPTH = 50  # levels of lists and objects: an export has nine
FREE, BYTES_EACH = 1000, 40  # lists and objects, plus one for this many bytes: exports have one in fifty
PIECE = 64 * 2**10  # bytes that are checked together
LIKE_LISTS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def is_overloaded(body: bytes) -> bool:
    """Whether JSON is nested too deeply, or has so many lists and objects that parsing would take 40 times its size.

    Also true if its brackets do not match. Time and memory are linear in its size.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    found, is_inside = [], False  # inside a text
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    for start in range(0, len(unescaped), PIECE):
        parts = unescaped[start : start + PIECE].split(b'"')
        found.append(b"".join(parts[is_inside::2]).translate(LIKE_LISTS, NO_BRACKETS))
        is_inside ^= len(parts) % 2 == 0
    brackets = b"".join(found)
    if brackets.count(b"[") > FREE + len(body) // BYTES_EACH:
        return True
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
