"""Turns the bytes of a document into plain text: text, Markdown, HTML, PDF, gzip of these.

The kind is told from the bytes first, then from the name. What comes out has no control
characters, so it can be printed on any terminal. All output is bounded: a small file that unpacks
to a huge one is refused.
"""

import codecs
import gzip
import io
import re
import shutil
import subprocess
import tempfile
import threading
import zlib
from html.parser import HTMLParser
from typing import NamedTuple

from sources import Skip, plain_name

PDF_TIMEOUT_S = 60
SAMPLE = 8192
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"))
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]+")
CONTROL_BYTES = bytes(set(range(32)) - set(b"\b\t\n\r\f\x1b")) + b"\x7f"
HTML_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?><\?xml[^>]*>\s*)?(?><!--.*?-->\s*)*+"
                        rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
HTML_NAMES = (".htm", ".html", ".xhtml")
MARKDOWN_NAMES = (".md", ".markdown")


class Text(NamedTuple):
    """A document's text; `title` is None where the document doesn't say one."""
    kind: str
    title: str
    text: str


def extract(data, name, size_max):
    """The text of a document; raises Skip when there is none to get."""
    if data.startswith(b"\x1f\x8b"):
        data = gunzip(data, size_max)
    found = convert(data, plain_name(name), size_max)
    text = CONTROL.sub(" ", found.text)
    if not text.strip():
        raise Skip("no text")
    return Text(found.kind, found.title and CONTROL.sub(" ", found.title), text)


def convert(data, name, size_max):
    if data.startswith(b"%PDF-"):
        return Text("pdf", None, pdf_text(data, size_max))
    if is_binary(data):
        raise Skip("binary")
    if HTML_START.match(data[:SAMPLE]) or name.endswith(HTML_NAMES):
        return html_text(decode(data, declared_charset(data)))
    if name.endswith(MARKDOWN_NAMES):
        return markdown_text(decode(data))
    return Text("text", None, decode(data))


def gunzip(data, size_max):
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(size_max + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Skip("broken gzip", str(error)) from None
    if len(plain) > size_max:
        raise Skip("too large", f"unpacks to more than {size_max} bytes")
    return plain


def is_binary(data):
    """No text has a NUL (but UTF-16, which says so), and few control characters."""
    sample = data[:SAMPLE]
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    controls = len(sample) - len(sample.translate(None, CONTROL_BYTES))
    return b"\0" in sample or controls * 20 > len(sample)


def decode(data, charset=None):
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return data[len(mark):].decode(encoding, "replace")
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode("cp1252", "replace")


def declared_charset(data):
    """The character set that a page names, when it is one for text that Python knows."""
    found = CHARSET.search(data[:SAMPLE])
    try:
        known = codecs.lookup(found.group(1).decode("ascii")) if found else None
        b"".decode(known.name) if known else None
    except (LookupError, UnicodeDecodeError):
        return None
    return known and known.name


def markdown_text(text):
    headings = (line.strip("# \t") for line in text[:SAMPLE].splitlines() if line.startswith("#"))
    title = next(filter(None, headings), None)
    return Text("markdown", title and title[:200], text)


def html_text(page):
    reader = PageReader()
    reader.feed(page)
    reader.close()
    return Text("html", reader.title(), reader.text())


class PageReader(HTMLParser):
    """Collects what a reader of the page sees: no scripts, no styles, entities resolved."""

    UNSEEN = {"script", "style", "template", "noscript"}
    INLINE = {"a", "abbr", "b", "cite", "code", "em", "font", "i", "kbd", "q", "s", "samp",
              "small", "span", "strong", "sub", "sup", "tt", "u", "var", "wbr"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.parts = []
        self.title_parts = []
        self.unseen = None
        self.in_title = False

    def handle_starttag(self, tag, attrs):
        if tag in self.UNSEEN:
            self.unseen = self.unseen or tag
        self.in_title = tag == "title"
        if tag not in self.INLINE:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        if tag == self.unseen:
            self.unseen = None
        self.in_title = False
        if tag not in self.INLINE:
            self.parts.append("\n")

    def handle_data(self, data):
        if self.in_title:
            self.title_parts.append(data)
        elif not self.unseen:
            self.parts.append(data)

    def title(self):
        return " ".join("".join(self.title_parts).split())[:200] or None

    def text(self):
        lines = (line.strip() for line in "".join(self.parts).splitlines())
        return "\n".join(line for line in lines if line)


def pdf_text(data, size_max):
    """What pdftotext reads in it. Its time and its output are bounded."""
    if not shutil.which("pdftotext"):
        raise Skip("PDF without pdftotext", "install poppler-utils")
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        text, status = run_bounded(["pdftotext", "-q", "-enc", "UTF-8", "-", "-"], file, size_max)
    if len(text) > size_max:
        raise Skip("too large", f"more than {size_max} bytes of text")
    if status != 0:
        raise Skip("broken PDF", f"pdftotext ended with {status}")
    return text.decode("utf-8", "replace")


def run_bounded(command, stdin, size_max):
    """Output (one byte more than allowed shows excess) and exit status of a program."""
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        watchdog = threading.Timer(PDF_TIMEOUT_S, process.kill)
        watchdog.start()
        try:
            output = process.stdout.read(size_max + 1)
            if len(output) > size_max:
                process.kill()
            return output, process.wait()
        finally:
            watchdog.cancel()
            process.kill()
