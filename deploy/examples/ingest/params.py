"""What a job of type `ingestion` may say. Fields that are not listed here are left alone."""

import json
import os
from dataclasses import dataclass

from handler import Failure
from index import default_path
from sources import FILES_MAX

MIB = 1024 * 1024


@dataclass(frozen=True)
class Params:
    """The checked params; `paths` are real paths of things that exist."""
    paths: tuple
    index: str
    include: tuple
    limit: int
    chunk_words: int
    overlap_words: int
    file_bytes_max: int
    total_bytes_max: int
    filename: str
    document_id: str

    def settings(self):
        """Everything besides a file's bytes that shapes its rows: when it differs, so do they."""
        return json.dumps([self.chunk_words, self.overlap_words, self.filename, self.document_id])


def read_params(file):
    """Params from JSON; raises Failure in words for the person who submitted it."""
    try:
        given = json.load(file)
    except ValueError as error:
        raise Failure("InvalidParams", f"The params are not JSON: {error}") from None
    if not isinstance(given, dict):
        raise Failure("InvalidParams", "The params must be an object with path or paths")
    chunk_words = number(given, "chunk_words", 200, 10, 10_000)
    paths = found_paths(given)
    upload = len(paths) == 1 and os.path.isfile(paths[0])
    return Params(
        paths=paths,
        index=os.path.abspath(os.path.expanduser(text(given, "index") or default_path())),
        include=texts(given, "include"),
        limit=number(given, "limit", FILES_MAX, 1, FILES_MAX),
        chunk_words=chunk_words,
        overlap_words=number(given, "overlap_words", chunk_words // 10, 0, chunk_words - 1),
        file_bytes_max=number(given, "file_bytes_max", 32 * MIB, 1, 1024 * MIB),
        total_bytes_max=number(given, "total_bytes_max", 1024 * MIB, 1, 1024 * 1024 * MIB),
        filename=text(given, "filename") if upload else None,
        document_id=text(given, "document_id") if upload else None)


def found_paths(given):
    paths = texts(given, "path") + texts(given, "paths")
    if not paths:
        raise Failure("InvalidParams", "path or paths must name what to ingest")
    return tuple(map(found_path, paths))


def found_path(path):
    real = os.path.realpath(os.path.expanduser(path))
    if not os.path.exists(real):
        raise Failure("DataSourceUnavailable", f"There is no {path} on this host")
    if not os.access(real, os.R_OK):
        raise Failure("DataSourceUnavailable", f"{path} can't be read: permission denied")
    return real


def number(given, name, default, least, most):
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise Failure("InvalidParams", f"{name} must be a whole number from {least} to {most}")
    return value


def text(given, name):
    """A text without NUL and without half characters, which no file name or database takes."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or "\0" in value or not encodes(value):
        raise Failure("InvalidParams", f"{name} must be a text")
    return value


def texts(given, name):
    """A list of texts; one text alone counts as a list of one."""
    value = given.get(name)
    items = value if isinstance(value, list) else [value]
    return tuple(filter(None, (text({name: item}, name) for item in items)))


def encodes(value):
    try:
        return bool(value.encode())
    except UnicodeEncodeError:
        return False
