"""Cuts texts into overlapping chunks, and keeps the texts on disk while the job runs.

A chunk is a span of characters of its text: cutting copies nothing.
"""

import re
import tempfile

WORD_SIZE_MAX = 100  # a longer run without a blank (base64, say) counts as several words


class Cutter:
    """Cuts into chunks of `words` words, each beginning with the last `overlap` of the one before.

    Spaces and lines inside a chunk stay as they are in the text.
    """

    def __init__(self, words, overlap):
        word = rf"(?:\S{{1,{WORD_SIZE_MAX}}}+\s*+)"
        self.chunk = re.compile(f"{word}{{1,{words}}}+")
        self.step = re.compile(f"{word}{{1,{words - overlap}}}+")

    def cut(self, text):
        """The (start, end) of every chunk; the last one ends where the text ends."""
        start = len(text) - len(text.lstrip())
        spans = []
        while start < len(text):
            end = self.chunk.match(text, start).end()
            spans.append((start, end))
            if end == len(text):
                break
            start = self.step.match(text, start).end()
        return spans


class Spool:
    """Texts in a file without a name: it is gone when the program is, whatever ends it."""

    def __init__(self, folder):
        self.file = tempfile.TemporaryFile(dir=folder)
        self.size = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def put(self, text):
        """Gives the place to read it again from."""
        data = text.encode("utf-8", "replace")
        self.file.seek(self.size)
        self.file.write(data)
        place = (self.size, len(data))
        self.size += len(data)
        return place

    def get(self, place):
        offset, size = place
        self.file.seek(offset)
        return self.file.read(size).decode("utf-8")
