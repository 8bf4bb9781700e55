"""Numbers, signs and letters by language: each is read right or found, none is guessed."""

from __future__ import annotations

import random
import string
import unicodedata

import pytest
from whisper.tokenizer import LANGUAGES

from lab_utils import metrics
from lab_utils.corpus import alphabets, spelling
from lab_utils.corpus.spelling import spoken, unread

#: kind → (text, how it is read, what is left to a person)
ENGLISH = {
    "counts": [
        ("Whisper listens to 30 seconds.", "Whisper listens to thirty seconds.", []),
        ("more than 20000 values", "more than twenty thousand values", []),
        ("5 of 105, not 007", "five of one hundred five, not 007", ["007"]),
        ("0 and 10, 20", "zero and ten, twenty", []),
        ('"5", (5) and [5]', '"five", (five) and [five]', []),
        ("Area 51", "Area fifty-one", []),
        ("4512 words", "four thousand five hundred twelve words", []),
        ("90210", "90210", ["90210"]),
        ("9" * 5000, "9" * 5000, ["9" * 5000]),
    ],
    "codes and names": [
        ("Boeing 747 in room 101", "Boeing 747 in room 101", ["747", "101"]),
        ("dial 500 or 2", "dial 500 or two", ["500"]),
        ("extension 1234", "extension 1234", ["1234"]),
        ("B12, 5G, MP3, 3D and H.323", "B12, 5G, MP3, 3D and H.323",
         ["B12", "5G", "MP3", "3D", "H.323"]),
        ("x=5 #5 @5 *5", "x=5 #5 @5 *5", ["x=5", "#5", "@5", "*5"]),
        ("No. 5 or No 5", "No. 5 or No 5", ["5", "5"]),
        ("1,2,3", "1,2,3", ["1,2,3"]),
    ],
    "grouped digits": [
        ("1,000,000", "one million", []),
        ("1,250,000 people", "one million two hundred fifty thousand people", []),
        ("12,34 and 1,00", "12,34 and 1,00", ["12,34", "1,00"]),
        ("20 000", "20 000", ["20", "000"]),
    ],
    "money": [
        ("It cost $3.50.", "It cost three dollars and fifty cents.", []),
        ("$1,200 in all", "one thousand two hundred dollars in all", []),
        ("$5.50 or €1", "five dollars and fifty cents or one euro", []),
        ("$0.50, $1.01, £2.01", "fifty cents, one dollar and one cent, two pounds and one penny",
         []),
        ("$3.5 million", "three point five million dollars", []),
        ("a $5 bill, a $2 million deal", "a $5 bill, a $2 million deal", ["$5", "$2"]),
        ("$3.5, $5k, US$5, 5$, ¥5, -$5", "$3.5, $5k, US$5, 5$, ¥5, -$5",
         ["$3.5", "$5k", "US$5", "5$", "¥5", "-$5"]),
        ("¢50, 5¢, $1.5bn, $100-a-day", "¢50, 5¢, $1.5bn, $100-a-day",
         ["¢50", "5¢", "$1.5bn", "$100-a-day"]),
    ],
    "years": [
        ("in 1961 he left", "in nineteen sixty-one he left", []),
        ("In 1961, we left.", "In nineteen sixty-one, we left.", []),
        ("since 1906", "since nineteen oh-six", []),
        ("On May 3rd, 1984.", "On May third, nineteen eighty-four.", []),
        ("He came in 1990 in spring.", "He came in nineteen ninety in spring.", []),
        ("In May 1961 it rained.", "In May nineteen sixty-one it rained.", []),
        ("the year 2005 or 2000", "the year two thousand five or two thousand", []),
        ("It grew in 2024.", "It grew in twenty twenty-four.", []),
        ("1984 was", "1984 was", ["1984"]),
        ("in 1500 cases", "in 1500 cases", ["1500"]),
        ("in 1500, 1600 and 1700 cases", "in 1500, 1600 and 1700 cases", ["1500", "1600", "1700"]),
        ("by 1500", "by 1500", ["1500"]),
        ("the 1960s and 1900s", "the nineteen sixties and nineteen hundreds", []),
        ("the '90s", "the '90s", ["90s"]),
        ("the 90s, in 30s", "the nineties, in 30s", ["30s"]),
    ],
    "dates": [
        ("May 3, 1961", "May third, nineteen sixty-one", []),
        ("July 4", "July fourth", []),
        ("May 3 people came", "May 3 people came", ["3"]),
        ("On May 3 he left; in May 3 of us came", "On May third he left; in May 3 of us came",
         ["3"]),
        ("3 May", "3 May", ["3"]),
        ("12/05/2021, 12.05.2021, 2021-05-12", "12/05/2021, 12.05.2021, 2021-05-12",
         ["12/05/2021", "12.05.2021", "2021-05-12"]),
    ],
    "versions": [
        ("2.0.1", "2.0.1", ["2.0.1"]),
        ("Python 3.12", "Python 3.12", ["3.12"]),
        ("version 2.0", "version two point zero", []),
        ("v2.0", "v2.0", ["v2.0"]),
    ],
    "decimals": [
        ("3.14 or .5", "three point one four or zero point five", []),
        ("28.8 kilobit", "twenty-eight point eight kilobit", []),
        ("-3.5", "minus three point five", []),
        ("1.2.3.4", "1.2.3.4", ["1.2.3.4"]),
        ("3.000 people", "3.000 people", ["3.000"]),
    ],
    "ordinals": [
        ("the 1st, 22nd and 100th", "the first, twenty-second and one hundredth", []),
        ("21st, 11th, 1,000th", "twenty-first, eleventh, one thousandth", []),
        ("11st and 2th", "11st and 2th", ["11st", "2th"]),
    ],
    "times": [
        ("at 9:05, 12:30 and 8:00", "at nine oh five, twelve thirty and eight o'clock", []),
        ("It is 7:30.", "It is seven thirty.", []),
        ("7:30 a.m. and 7pm", "seven thirty a.m. and seven p.m.", []),
        ("7:30", "7:30", ["7:30"]),
        ("John 3:16", "John 3:16", ["3:16"]),
        ("about 3:20 minutes", "about 3:20 minutes", ["3:20"]),
        ("16:9, at 25:10, at 13:00", "16:9, at 25:10, at 13:00", ["16:9", "25:10", "13:00"]),
    ],
    "ranges": [
        ("3-4 minutes", "three to four minutes", []),
        ("pages 3–4", "pages three to four", []),
        ("5-10%", "five to ten percent", []),
        ("3-4", "3-4", ["3-4"]),
        ("a 2-1 win", "a 2-1 win", ["2-1"]),
        ("1961-1964", "1961-1964", ["1961-1964"]),
    ],
    "telephone numbers": [
        ("555-1234", "555-1234", ["555-1234"]),
        ("(555) 123-4567", "(555) 123-4567", ["555", "123-4567"]),
        ("+1 555 123 4567", "+1 555 123 4567", ["+1", "555", "123", "4567"]),
        ("call 911", "call 911", ["911"]),
        ("1-800-555-0199", "1-800-555-0199", ["1-800-555-0199"]),
    ],
    "percent": [
        ("3.5% or 5 %", "three point five percent or five percent", []),
        ("-5%", "minus five percent", []),
    ],
    "fractions": [
        ("1/2 cup, 2 1/2 cups", "1/2 cup, 2 1/2 cups", ["1/2", "2", "1/2"]),
        ("24/7", "24/7", ["24/7"]),
    ],
    "Roman numerals": [
        ("Henry VIII and Louis XIV", "Henry VIII and Louis XIV", ["VIII", "XIV"]),
        ("Henry V", "Henry V", ["V"]),
        ("MCMLXXXIV", "MCMLXXXIV", ["MCMLXXXIV"]),
        ("I am X, a CD, a MIX of XL", "I am X, a CD, a MIX of XL", []),
        ("CIVIL IVY", "CIVIL IVY", []),
    ],
    "units": [
        ("30 s at 16 kHz", "thirty seconds at sixteen kilohertz", []),
        ("1600 Hz at -3 dB", "one thousand six hundred hertz at minus three decibels", []),
        ("1 km and 5 km/h", "one kilometer and five kilometers per hour", []),
        ("20°C", "twenty degrees Celsius", []),
        ("16 GB of it, a 16 GB card", "sixteen gigabytes of it, a 16 GB card", ["16"]),
        ("5m, 4h, 20s", "5m, 4h, 20s", ["5m", "4h", "20s"]),
        ("5 ft, 8 kbit/s, 5 KB/s", "5 ft, 8 kbit/s, 5 KB/s", ["5", "8", "5"]),
        ("""5'10" and 30's""", """5'10" and 30's""", ["5'10", "30's"]),
        ("a 5-year-old, 16-bit, 747-like", "a five-year-old, sixteen-bit, 747-like", ["747-like"]),
    ],
    "abbreviations and signs": [
        ("Dr. Smith & Mrs. Jones", "Doctor Smith and Missus Jones", []),
        ("in St. Louis", "in Saint Louis", []),
        ("on Main St. yesterday", "on Main St. yesterday", ["St"]),
        ("the best. It rests.", "the best. It rests.", []),
        ("e.g., AT&T, etc.", "for example, AT and T, et cetera", []),
        ("a + b = c", "a plus b equals c", []),
        ("“Yes” – he said…", '"Yes" - he said...', []),
    ],
    "no numbers": [("no numbers here", "no numbers here", []), ("", "", [])],
}  # fmt: skip

#: language → the same
OTHERS = {
    "es": [
        ("Marque 2.", "Marque dos.", []),
        ("Marque 1 para", "Marque 1 para", ["1"]),  # uno, un or una
        ("21 y 200 casas", "21 y 200 casas", ["21", "200"]),
        ("1000 o 20000", "mil o veinte mil", []),
        ("3,5 y 20 000; 5 % y 5 km", "3,5 y 20 000; 5 % y 5 km", ["3,5", "20", "000", "5", "5"]),
        ("¿5? ¡11!", "¿cinco? ¡once!", []),
        ("el siglo XX", "el siglo XX", ["XX"]),
    ],
    "es-MX": [("Marque 2.", "Marque dos.", [])],
    "fr": [
        ("En 1984, 12 amis", "En mille neuf cent quatre-vingt-quatre, douze amis", []),
        ("le 3 ou le 71, « oui »", 'le trois ou le soixante et onze, "oui"', []),
        ("1 ou 21", "1 ou 21", ["1", "21"]),  # un or une
        ("06 12 34 56 78", "06 12 34 56 78", ["06", "12", "34", "56", "78"]),
        ("1er, 2e, 3,5", "1er, 2e, 3,5", ["1er", "2e", "3,5"]),
        ("“Oui” – 2", '"Oui" - deux', []),
    ],
    "fr-CH": [("72 et 71 ans, 202", "septante-deux et 71 ans, 202", ["71", "202"])],
    "it": [
        ("Premere 2 o 21.", "Premere due o 21.", ["21"]),
        ("18, 118 o 123", "diciotto, 118 o 123", ["118", "123"]),  # num2words: "centodicotto"
        ("Premere 1.", "Premere 1.", ["1"]),
        ("il 5%, €5", "il 5%, €5", ["5%", "€5"]),
    ],
    "pt": [("2 e 3, 16 e 15", "2 e três, 16 e quinze", ["2", "16"])],
    "pt-BR": [("16, 1107", "dezesseis, 1107", ["1107"])],
    "pt-PT": [("16", "dezasseis", [])],
    "ca": [("2 o 3", "2 o tres", ["2"])],
    "ro": [("20 de minute, 2", "douăzeci de minute, 2", ["2"])],
    "de": [
        ("Das kostet 5 Pfennig.", "Das kostet fünf Pfennig.", []),
        ("1000 oder 21 Kinder", "eintausend oder einundzwanzig Kinder", []),
        ("Es war 1984.", "Es war 1984.", ["1984"]),
        ("Boeing 747 mit 105 Leuten", "Boeing 747 mit einhundertfünf Leuten", ["747"]),
        ("3 x 4", "3 x vier", ["3"]),
        ("1 Kind, 101 Kinder", "1 Kind, 101 Kinder", ["1", "101"]),
        ("am 3. Mai, am 3. 5., am 5.", "am 3. Mai, am 3. 5., am 5.", ["3", "3", "5", "5"]),
        ("3,5 und -2 und 5 % und 16 kHz", "3,5 und -2 und 5 % und 16 kHz",
         ["3,5", "-2", "5", "16"]),
        ("Agent 007 um 12:30", "Agent 007 um 12:30", ["007", "12:30"]),
        ("9" * 5000, "9" * 5000, ["9" * 5000]),
    ],
    "German": [("5 Kinder", "fünf Kinder", [])],
    "nl": [("1 kind, 5 mei 1984", "één kind, vijf mei 1984", ["1984"])],
    "sv": [("5 barn, 1 barn, 5 maj, 40", "fem barn, 1 barn, 5 maj, 40", ["1", "5", "40"])],
    "da": [("5 og 21, 60", "fem og enogtyve, 60", ["60"])],
    "no": [("7 hus", "7 hus", ["7"])],  # sju or syv
    "tr": [("10101010101010101010 ve 5", "10101010101010101010 ve beş", ["1" + "01" * 9 + "0"])],
    "id": [("5 orang", "lima orang", [])],
    "vi": [("5, 1984, 105, 24", "năm, 1984, 105, 24", ["1984", "105", "24"])],
    "ja": [("5 人", "五 人", [])],
    "th": [("5 คน", "ห้า คน", [])],
    # cases, several series of numbers, or not known to num2words
    "ru": [("Нажмите 2. XIX век", "Нажмите 2. XIX век", ["2"])],
    "pl": [("5 osób, XX wiek", "5 osób, XX wiek", ["XX", "5"])],
    "ar": [("5 كتب", "5 كتب", ["5"])],
    "ko": [("5 명", "5 명", ["5"])],
    "zh": [("5 个", "5 个", ["5"])],
    "hi": [("यह ५ है", "यह ५ है", ["५"])],
    "sq": [("Janë 5 vetë.", "Janë 5 vetë.", ["5"])],
    "am": [("1984, 999999999", "1984, 999999999", ["1984", "999999999"])],
    "te": [("999999999999999", "999999999999999", ["999999999999999"])],
    "Klingon": [("5 & VIII", "5 & VIII", ["VIII", "5"])],
    "": [("5", "five", [])],
}  # fmt: skip
CASES = [(case, "en") for cases in ENGLISH.values() for case in cases]
CASES += [(case, language) for language, cases in OTHERS.items() for case in cases]


@pytest.mark.parametrize(("case", "language"), CASES)
def test_a_number_is_read_right_or_found(case, language):
    text, said, left = case
    assert spoken(text, language=language) == said
    assert unread(said, language=language) == left
    assert spoken(said, language=language) == said, "writing it out twice must change nothing"


def test_a_digit_is_never_lost():
    """Each number of a written text is in words, or still there to be found."""
    for _, said, left in (case for case, _ in CASES):
        digits = [c for c in said if c.isdecimal()]
        assert digits == [c for word in left for c in word if c.isdecimal()], said


def test_no_language_gets_the_words_of_another():
    for code in LANGUAGES:
        said = spoken("X 5 x", language=code)
        assert said == "X 5 x" or code == "en" or "five" not in said
        assert all(alphabets.is_written(c, code) for c in said if c not in "X5x "), code


def test_numbers_written_out_hold_no_foreign_letter():
    """num2words and the alphabets agree, for whatever is written out."""
    for code in spelling._DEPENDS:
        for n in (*range(131), *range(200, 1000, 67), 1000, 20_000, 999_000):
            said = spoken(f"({n})", language=code)
            wrong = {c for c in said if not alphabets.is_written(c, code) and not c.isdecimal()}
            assert not wrong, (code, n, said)


@pytest.mark.parametrize(
    "form",
    ["They saw {n:,} people.", "It cost ${n:,}.{c:02d}.", "It cost ${n:,} then.",
     "It is {n}.{d} long.", "It fell by {n}.{d}%.", "the {n:,}{th} time",
     "It began in {y}.", "On May 3rd, {y}."],
)  # fmt: skip
def test_whispers_normalizer_takes_the_words_back_to_the_number(form):
    """It turns words into digits: an oracle for what this turns into words."""
    draw = random.Random(form)
    for _ in range(100):
        n = int(10 ** draw.uniform(0, 6))
        if n % 10 == 9:
            n -= 1  # it does not know "ninth"
        th = "th" if n // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
        text = form.format(
            n=n, th=th, c=draw.randrange(100), d=draw.randrange(1, 10), y=draw.randrange(1100, 2100)
        )
        said = spoken(text)
        assert not unread(said)
        assert metrics.normalize(said, language="en") == metrics.normalize(text, language="en")


# ---- letters


def test_every_language_of_whisper_has_an_alphabet():
    assert set(LANGUAGES) == alphabets.KNOWN
    tables = (alphabets._LATIN, alphabets._CYRILLIC, alphabets._SCRIPTS)
    assert sum(map(len, tables)) == len(alphabets.KNOWN), "each is in one table"


def test_alphabets_are_in_normal_form_and_have_both_cases():
    for code in LANGUAGES:
        letters = alphabets.letters(code)
        assert all(unicodedata.normalize("NFC", c) == c for c in letters)
        assert len(set(letters)) == len(letters)
        assert all(c.upper() in letters for c in letters if len(c.upper()) == 1)
        assert not set(letters) & set(alphabets.signs(code)), code
    assert alphabets.letters("en") == string.ascii_uppercase + string.ascii_lowercase


SENTENCES = {
    "en": "Don't ask; it's (almost) late!",
    "es": "¿Dónde está el niño? ¡Qué pingüino!",
    "fr": "L'été, où es-tu, cœur naïf ? Ça y est.",
    "it": "Perché è così, però più giù?",
    "de": "Größe, Übermut und Äpfel.",
    "pt": "Não há pão; você põe três?",
    "pl": "Zażółć gęślą jaźń.",
    "sq": "Çfarë është kjo?",
    "tr": "Işık İzmir'de, çok güzel.",
    "vi": "Tiếng Việt rất khó.",
    "ca": "Col·legi, això és més.",
    "ru": "Съешь ещё этих мягких булок.",
    "uk": "Їжак і п'ять ґав.",
    "sr": "Ово је љубав. Ovo je ljubav, đače.",
    "el": "Γειά σου, τι κάνεις;",
    "ja": "コーヒーを飲みます。人々、ね？",
    "hi": "मुझे हिन्दी आती है।",
    "fa": "می\u200cخواهم، چرا؟",
    "ar": "كيف حالك؟",
    "ur": "یہ کیا ہے؟",
    "zh": "你好，今天怎么样？",
    "ko": "안녕하세요, 반갑습니다.",
    "th": "สวัสดีครับ",
    "ta": "வணக்கம், நலமா?",
    "he": "מה שלומך?",
    "am": "ሰላም፣ እንዴት ነህ።",
    "hy": "Բարև, ինչպե՞ս ես։",
    "ka": "გამარჯობა!",
    "my": "မင်္ဂလာပါ။",
    "km": "សួស្តី។",
    "bo": "བཀྲ་ཤིས།",
    "sw": "Habari ya asubuhi?",
    "mi": "Kia ora e hoa mā.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_written_with_its_language_and_not_with_another(language):
    def foreign(code):
        text = spoken(SENTENCES[language], language=code)
        return {c for c in text if not alphabets.is_written(c, code)}

    assert not foreign(language)
    if language not in ("en", "sw"):
        assert foreign("en")
    if language != "ru":
        assert foreign("ru")


@pytest.mark.parametrize(
    ("language", "wrong"),
    [("en", "é"), ("es", "è"), ("es", "ç"), ("ru", "і"), ("ru", "c"), ("uk", "ы"), ("ro", "ş"),
     ("de", "é"), ("hi", "a"), ("hi", "५"), ("fr", "№"), ("ja", "한"), ("zh", "あ"), ("en", "一"),
     ("en", "½"), ("en", "%"), ("en", "\u200c"), ("und", "5")],
)  # fmt: skip
def test_what_is_not_of_the_language(language, wrong):
    assert not alphabets.is_written(wrong, language)
