"""The model that guesses languages, where it is installed."""

import pytest

from newsreel.app.languages import detector

SENTENCES = {
    "en": "The ferry to the islands will run again on Monday morning",
    "pl": "Rada miasta sprzedaje starą latarnię morską przy porcie",
    "de": "Der Gemeinderat verkauft den alten Leuchtturm am Hafen",
    "ja": "町議会は古い灯台を売却することを月曜日の朝に決めました",
}


@pytest.mark.parametrize("tag", SENTENCES)
def test_a_sentence_tells_its_language(tag: str) -> None:
    detect = detector()
    if detect is None:
        pytest.skip("the extra 'languages' is not installed")

    assert detect(SENTENCES[tag]) == tag
    assert detect("4:2 n. V.") is None
