"""How deep and how full JSON may be that is sent to us, looked at before it is parsed."""

MAX_DEPTH = 50  # lists and objects in each other: an export has nine
FREE, BYTES_EACH = 1000, 40  # so many lists and objects, and one more for so many bytes: exports have one in fifty
PIECE = 64 * 2**10  # bytes that are looked at together
LIKE_LISTS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def is_overloaded(body: bytes) -> bool:
    """Whether JSON has lists and objects too deep in each other, or so many that parsing would take 40 times its size.

    Also where its brackets do not fit each other. Time and memory grow with its size only.
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
