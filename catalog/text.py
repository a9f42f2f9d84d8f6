"""Text normalized for searches, the same on every database."""

import unicodedata


def fold(text: str) -> str:
    """The text without letter case and accents, so that searches behave alike on every database."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join([character for character in decomposed if not unicodedata.combining(character)]).casefold()


def search_words(text: str) -> list[str]:
    """The words of a text, folded and split at everything that is neither a letter nor a digit."""
    return "".join([character if character.isalnum() else " " for character in fold(text)]).split()
