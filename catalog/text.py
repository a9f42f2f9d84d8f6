"""Text normalized for searches, the same on every database, and text that is safe to print."""

import re
import unicodedata

# Letters that Unicode does not decompose, as people type them.
PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)
# Combining classes of overlays, of Hebrew and Arabic vowel points, and of marks above, below or beside a letter. All
# others make another letter or syllable, as in Hindi, Thai and kana.
ACCENTS = {1, *range(10, 37), *range(200, 255)}
# What a terminal obeys, such as escapes, line breaks and changes of direction, and what it cannot print.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
VARIATIONS = {chr(number) for number in range(0xFE00, 0xFE10)}  # how an emoji is drawn


def fold(text: str) -> str:
    """The text without letter case and accents, so that searches behave alike on every database."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold()).casefold().translate(PLAIN_LETTERS)
    plain = "".join([character for character in letters if unicodedata.combining(character) not in ACCENTS])
    return unicodedata.normalize("NFC", plain)


def printable(line: str) -> str:
    """The line with question marks for controls, as titles and names come from files and upstreams."""
    return CONTROLS.sub("?", line)


def search_words(text: str) -> list[str]:
    """The words of a text, folded and split at everything that is neither a letter, nor part of one, nor a digit."""
    folded = fold(text)
    if folded.isascii():
        return re.findall(r"[a-z0-9]+", folded)
    return "".join([character if _is_of_word(character) else " " for character in folded]).split()


def _is_of_word(character: str) -> bool:
    return character.isalnum() or (unicodedata.category(character) in {"Mn", "Mc"} and character not in VARIATIONS)
