"""Subtitles: what is read is what was meant, and what is written comes back."""

import math
import random

import pytest
import srt
import webvtt

from lab_utils import subtitles
from lab_utils.corpus import label
from lab_utils.errors import TranscriptError
from lab_utils.transcripts import Segment, Transcript, Word

CUE = "1\n00:00:00,000 --> 00:00:01,000\n{}\n"
VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n"


def transcript(rows, *, language="en", duration=100.0):
    """A transcript of (start, end, text) or (start, end, words), words as (text, start, end)."""
    segments = []
    for start, end, said in rows:
        words = () if isinstance(said, str) else tuple(Word(*w, 0.9) for w in said)
        text = said if isinstance(said, str) else "".join(w.text for w in words)
        segments.append(Segment(text, start, end, -0.1, 0.0, 1.0, 0.0, (), words))
    text = "".join(s.text for s in segments)
    return Transcript(text.strip(), language, tuple(segments), duration)


def texts(content):
    return [cue.text for cue in subtitles.parse(content)]


# --- read ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content, expected",
    [
        (CUE.format("One") + "\n2\n00:00:01,000 --> 00:00:02,000\n\n3\n"
         "00:00:02,000 --> 00:00:03,000\nThree\n", ["One", "", "Three"]),
        (CUE.format("One") + "2\n00:00:01,000 --> 00:00:02,000\nTwo\n", ["One", "Two"]),
        (CUE.format("12") + "\n2\n00:00:01,000 --> 00:00:02,000\nTwo\n3\n", ["12", "Two 3"]),
        ("\ufeff" + CUE.format("One\ntwo").replace("\n", "\r\n"), ["One two"]),
        (CUE.format("One").replace("\n", "\r"), ["One"]),
        (CUE.format("One") + "\n2\n00:00:01 --> 00:00:02\nTwo\n", ["One", "Two"]),
    ],
    ids=["no text", "no blank line", "numbers", "BOM and CRLF", "CR", "no fraction"],
)  # fmt: skip
def test_as_many_cues_as_a_subtitle_library_reads(content, expected):
    assert texts(content) == expected
    plain = content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert [" ".join(c.content.split()) for c in srt.parse(plain)] == expected


def test_cues_without_number_and_blank_line_are_two():
    content = "00:00:00,000 --> 00:00:01,000\nOne\n00:00:01.000 --> 00:00:02.000\nTwo\n"
    assert texts(content) == ["One", "Two"]
    content = "WEBVTT\n\n1\n00:00.000 --> 00:01.000\nOne\n2\n00:01.000 --> 00:02.000\nTwo\n"
    assert texts(content) == ["One", "Two"]


@pytest.mark.parametrize(
    "written, meant",
    [
        ("if x < 3 and y > 5 then stop", "if x < 3 and y > 5 then stop"),
        ("a<b and c>d", "a<b and c>d"),
        ("<laughter> Yes <3", "<laughter> Yes <3"),
        ("<i>Yes</i>, <FONT color=\"#ff0000\">no</font>", "Yes, no"),
        ("{\\an8}Up {\\i1}here{\\i0} {a set}", "Up here {a set}"),
        ("one<br/>two", "one two"),
        ("01:02.5 --> 02:03.5 is a time", "01:02.5 --> 02:03.5 is a time"),
        ("AT&amp;T", "AT&amp;T"),
        ("C:\\new\\Nice", "C:\\new\\Nice"),
    ],
)  # fmt: skip
def test_srt_keeps_the_characters_that_are_meant(written, meant):
    assert texts(CUE.format(written)) == [meant]


@pytest.mark.parametrize(
    "written, meant",
    [
        ("AT&amp;T &lt;b&gt; x&nbsp;y", "AT&T <b> x\u00a0y"),
        ("&#39;a&#x27; R&D a?b=1&copy=2", "'a' R&D a?b=1&copy=2"),
        ("if x < 3 and y > 5", "if x < 3 and y > 5"),
        ("<v Bob>Hi <c.loud>you</c></v> <00:00:00.500><ruby>漢<rt>kan</rt></ruby>", "Hi you 漢kan"),
        ("<lang en>yes</lang> {\\an8}<laughter>", "yes <laughter>"),
        ("here --> there", "here --> there"),
    ],
)
def test_vtt_keeps_the_characters_that_are_meant(written, meant):
    assert texts(VTT.format(written)) == [meant]


@pytest.mark.parametrize(
    "content, expected",
    [
        ("WEBVTT\nKind: captions\n\n00:00:00.160 --> 00:00:02.389 align:start position:0%\n \n"
         "so<00:00:00.480><c> there</c>\n\n00:00:02.389 --> 00:00:02.399\nso there\n \n",
         ["so there", "so there"]),
        ("1\n0:00:00.500000 --> 0:00:01.000000\nOne\n", ["One"]),
        (CUE.format("One") + "\n\ufeff2\n00:00:01,000 --> 00:00:02,000\nTwo\n", ["One", "Two"]),
        (CUE.format('<i class="x">One</i> <span style="a:b">two</span>'), ["One two"]),
        (CUE.format(r"{\an8\pos(10,10)\bord2}One{\k20} {\iclip(1,2,3,4)\a&HFF&}two"), ["One two"]),
    ],
    ids=["YouTube", "Python's timedelta", "two files joined", "HTML", "Aegisub"],
)  # fmt: skip
def test_what_programs_write_is_read(content, expected):
    assert texts(content) == expected


def test_comments_and_styles_are_no_cues():
    content = (
        "WEBVTT - a title\nKind: captions\n\nNOTE 00:00.000 --> 00:09.000\n\n"
        "NOTE\n1\n00:00.000 --> 00:01.000\nOld words.\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start position:0%\nNew words.\n\nNOTE the end\n"
    )
    assert subtitles.parse(content) == [subtitles.Cue(1.0, 2.0, "New words.")]


@pytest.mark.parametrize(
    "content, match",
    [
        ("no subtitles", "found none"),
        ("WEBVTT\n\nNOTE nothing\n", "found none"),
        ("\0".join(CUE.format("One")), "UTF-16"),
        (CUE.format("One") + "\n2\n00:00:0x,000 --> 00:00:02,000\nTwo\n", "line 6"),
        (CUE.format("One") + "\n2\n00:01 --> 00:02\nTwo\n", "line 6"),
        (CUE.format("One") + "2\n00:00:0x,000 --> 00:00:02,000\nTwo\n", "line 5"),
        (VTT.format("One") + "\n00:01 --> 00:02\nTwo\n", "line 6"),
        ("1\n-00:00:01,000 --> 00:00:02,000\nOne\n", "line 2, found '-00:00:01"),
        (CUE.format("One").replace("1,000", "1,000 One"), "line 2"),
        ("A title\n\n" + CUE.format("One"), "line 1, found 'A title'"),
        (CUE.format("One").replace("00:00:00", "00:00:09"), "cue 1 goes from 9 to 1 s"),
    ],
)
def test_what_cannot_be_read_names_the_line(content, match):
    with pytest.raises(TranscriptError, match=match):
        subtitles.parse(content)


# --- write --------------------------------------------------------------------------------------

ALPHABETS = (
    "abc XYZ 019 .,;:!?'\"-–—… <>&/=#%() [] {} |*_~^",
    "äöü éèñ çşğ ŁøÅ ßαβ ЖЯ",
    "漢字かな한글 ไทย हिन्दी עברית العربية",
    "🙂🎧👩‍🔬 \u00a0\u2028\u0085\u200b\u3000\ufeff",
    "<&>--> &amp; &lt; <- ->",
)


def random_text(rng):
    letters = rng.choice(ALPHABETS) + rng.choice(ALPHABETS)
    text = "".join(rng.choice(letters) for _ in range(rng.randint(1, 40)))
    return " ".join(filter(None, text.split(" "))).strip()


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_random_texts_come_back(kind):
    rng = random.Random(11)
    for _ in range(150):
        edges = sorted(rng.sample(range(0, 400_000), 6))
        rows = [
            (a / 1000, b / 1000, random_text(rng))
            for a, b in zip(edges[::2], edges[1::2], strict=True)
        ]
        rows = [row for row in rows if row[2]]
        cues = subtitles.parse(transcript(rows).subtitles(kind)) if rows else []
        assert [(c.start, c.end, c.text) for c in cues] == rows


def test_vtt_is_read_by_a_library_as_what_was_said():
    import html

    said = "if x < 3 & y > 5 then <b>stop</b> --> now"
    written = transcript([(0.0, 1.0, said)]).subtitles("vtt")
    (caption,) = webvtt.from_string(written)
    assert html.unescape(caption.text) == said
    words = [(" x", 0.0, 0.5), (" <", 0.5, 0.7), (" 3&4", 0.7, 1.0)]
    marked = transcript([(0.0, 1.0, words)]).subtitles("vtt", highlight_words=True)
    assert "x <u>&lt;</u> 3&amp;4" in marked


def test_an_arrow_in_srt_stays_unless_it_would_begin_a_cue():
    said = "from --> to"
    assert said in transcript([(0.0, 1.0, said)]).subtitles("srt")
    written = transcript([(0.0, 1.0, "00:00:01,000 --> 00:00:02,000")]).subtitles("srt")
    assert [c.content for c in srt.parse(written)] == ["00:00:01,000 -> 00:00:02,000"]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_no_cue_is_empty_or_without_length(kind):
    rows = [(0, 1, " One."), (1, 2, "  "), (2, 2, " Two."), (3, 3.0001, " Three."), (4, 5, " Four")]
    cues = subtitles.parse(transcript(rows).subtitles(kind))
    assert [(c.start, c.end, c.text) for c in cues] == [(0, 1, "One."), (4, 5, "Four")]
    if kind == "vtt":
        assert len(webvtt.from_string(transcript(rows).subtitles(kind)).captions) == 2


def test_segments_without_words_beside_segments_with_words():
    rows = [(0, 1, [(" Hello", 0, 0.5), (" you", 0.5, 1)]), (1, 2, ""), (2, 3, " Wordless.")]
    for kind in ("srt", "vtt"):
        assert texts(transcript(rows).subtitles(kind)) == ["Hello you", "Wordless."]
    assert texts(transcript(rows[:2]).subtitles("srt", max_words_per_line=1)) == ["Hello", "you"]
    with pytest.raises(TranscriptError, match="word_timestamps=True"):
        transcript(rows).subtitles("srt", max_words_per_line=1)


def test_a_word_too_short_for_a_cue_goes_with_the_next():
    words = [(" One", 0, 0.5), (" two", 0.5, 0.5), (" three", 0.5, 1.0), (" four", 1.0, 1.0)]
    cues = subtitles.parse(transcript([(0, 1, words)]).subtitles("srt", max_words_per_line=1))
    assert [c.text for c in cues] == ["One", "two three four"]
    assert all(c.start < c.end for c in cues)


def test_lines_break_between_words_only():
    words = [(" A", 0, 1), (" well", 1, 2), ("-known", 2, 3), (" voice", 3, 4), ("'s", 4, 5)]
    written = transcript([(0, 5, words)]).subtitles("srt", max_line_width=7)
    assert written.splitlines()[2:5] == ["A", "well-known", "voice's"]
    japanese = transcript([(0, 2, [("今日", 0, 1), ("は", 1, 2)])], language="ja")
    assert japanese.subtitles("srt", max_line_width=2).splitlines()[2:4] == ["今日", "は"]


@pytest.mark.parametrize(
    "kind, options, match",
    [
        ("srt", {"max_line_lenght": 10}, "Did you mean 'max_line_"),
        ("srt", {"max_line_widht": 10}, "Did you mean 'max_line_width'"),
        ("srt", {"max_line_width": 20}, "word_timestamps=True"),
        ("vtt", {"highlight_words": True}, "word_timestamps=True"),
        ("txt", {"max_line_width": 20}, "srt and vtt only"),
        ("srt", {"max_line_width": 0}, "a whole number from 1, found 0"),
        ("srt", {"max_line_width": "20"}, "a whole number from 1, found '20'"),
        ("srt", {"highlight_words": 3}, "True or False"),
    ],
)
def test_options_that_would_do_nothing_are_refused(kind, options, match):
    with pytest.raises(TranscriptError, match=match):
        transcript([(0, 1, " Hello.")]).subtitles(kind, **options)


def test_options_that_do_nothing_alone_or_together_are_refused():
    made = transcript([(0, 1, [(" Hello", 0, 1)])])
    with pytest.raises(TranscriptError, match="without max_line_width"):
        made.subtitles("srt", max_line_count=1)
    with pytest.raises(TranscriptError, match="max_words_per_line does nothing"):
        made.subtitles("srt", max_line_count=1, max_line_width=9, max_words_per_line=2)
    assert made.subtitles("srt", max_line_width=None) == made.subtitles("srt")


def test_times_by_hand():
    assert texts(transcript([(-0.02, 1, " Hello.")]).subtitles("srt")) == ["Hello."]
    for start, end in ((math.nan, 1), (0, math.inf), (2, 1)):
        with pytest.raises(TranscriptError, match="times in seconds"):
            transcript([(start, end, " Hello.")]).subtitles("srt")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "talk.srt"
    path.write_text("old", "utf-8")
    with pytest.raises(TranscriptError):
        transcript([(0, math.nan, " Hello.")]).save_subtitles(path)
    assert path.read_text("utf-8") == "old" and list(tmp_path.iterdir()) == [path]
    made = transcript([(0, 1, " Hello.")])
    assert made.save_subtitles(path).read_bytes() == made.subtitles("srt").encode()


def test_a_table_has_one_row_for_each_segment():
    rows = [(0, 1, " One\ttwo\nthree"), (1, 1, " Four"), (2, 3.5, " Five")]
    lines = transcript(rows).subtitles("tsv").splitlines()
    assert lines == ["start\tend\ttext", "0\t1000\tOne two three", "2000\t3500\tFive"]
    assert transcript(rows).subtitles("txt") == "One two three\nFour\nFive\n"


# --- subtitles for clips ------------------------------------------------------------------------


def test_clips_never_get_foreign_text():
    import workshop

    corpus = workshop.corpus()
    clip = min((c for c in corpus.clips if c.recording == "student.flac"), key=lambda c: c.start)
    middle = (clip.start + clip.end) / 2
    stamp = f"00:00:{middle - 0.1:06.3f} --> 00:00:{middle + 0.1:06.3f}".replace(".", ",")
    content = f"1\n{stamp}\nx < 3&nbsp;\n2\n{stamp}\n\n3\n{stamp}\n<i>y</i> > 5\n"
    made = label.from_subtitles(corpus, "student.flac", content)
    assert next(c for c in made.clips if c.id == clip.id).text == "x < 3&nbsp; y > 5"
