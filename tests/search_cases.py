"""What searches must find: a small archive in many languages, and queries with their answers.

Every store, and the pure matcher, is held to the same table. All sentences are invented.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from newsreel.model.query import Order

NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFeed:
    """A feed of the small archive."""

    url: str
    title: str
    language: str | None = None
    folder: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What an entry says; ``body`` and ``summary`` are plain text."""

    title: str
    body: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEntry:
    """An entry of the small archive, with its wordings from the first to today's.

    ``enclosure`` is a media type. Where ``language`` is None, the feed's counts.
    """

    name: str
    feed: str
    day: date
    wordings: tuple[Wording, ...]
    author: str = ""
    language: str | None = None
    categories: tuple[str, ...] = ()
    enclosure: str | None = None
    thumbnail: str | None = None
    link: str | None = None

    @property
    def permalink(self) -> str:
        """The address of the entry, on its feed's host where it gives none."""
        return self.link or f"{FEEDS[self.feed].url.rpartition('/')[0]}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchCase:
    """A query and the names of the entries it finds, in any order unless ``order`` is given.

    ``revisions`` names the number of the wording that is found, where it is not today's.
    """

    query: str
    found: tuple[str, ...]
    order: Order | None = None
    revisions: tuple[tuple[str, int], ...] = ()


FEEDS = {
    "herald": SearchFeed(
        url="https://herald.example/feed.xml",
        title="The Harbour Herald",
        language="en-GB",
        folder="Papers",
        tags=("local", "daily"),
    ),
    "tech": SearchFeed(
        url="https://www.tech.example/rss",
        title="Café Código",
        language="en",
        folder="Computing",
        tags=("Technik",),
    ),
    "world": SearchFeed(url="https://news.world.example/atom", title="World Wire", tags=("wire",)),
}


def _entry(name: str, day: int, title: str, body: str = "", **values: object) -> SearchEntry:
    feed = str(values.pop("feed", "world"))
    wordings = (Wording(title=title, body=body),)
    given: dict[str, object] = {"wordings": wordings, **values}
    return SearchEntry(name=name, feed=feed, day=date(2026, 1, day), **given)  # type: ignore[arg-type]


ENTRIES = (
    # English
    _entry(
        "bridge",
        3,
        "Old harbour bridge reopens",
        "The council’s engineers say that trams will cross it again by May. It’s a relief, said "
        "Mary O’Neill of the well-known ferry co-operative.",
        feed="herald",
        author="Jane Śmith",
        categories=("Local news", "Transport"),
    ),
    _entry(
        "elections",
        5,
        "Two elections in one week",
        "Voters elected a mayor and stopped a motorway. The election office counted 1,250,000 "
        "votes by e-mail and COVID-19 rules applied.",
        feed="herald",
        author="John Fields",
        categories=("Politics",),
        enclosure="audio/mpeg",
    ),
    _entry(
        "budget",
        6,
        "Budget: bridge tolls stay at US$5.4",
        "Tolls rose 2.5% last year, AT&T cables included, said the treasurer (a former ferryman).",
        feed="herald",
        author="Jane Śmith",
        categories=("Politics", "Money"),
        thumbnail="https://herald.example/toll.jpg",
    ),
    _entry(
        "cpp",
        7,
        "C++ and C# on .NET: a comparison",
        "Compilers for C++, C# and plain C were tried with 3D graphics. See @compilers and "
        "#benchmarks; the snake_case names hurt.",
        feed="tech",
        author="Ada Ünal",
        categories=("Programming",),
        link="https://www.tech.example/2026/cpp?utm=1",
    ),
    _entry(
        "emoji",
        8,
        "Why everyone sends 🎉 and 👍🏽",
        "Flags such as 🇵🇱 are two letters. A soft\u00adware update adds more.",
        feed="tech",
        enclosure="image/png",
    ),
    SearchEntry(
        name="ferry",
        feed="herald",
        day=date(2026, 1, 9),
        wordings=(
            Wording(title="Ferry sinks in storm", body="Nobody was hurt in the accident."),
            Wording(title="Ferry damaged in storm", body="Two sailors were slightly hurt."),
            Wording(title="Ferry damaged in gale", body="Two sailors were slightly hurt."),
        ),
        author="John Fields",
    ),
    SearchEntry(
        name="notice",
        feed="herald",
        day=date(2026, 1, 10),
        wordings=(Wording(title="Notice of repairs", summary="The lighthouse is closed."),),
    ),
    _entry(
        "resume", 11, "A résumé of the naïve façade", "The maître d’hôtel resigned.", feed="herald"
    ),
    _entry(
        "wide",
        12,
        "Ｆｕｌｌ ｗｉｄｔｈ letters",
        "The ﬁrst ﬂag and the Ⅳ. legion, 10 m² of it.",
        feed="tech",
    ),
    _entry(
        "treaty",
        12,
        "U.S. and E.U. sign",
        "The UK did not; the N.A.T.O. was not asked, the WHO was.",
        language="en",
    ),
    # German
    _entry(
        "wahl",
        3,
        "Wahlen in der Großstadt",
        "Die Häuser an der Straße blieben am Wahltag geöffnet, sagte die Bürgermeisterin Müller.",
        language="de",
        author="Jörg Weiß",
    ),
    _entry(
        "strasse",
        4,
        "Strasse gesperrt",
        "In Zürich fährt kein Tram. Das Kind lief ins Haus.",
        language="de-CH",
    ),
    # French
    _entry(
        "election",
        5,
        "L’élection à l’Hôtel de Ville",
        "Aujourd’hui, les élections ont attiré des chevaux et un cœur gros, sous l’œil du curé.",
        language="fr",
        categories=("Politique",),
    ),
    # Spanish
    _entry(
        "canciones",
        6,
        "Canciones para el año nuevo",
        "La canción más oída fue una elección del público; ¿quién cantó mañana?",
        language="es",
    ),
    # Portuguese
    _entry(
        "eleicoes",
        6,
        "Eleições na cidade",
        "O coração da nação bate em São Paulo.",
        language="pt-BR",
    ),
    # Italian
    _entry(
        "citta", 7, "La città è più verde", "Gli alberi e i ragazzi di perché no.", language="it"
    ),
    # Polish
    _entry(
        "zolw",
        8,
        "Żółw wygrał wybory",
        "Źdźbło trawy dla żółwia; wyborów nikt nie kwestionuje.",
        language="pl",
    ),
    # Czech
    _entry("volby", 8, "Volby na vesnici", "Příliš žluťoučký kůň přišel k volbám.", language="cs"),
    # Danish, Swedish, Icelandic
    _entry("oe", 9, "Rødgrød på øen", "Æbler og bjørne i Ålborg.", language="da"),
    _entry("sv", 9, "Valet i Göteborg", "Väljarna gick till valen.", language="sv"),
    _entry("thing", 9, "Þingið í Reykjavík", "Maður með hatt á Suðurlandi.", language="is"),
    # Turkish
    _entry(
        "istanbul",
        10,
        "İSTANBUL’DA SEÇİM",
        "Işık söndü, ırmak taştı; seçimler ertelendi.",
        language="tr",
    ),
    # Vietnamese
    _entry(
        "hanoi", 10, "Hà Nội đón năm mới", "Đường phố đông người, phở vẫn nóng.", language="vi"
    ),
    # Greek
    _entry(
        "ekloges",
        11,
        "Εκλογές στην πόλη",
        "Ο Σίσυφος κέρδισε· οι ΣΥΜΜΑΧΟΣ του χάρηκε.",
        language="el",
    ),
    # Russian, Ukrainian
    _entry(
        "vybory",
        12,
        "Выборы в городе",
        "Ёлка ещё стоит, но мой трамвай опоздал. За́мок закрыт.",
        language="ru",
    ),
    _entry(
        "vybory-ua",
        12,
        "Вибори у місті",
        "Комп’ютер рахував п’ять годин; ґанок і їжак.",
        language="uk",
    ),
    # Arabic, Persian, Hebrew
    _entry(
        "hukuma",
        13,
        "الحكومة تعلن الميزانية",
        "أُعلن القرارُ في مـــدينة القاهرة يوم ٥ يناير.",
        language="ar",
    ),
    _entry("iran", 13, "کتابخانه‌ی نو", "می‌خواهم به شهر بروم.", language="fa"),
    _entry(
        "memshala", 13, "הממשלה אישרה תקציב", 'צה״ל וצה"ל, שָׁלוֹם לכולם. מים ואורות.', language="he"
    ),
    # Hindi, Tamil
    _entry("kitab", 14, "दिल्ली में किताबें", "ज़रूरी ख़बर: चाँद पर २०२६ में किताब।", language="hi"),
    _entry("tamil", 14, "தமிழ் செய்திகள்", "மழை பெய்தது.", language="ta"),
    # Chinese, Japanese, Korean
    _entry(
        "shichang",
        15,
        "市长宣布旧桥重新开放",
        "北京和上海的市民，都很高兴。2026年电车。",
        language="zh",
    ),
    _entry(
        "tokyo",
        15,
        "東京都が新しい橋を発表",
        "料金はｶﾞｿﾘﾝより安い。東京タワーとパーティー。",
        language="ja",
    ),
    _entry("neko", 15, "猫が好き", "かぎとかき、犬と猫", language="ja"),
    _entry(
        "seoul", 16, "서울에서 선거가 열렸다", "시장은 대한민국의 수도를 떠났다.", language="ko"
    ),
    # Thai, Khmer
    _entry("bangkok", 16, "กรุงเทพมหานครเปิดสะพานใหม่", "น้ำท่วมที่ท่าเรือ", language="th"),
    _entry("khmer", 16, "ភ្នំពេញបើកស្ពានថ្មី", "", language="km"),
    # No language, odd content
    _entry("odd", 17, "Müller & Söhne GmbH", "www.example.org/path?q=1 10.000,50 und 192.168.0.1"),
    _entry(
        "words", 17, "harbour", "The word bridge stands here once, and trams never.", language="en"
    ),
)


def _case(query: str, *found: str, order: Order | None = None) -> SearchCase:
    return SearchCase(query=query, found=found, order=order)


_ALL = tuple(entry.name for entry in ENTRIES)

CASES = (
    # Words: all must occur, in title, author or body
    _case("bridge", "bridge", "budget", "words"),
    _case("BRIDGE", "bridge", "budget", "words"),
    _case("harbour bridge", "bridge", "words"),
    _case("bridge harbour", "bridge", "words"),
    _case("bridge unheard"),
    _case("lighthouse", "notice"),
    _case("smith bridge", "bridge", "budget"),
    _case("Transport"),
    # Phrases
    _case('"harbour bridge"', "bridge"),
    _case('"bridge harbour"'),
    _case('"old harbour bridge reopens"', "bridge"),
    _case("“harbour bridge”", "bridge"),
    _case("«harbour bridge»", "bridge"),
    _case("„harbour bridge“", "bridge"),
    _case('"harbour bri*"', "bridge"),
    _case('"harbour bri"*', "bridge"),
    _case('"reopens the council"'),
    # OR, not, parentheses
    _case("lighthouse OR 3D", "notice", "cpp"),
    _case("lighthouse | 3D", "notice", "cpp"),
    _case("lighthouse or 3D"),
    _case("bridge harbour OR tolls", "bridge", "budget", "words"),
    _case("(harbour bridge) OR lighthouse", "bridge", "words", "notice"),
    _case("bridge -tolls", "bridge", "words"),
    _case("bridge NOT tolls", "bridge", "words"),
    _case("bridge –tolls", "bridge", "words"),
    _case("bridge -(tolls OR council)", "words"),
    _case("bridge -tolls -harbour"),
    _case('bridge -"harbour bridge"', "budget", "words"),
    _case("bridge AND trams", "bridge", "words"),
    _case("bridge & trams", "bridge", "words"),
    _case("(trams (bridge (harbour)))", "bridge", "words"),
    _case("feed:tech -3D -🎉", "wide"),
    # Prefixes
    _case("harb*", "bridge", "words"),
    _case("elec*", "elections", "election", "canciones"),
    _case("tram*", "bridge", "words", "strasse"),
    _case("Großs*", "wahl"),
    # Fields
    _case("title:bridge", "bridge", "budget"),
    _case("title:(bridge -tolls)", "bridge"),
    _case('title:"harbour bridge"', "bridge"),
    _case("body:bridge", "words"),
    _case("author:smith", "bridge", "budget"),
    _case("author:Śmith", "bridge", "budget"),
    _case('author:"john fields"', "elections", "ferry"),
    _case("author:(jane OR ada)", "bridge", "budget", "cpp"),
    _case("category:politics", "elections", "budget"),
    _case("category:transport", "bridge"),
    _case('category:"local news"', "bridge"),
    _case("category:politique", "election"),
    _case("TITLE:bridge", "bridge", "budget"),
    _case("title: lighthouse"),
    # Feeds
    _case("feed:herald lighthouse", "notice"),
    _case("feed:harbour lighthouse", "notice"),
    _case('feed:"harbour herald" lighthouse', "notice"),
    _case("feed:https://herald.example/feed.xml lighthouse", "notice"),
    _case("feed:papers lighthouse", "notice"),
    _case("feed:cafe", "cpp", "emoji", "wide"),
    _case("feed:codigo 3D", "cpp"),
    _case("feed:nothing-like-it"),
    _case("tag:technik", "cpp", "emoji", "wide"),
    _case("tag:local lighthouse", "notice"),
    _case("tag:loc"),
    _case("site:tech.example", "cpp", "emoji", "wide"),
    _case("site:www.tech.example 3D", "cpp"),
    _case("site:world.example harbour", "words"),
    _case("site:orld.example"),
    _case("site:example", *_ALL),
    _case("link:https://tech.example/2026", "cpp"),
    _case("link:www.tech.example/2026/cpp", "cpp"),
    _case("https://www.tech.example/2026/cpp", "cpp"),
    _case("link:2026"),
    # Languages
    _case("lang:de", "wahl", "strasse"),
    _case("lang:de-ch", "strasse"),
    _case("lang:german", "wahl", "strasse"),
    _case("lang:en bridge", "bridge", "budget", "words"),
    _case("lang:en-GB bridge", "bridge", "budget"),
    _case("lang:pt", "eleicoes"),
    _case("lang:it OR cities", "citta"),
    _case("lang:it OR engineer", "citta", "bridge"),
    _case("(lang:ja OR lang:ko)", "tokyo", "neko", "seoul"),
    # What entries have
    _case("has:enclosure", "elections", "emoji"),
    _case("has:image", "budget", "emoji"),
    _case("has:revision", "ferry"),
    _case("is:revised", "ferry"),
    _case("feed:herald -has:fulltext", "notice"),
    _case("is:unread lighthouse", "notice"),
    _case("is:starred OR lighthouse", "notice"),
    _case("story:7 lighthouse", "notice"),
    # Days
    _case("day:2026-01-03", "bridge", "wahl"),
    _case("feed:herald day:2026-01", "bridge", "elections", "budget", "ferry", "notice", "resume"),
    _case("after:2026-01-17", "odd", "words"),
    _case("before:2026-01-04", "bridge", "wahl"),
    _case("after:3d", "odd", "words"),
    _case("day:2026-01-03..2026-01-04", "bridge", "wahl", "strasse"),
    _case("day:3.1.2026", "bridge", "wahl"),
    _case("before:2w bridge", "bridge"),
    _case("since:2026-01-17 until:2026-01-17 harbour", "words"),
    _case("day:2025"),
    # The old archives' way of asking
    _case("title=bridge", "bridge", "budget"),
    _case('title = "harbour bridge"', "bridge"),
    _case("source__title=herald & lighthouse", "notice"),
    _case(
        "source__title==Herald | source__title=Café",
        "bridge",
        "elections",
        "budget",
        "ferry",
        "notice",
        "resume",
        "cpp",
        "emoji",
        "wide",
    ),
    _case("link==https://www.tech.example/2026/cpp?utm=1", "cpp"),
    _case("date_published>2026-01-16 harbour", "words"),
    _case("date_published >= 2026-01-17 harbour", "words"),
    _case("date_published<2026-01-04", "bridge", "wahl"),
    _case("language=it", "citta"),
    _case("artist=fields title=ferry", "ferry"),
    _case("description=tolls", "budget"),
    # Names, numbers and signs
    _case("C++", "cpp"),
    _case("c#", "cpp"),
    _case("“C#”", "cpp"),
    _case("title:c"),
    _case("body:c", "cpp"),
    _case(".NET", "cpp"),
    _case("3d", "cpp"),
    _case("@compilers", "cpp"),
    _case("#benchmarks", "cpp"),
    _case("snake_case", "cpp"),
    _case("AT&T", "budget"),
    _case("US$5.4", "budget"),
    _case("$5.4", "budget"),
    _case("5,4", "budget"),
    _case("2.5%", "budget"),
    _case("2.4%"),
    _case("1,250,000", "elections"),
    _case("1.250.000", "elections"),
    _case("1250000", "elections"),
    _case("1250001"),
    _case("e-mail", "elections"),
    _case("e mail", "elections"),
    _case("COVID-19", "elections"),
    _case("covid19"),
    _case("it's", "bridge"),
    _case("it’s relief", "bridge"),
    _case("O'Neill", "bridge"),
    _case("ONeill"),
    _case("neill", "bridge"),
    _case("well-known", "bridge"),
    _case("wellknown"),
    _case("co-operative", "bridge"),
    _case("council's", "bridge"),
    _case("treasurer's", "budget"),
    _case("U.S.", "treaty", "budget"),
    _case("US", "treaty", "budget"),
    _case("EU", "treaty"),
    _case("NATO", "treaty"),
    _case("nato"),
    _case("U.K.", "treaty"),
    _case("W.H.O", "treaty"),
    _case("192.168.0.1", "odd"),
    _case("www.example.org/path", "odd"),
    _case("10.000,50", "odd"),
    _case("example.org", "odd"),
    _case("🎉", "emoji"),
    _case("👍", "emoji"),
    _case("👍🏿", "emoji"),
    _case("🇵🇱", "emoji"),
    _case("🇩🇪"),
    _case("software", "emoji"),
    _case("soft\u00adware", "emoji"),
    _case("full width", "wide"),
    _case("ＦＵＬＬ", "wide"),
    _case("first flag", "wide"),
    _case("iv legion", "wide"),
    _case("m2", "wide"),
    # Other forms of a word, where the language is known
    _case("election", "elections", "election"),
    _case("tram", "bridge", "words", "strasse"),
    _case("stops", "elections"),
    _case("engineer", "bridge"),
    _case('"engineer"'),
    _case("engineer*", "bridge"),
    _case("vote", "elections"),
    _case("-vote feed:herald day:2026-01-05", "elections"),
    _case("wahl", "wahl"),
    _case("haus", "wahl", "strasse"),
    _case("kinder", "strasse"),
    _case("cheval", "election"),
    _case("canción", "canciones"),
    _case("eleição", "eleicoes"),
    _case("wyborach", "zolw"),
    _case("żółwie", "zolw"),
    _case("volbách", "volby"),
    _case("выборов", "vybory"),
    _case("город", "vybory"),
    _case("виборів", "vybory-ua"),
    _case("seçimlerde", "istanbul"),
    _case("حكومة", "hukuma"),
    _case("ממשלה", "memshala"),
    _case("किताबों", "kitab"),
    # Letters and marks
    _case("resume naive facade", "resume"),
    _case("résumé", "resume"),
    _case("maitre d'hotel", "resume"),
    _case("zolw", "zolw"),
    _case("żółw", "zolw"),
    _case("ŻÓŁW", "zolw"),
    _case("zdzblo", "zolw"),
    _case("straße", "wahl", "strasse"),
    _case("strasse", "wahl", "strasse"),
    _case("muller", "wahl", "odd"),
    _case("Müller", "wahl", "odd"),
    _case("weiss", "wahl"),
    _case("Mueller lang:de", "wahl"),
    _case("Buergermeisterin", "wahl"),
    _case("Aalborg", "oe"),
    _case("coeur", "election"),
    _case("œil", "election"),
    _case("hotel de ville", "election"),
    _case("aujourd'hui", "election"),
    _case("manana", "canciones"),
    _case("quien canto", "canciones"),
    _case("sao paulo coracao", "eleicoes"),
    _case("citta perche", "citta"),
    _case("zlutoucky kun", "volby"),
    _case("rodgrod", "oe"),
    _case("aebler alborg", "oe"),
    _case("bjørne", "oe"),
    _case("thingid", "thing"),
    _case("sudurlandi", "thing"),
    _case("istanbul", "istanbul"),
    _case("İstanbul", "istanbul"),
    _case("ISTANBUL", "istanbul"),
    _case("ışık", "istanbul"),
    _case("isik irmak", "istanbul"),
    _case("ha noi", "hanoi"),
    _case("Hà Nội", "hanoi"),
    _case("duong pho", "hanoi"),
    _case("e\u0301lection ville", "election"),
    _case("σισυφος", "ekloges"),
    _case("ΣΊΣΥΦΟΣ", "ekloges"),
    _case("συμμαχος", "ekloges"),
    _case("πολη", "ekloges"),
    _case("елка еще", "vybory"),
    _case("Ёлка", "vybory"),
    _case("мой", "vybory"),
    _case('"мой трамвай"', "vybory"),
    _case('"мои"'),
    _case("замок", "vybory"),
    _case("комп'ютер", "vybory-ua"),
    _case("п’ять", "vybory-ua"),
    _case("ганок", "vybory-ua"),
    _case("їжак", "vybory-ua"),
    _case("القرار", "hukuma"),
    _case("اعلن", "hukuma"),
    _case("مدينه", "hukuma"),
    _case("القاهرة", "hukuma"),
    _case("5 يناير", "hukuma"),
    _case("كتابخانهي", "iran"),
    _case("میخواهم", "iran"),
    _case("שלום", "memshala"),
    _case("שָׁלוֹם", "memshala"),
    _case('צה"ל', "memshala"),
    _case("צה״ל", "memshala"),
    _case("शहर"),
    _case("दिल्ली", "kitab"),
    _case("जरूरी खबर", "kitab"),
    _case("चांद", "kitab"),
    _case("2026 चाँद", "kitab"),
    _case("தமிழ்", "tamil"),
    # Scripts without blanks
    _case("旧桥", "shichang"),
    _case("重新开放", "shichang"),
    _case("新重"),
    _case("北京 上海", "shichang"),
    _case("桥", "shichang"),
    _case("民", "shichang"),
    _case("2026年", "shichang"),
    _case("上海北京"),
    _case("市民都"),
    _case("東京", "tokyo"),
    _case("京都", "tokyo"),
    _case("東京タワー", "tokyo"),
    _case("ガソリン", "tokyo"),
    _case("ｶﾞｿﾘﾝ", "tokyo"),
    _case("パーティー", "tokyo"),
    _case("「新しい橋」", "tokyo"),
    _case("猫", "neko"),
    _case("犬", "neko"),
    _case("かぎ", "neko"),
    _case("がき"),
    _case("（猫　OR　橋）", "neko", "tokyo"),
    _case("서울", "seoul"),
    _case("선거", "seoul"),
    _case("대한민국", "seoul"),
    _case("민국대"),
    _case("สะพาน", "bangkok"),
    _case("กรุงเทพ", "bangkok"),
    _case("น้ำท่วม", "bangkok"),
    _case("นำท่วม"),
    _case("ស្ពាន", "khmer"),
    # Older wordings
    SearchCase(query="sinks", found=("ferry",), revisions=(("ferry", 1),)),
    SearchCase(query="ferry storm", found=("ferry",), revisions=(("ferry", 2),)),
    SearchCase(query="nobody hurt", found=("ferry",), revisions=(("ferry", 1),)),
    _case("sailors", "ferry"),
    _case("sinks gale"),
    # What is no query at all
    _case("", *_ALL),
    _case("   ", *_ALL),
    _case("()", *_ALL),
    _case("!!!"),
    _case("-"),
    _case('"'),
    _case("…"),
    _case("lighthouse !!!", "notice"),
    _case('"lighthouse', "notice"),
    _case("(lighthouse", "notice"),
    _case("lighthouse)", "notice"),
    _case("lighthouse OR", "notice"),
    _case("OR lighthouse", "notice"),
    _case("lighthouse AND", "notice"),
    _case("foo:bar lighthouse"),
    _case("has:nothing"),
    _case("lighthouse'; DROP TABLE entries; --"),
    _case('title:"lighthouse" OR 1=1 --'),
    _case("* lighthouse", "notice"),
    _case("lighthouse\x00\ud800", "notice"),
    _case("NEAR(lighthouse closed)"),
    _case("%"),
    _case("light_ouse"),
    # Orders
    _case("bridge", "budget", "bridge", "words", order=Order.RELEVANCE),
    _case("bridge", "words", "budget", "bridge", order=Order.NEWEST),
    _case("harbour bridge", "bridge", "words", order=Order.RELEVANCE),
    _case("harbour bridge", "words", "bridge", order=Order.NEWEST),
    _case("election", "election", "elections", order=Order.RELEVANCE),
    _case("lang:ja", "neko", "tokyo", order=Order.NEWEST),
)

CASE_IDS = tuple(f"{number}: {ascii(case.query)[1:41]}" for number, case in enumerate(CASES))
