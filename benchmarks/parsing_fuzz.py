"""Fuzz the whole parser, guided by coverage: python benchmarks/parsing_fuzz.py [OPTIONS] [CORPUS].

OPTIONS are libFuzzer's.
Needs atheris (not among the development tools: no wheel for every platform). Without a corpus the
feeds of tests/feeds are the seeds. A crash becomes a case of tests/pure/test_formats_hostile.py.
"""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

SEEDS = Path(__file__).parent.parent / "tests" / "feeds"


def main() -> None:
    """Run until a crash or the limits given."""
    try:
        import atheris  # type: ignore[import-untyped]
    except ImportError:
        sys.exit("error: atheris is not installed\nhint: pip install atheris")
    with atheris.instrument_imports(include=["newsreel.formats"]):
        from newsreel.errors import NotAFeed
        from newsreel.formats.document import parse
        from newsreel.formats.html import sanitised
        from newsreel.formats.html_text import text_of
        from newsreel.formats.urls import canonical
        from newsreel.formats.validation import faults_of

    def one(data: bytes) -> None:
        with suppress(NotAFeed):
            feed = parse(data, url="https://example.org/feed")
            repr(feed).encode()
            faults_of(feed)
            for entry in feed.entries[:3]:
                text_of(entry.body)
                sanitised(entry.summary or "", base=entry.base_url)
                canonical(entry.link or "")

    is_given = any(not argument.startswith("-") for argument in sys.argv[1:])
    # The first directory is where a fuzzer leaves what it finds.
    corpus = [] if is_given else [tempfile.mkdtemp(prefix="newsreel-fuzz-"), *seeds()]
    atheris.Setup([*sys.argv, *corpus], one)
    atheris.Fuzz()


def seeds() -> list[str]:
    """Return the directories of seeds."""
    return [str(SEEDS), str(SEEDS / "broken")]


if __name__ == "__main__":
    main()
