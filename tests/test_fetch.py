"""`endomtor fetch` against a real server on loopback that misbehaves in every way a server can."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event

import pytest

from endomtor import cli, paths, public
from endomtor.errors import FetchError
from endomtor.public import download, transfer
from loopback import BODY, TAG, Answer, serving


def body(k: int) -> bytes:
    """The k-th file: all are of one length, and the registry refuses two of one sha256."""
    return BODY[:-1] + str(k).encode()


@pytest.fixture
def host():
    with serving() as host:
        yield host


@pytest.fixture
def book(tmp_path, monkeypatch, host):
    """A book's root with a registry of eight files of our own, whose addresses lead to the server."""
    root = tmp_path / "book"
    (root / "data").mkdir(parents=True)
    (root / "_toc.yml").touch()
    (root / "data" / "claims.toml").touch()
    lines = ["schema_version = 1"]
    for k in range(8):
        lines += [
            f"[files.file-{k}]",
            f'file = "file-{k}.csv"',
            f'address = "https://example.org/c/file-{k}.csv"',
            f"bytes = {len(BODY)}",
            f'sha256 = "{hashlib.sha256(body(k)).hexdigest()}"',
            'licence = "none stated"',
            "bundled = false",
            'citations = ["someone"]',
            'description = "A file."',
            'chapters = ["01_mtor_decline"]',
        ]
    (root / "data" / "registry.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(root)
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ENDOMTOR_MIRROR", host.url)
    return root


PATH = "/c/file-0.csv"


def out() -> Path:
    return download.folder() / "file-0.csv"


def part() -> Path:
    return download.folder() / ".file-0.csv.part"


def visible() -> list[str]:
    return sorted(path.name for path in download.folder().glob("[!.]*"))


def get(pauses=(0.01, 0.01, 0.01)) -> bytes:
    return public.fetch(["file-0"], pauses=pauses)["file-0"].read_bytes()


def refused(pauses=()) -> str:
    with pytest.raises(FetchError) as caught:
        public.fetch(["file-0"], pauses=pauses)
    assert str(caught.value).startswith("file-0: ")
    assert "\n" not in str(caught.value)
    assert visible() == []
    return str(caught.value)


def endomtor(*arguments: str, status: int = 0) -> None:
    """Run `endomtor` in this process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert ended.value.code == status


def heeds_interrupts():
    # Where the suite runs in the background, it ignores Ctrl-C, and so would its children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(*arguments: str, first=heeds_interrupts, **options) -> subprocess.Popen:
    """Run `endomtor` in a process of its own, in the book of the test; `first` is called in it."""
    code = "from endomtor.cli import main; main()"
    return subprocess.Popen(
        preexec_fn=first,
        args=[sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for(condition, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_file_comes_once_and_a_damaged_copy_counts_as_absent(book, host, capsys):
    host.answers[PATH] = [Answer()]
    assert public.available("file-0") is None
    assert public.fetch(["file-0", "file-0"], progress=True)["file-0"] == public.available("file-0")
    assert get() == BODY
    assert len(host.asked) == 1
    assert "file-0" in capsys.readouterr().err
    out().write_bytes(BODY[:-1] + b"x")
    assert public.available("file-0") is None
    assert get() == BODY


def test_a_folder_is_a_mirror(book, tmp_path, monkeypatch):
    monkeypatch.setenv("ENDOMTOR_MIRROR", str(tmp_path / "mirror"))
    assert "the mirror has no readable" in refused()
    twin = tmp_path / "mirror" / "c" / "file-0.csv"
    twin.parent.mkdir(parents=True)
    twin.write_bytes(BODY)
    assert get() == BODY


def test_a_cut_connection_is_resumed_where_it_broke(book, host):
    host.answers[PATH] = [Answer(cut=100_000), Answer(cut=50_000), Answer()]
    assert get() == BODY
    assert host.ranges() == [None, "bytes=100000-", "bytes=150000-"]
    assert [headers.get("If-Range") for _, headers in host.asked] == [None, TAG, TAG]
    assert {headers["Accept-Encoding"] for _, headers in host.asked} == {"identity"}
    assert visible() == ["file-0.csv"]
    assert not list(download.folder().glob(".file*"))


def test_the_next_run_resumes_what_the_last_one_left(book, host):
    host.answers[PATH] = [Answer(cut=100_000), Answer()]
    assert "broke off" in refused()
    assert part().stat().st_size == 100_000
    assert json.loads(part().with_name(".file-0.csv.part.json").read_text())["total"] == len(BODY)
    assert public.available("file-0") is None
    assert get(pauses=()) == BODY
    assert host.ranges()[1] == "bytes=100000-"


def test_tries_that_bring_bytes_do_not_count_as_failed(book, host):
    host.answers[PATH] = [*(Answer(cut=60_000) for _ in range(6)), Answer()]
    assert get(pauses=(0.01,)) == BODY
    assert len(host.asked) == 7


def test_a_server_that_always_breaks_off_at_the_same_byte_is_given_up(book, host):
    host.answers[PATH] = [Answer(cut=60_000, ranges=False)]
    assert "broke off" in refused(pauses=(0.01, 0.01))
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    "second",
    [Answer(ranges=False), Answer(tag='"v2"'), Answer(tag="", ranges=False), Answer(announced=False, ranges=False)],
    ids=["without Range", "another version", "without ETag", "without a length"],
)
def test_a_server_that_sends_the_whole_again_is_taken_at_its_word(book, host, second):
    host.answers[PATH] = [Answer(cut=100_000), second]
    assert get() == BODY
    assert len(host.asked) == 2


SECOND_HALF = f"bytes 100000-{len(BODY) - 1}/{len(BODY)}"


@pytest.mark.parametrize(
    "second",
    [
        Answer(content_range=f"bytes 99999-{len(BODY) - 1}/{len(BODY)}"),
        Answer(content_range=f"bytes 100000-{len(BODY)}/{len(BODY) + 1}"),
        Answer(content_range="lines 100000-2/3"),
        Answer(content_range="bytes"),
        # It answers 206 though If-Range named the first version.
        Answer(BODY[100_000:], 206, {"content-range": SECOND_HALF}, tag='"v2"'),
        Answer(b"", 416),
    ],
)
def test_a_piece_that_does_not_fit_is_thrown_away_with_the_first(book, host, second):
    host.answers[PATH] = [Answer(cut=100_000), second, Answer()]
    assert get() == BODY
    assert host.ranges() == [None, "bytes=100000-", None]


def test_a_206_that_nobody_asked_for_is_refused(book, host):
    host.answers[PATH] = [Answer(BODY[:50], 206)]
    assert "answered with a piece" in refused()


def test_a_damaged_first_piece_shows_in_the_sha256_and_the_whole_is_fetched_once_more(book, host):
    host.answers[PATH] = [Answer(cut=100_000), Answer()]
    refused()
    part().write_bytes(b"x" * 100_000)
    assert get() == BODY
    assert host.ranges() == [None, "bytes=100000-", None]
    out().unlink()
    # Where the whole is wrong too, that is the end.
    host.answers[PATH] = [Answer(cut=100_000), Answer(BODY[:-1] + b"x"), Answer(BODY[:-1] + b"x")]
    assert "is not the registered file" in refused(pauses=(0.01,))
    assert not part().exists()


def test_a_piece_that_is_whole_already_or_too_long_or_of_another_address(book, host, monkeypatch):
    host.answers[PATH] = [Answer(cut=100_000), Answer()]
    refused()
    part().write_bytes(BODY)
    assert get() == BODY
    assert len(host.asked) == 1
    out().unlink()
    for content, address in ((BODY + b"more", None), (BODY[:100], "http://elsewhere.example/c/file-0.csv")):
        host.answers[PATH] = [Answer(cut=100_000), Answer()]
        refused()
        part().write_bytes(content)
        if address:
            note = part().with_name(".file-0.csv.part.json")
            note.write_text(json.dumps(json.loads(note.read_text()) | {"place": address}))
        assert get() == BODY
        assert host.ranges()[-1] is None
        out().unlink()


HTML = b"\n  <!DOCTYPE html><html><title>Please log in</title></html>"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(b"no", 404), "answered 404 Not Found, expected the file; it was moved"),
        (Answer(b"no", 410), "answered 410 Gone, expected the file"),
        (Answer(b"no", 403), "answered 403 Forbidden, expected the file; a login may be needed"),
        (Answer(b"no", 401), "answered 401 Unauthorized, expected the file; a login may be needed"),
        (Answer(b"no", 400), "answered 400 Bad Request; it does not accept the request"),
        (Answer(b"no", 500), "answered 500 Internal Server Error; try again later"),
        (Answer(b"no", 502), "answered 502 Bad Gateway; try again later"),
        (Answer(b"no", 429), "answered 429 Too Many Requests; try again later"),
        (Answer(HTML, headers={"content-type": "text/html; charset=utf-8"}), "answered with a web page, expected"),
        (Answer(HTML, headers={"content-type": "text/csv"}), "answered with a web page, expected the file"),
        (Answer(b"\xef\xbb\xbf<HTML>", headers={"content-type": "text/csv"}), "answered with a web page"),
        (Answer(BODY[:-1] + b"x"), "is not the registered file, expected sha256"),
        (Answer(BODY[:100]), "is not the registered file"),
        (Answer(b""), "is not the registered file"),
        (Answer(BODY + b"more"), f"sends more than the registered {len(BODY)} bytes"),
        (Answer(BODY * 3, announced=False), f"sends more than the registered {len(BODY)} bytes"),
        (Answer(BODY[:5000], announced=False), "broke off"),
        (Answer(cut=5000), "broke off"),
        (Answer(b"", 301, {"location": "/c/file-0.csv"}), "could not be asked for (TooManyRedirects)"),
    ],
)
def test_each_wrong_answer_has_its_sentence_and_leaves_nothing_under_the_name(book, host, answer, words):
    host.answers[PATH] = [answer]
    assert words in refused()


def test_a_redirect_to_a_login_page_names_the_page_without_its_query(book, host):
    host.answers[PATH] = [Answer(b"", 302, {"location": f"{host.url}/login?token=secret"})]
    host.answers["/login"] = [Answer(HTML, headers={"content-type": "text/html"})]
    words = refused()
    assert f"answered with a web page ({host.url}/login), expected the file; a login page" in words
    assert "secret" not in words


def test_a_login_page_does_not_cost_the_piece_that_is_here(book, host):
    host.answers[PATH] = [Answer(cut=100_000), Answer(HTML, headers={"content-type": "text/html"}, ranges=False)]
    refused()
    assert "web page" in refused()
    assert part().stat().st_size == 100_000


def test_a_redirect_to_the_file_is_followed(book, host):
    host.answers[PATH] = [Answer(b"", 302, {"location": "/elsewhere"})]
    host.answers["/elsewhere"] = [Answer()]
    assert get() == BODY


def test_without_a_network_one_more_try_is_made(book, monkeypatch):
    # Port 9 of the loopback address: refused at once.
    monkeypatch.setenv("ENDOMTOR_MIRROR", "http://127.0.0.1:9")
    before = time.monotonic()
    with pytest.raises(transfer.NoNetworkError, match="127.0.0.1:9 cannot be reached; is there a network"):
        public.fetch(["file-0", "file-1"], pauses=(0.05, 60.0))
    assert time.monotonic() - before < 10


def test_a_host_that_hangs_or_stalls(book, host, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", (1.0, 0.3))
    host.answers[PATH] = [Answer(late=1.0)]
    assert "did not answer within 0.3 s; try again later" in refused()
    # It stalls in the middle, and goes on when asked again.
    host.answers[PATH] = [Answer(slow=0.5, body=BODY[:30_000]), Answer()]
    assert get() == BODY
    out().unlink()
    # Slow and steady is fine.
    host.answers[PATH] = [Answer(slow=0.03)]
    assert get(pauses=()) == BODY


def test_a_busy_host_is_asked_again_and_a_missing_file_is_not(book, host):
    host.answers[PATH] = [Answer(b"", 500), Answer(b"", 503), Answer()]
    assert get() == BODY
    assert len(host.asked) == 3
    out().unlink()
    host.answers[PATH] = [Answer(b"no", 404)]
    refused(pauses=(0.01, 0.01))
    assert len(host.asked) == 4


def test_the_pauses_grow():
    assert transfer.PAUSES == (0.5, 1.0, 2.0, 4.0)
    waited = []

    class Clock(Event):
        def wait(self, timeout=None):
            waited.append(timeout)
            return False

    def busy():
        raise transfer.TransientError("busy", wait=3.0 if len(waited) == 1 else 0.0)

    with pytest.raises(transfer.TransientError):
        transfer.persist(busy, transfer.PAUSES, Clock())
    assert waited == [0.5, 3.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(book, host, status, as_date):
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if as_date else "1"
    host.answers[PATH] = [Answer(b"", status, {"retry-after": later}), Answer()]
    assert get(pauses=(0.01,)) == BODY
    # The date has whole seconds.
    assert host.times[1] - host.times[0] > 0.9


def test_a_pause_of_an_hour_is_left_to_the_user(book, host):
    host.answers[PATH] = [Answer(b"", 503, {"retry-after": "3600"}), Answer()]
    assert "try again later: the host asks for a pause of 3600 s." in refused(pauses=(0.01,))
    host.answers[PATH] = [Answer(b"", 503, {"retry-after": "soon"}), Answer()]
    assert get() == BODY


def test_files_come_side_by_side_but_no_more_than_four(book, host, capsys):
    for k in range(8):
        host.answers[f"/c/file-{k}.csv"] = [Answer(body(k), slow=0.01)]
    found = public.fetch([f"file-{k}" for k in range(8)], progress=True)
    assert [path.read_bytes() for path in found.values()] == [body(k) for k in range(8)]
    # The host counts an answer until a moment after its last byte, when the next may have been asked for.
    assert 2 <= host.most <= transfer.PARALLEL + 1 == 5
    shown = capsys.readouterr().err
    assert all(f"file-{k}" in shown for k in range(8))


def test_what_can_be_had_is_here_though_others_failed(book, host):
    host.answers = {f"/c/file-{k}.csv": [Answer(body(k))] for k in (0, 2, 4, 5, 6, 7)}
    with pytest.raises(FetchError) as caught:
        public.fetch([f"file-{k}" for k in range(8)], pauses=())
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["file-1", "file-3"]
    assert len(visible()) == 6


def test_a_second_run_waits_for_the_first_and_says_so(book, host):
    host.answers[PATH] = [Answer(hold=Event())]
    first = start("fetch", "file-0")
    wait_for(lambda: host.asked)
    second = start("fetch", "file-0")
    waiting = second.stderr.readline()
    host.answers[PATH][0].hold.set()
    outputs = [process.communicate(timeout=60) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outputs
    assert waiting == f"endomtor: another run is fetching into {download.folder()}; waiting for it to end.\n"
    assert "another run" not in outputs[0][1]
    assert [output[0].strip() for output in outputs] == [str(out())] * 2
    assert len(host.asked) == 1
    assert out().read_bytes() == BODY


def test_after_kill_9_nothing_is_in_the_way_and_the_rest_is_fetched(book, host):
    hold = Event()
    host.answers[PATH] = [Answer(hold=hold), Answer()]
    first = start("fetch", "file-0")
    wait_for(lambda: part().exists() and part().stat().st_size > 40_000)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    hold.set()
    assert visible() == []
    had = part().stat().st_size
    assert 0 < had < len(BODY)
    second = start("fetch", "file-0")
    _, shown = second.communicate(timeout=60)
    assert second.returncode == 0, shown
    assert "another run" not in shown
    assert host.ranges() == [None, f"bytes={had}-"]
    assert out().read_bytes() == BODY
    assert sorted(path.name for path in download.folder().iterdir()) == [".lock", "file-0.csv"]


def test_interrupted_by_the_keyboard_it_ends_soon(book, host):
    host.answers[PATH] = [Answer(slow=0.3)]
    process = start("fetch", "file-0")
    wait_for(lambda: part().exists() and part().stat().st_size > 0)
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert time.monotonic() - before < 5
    assert visible() == []


def limited():
    # A file may not grow beyond this: the system says EFBIG, as for a quota. Python has SIGXFSZ ignored.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def test_a_file_that_may_not_grow_is_one_sentence(book, host):
    host.answers[PATH] = [Answer()]
    process = start("fetch", "file-0", first=limited)
    _, shown = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "file-0: the disk is full at " in shown
    assert "the file has 0.5 MB; make room and try again." in shown
    assert "Traceback" not in shown
    assert sorted(path.name for path in download.folder().iterdir()) == [".lock"]


def test_the_ledger_says_what_is_here(book, host, capsys):
    host.answers[PATH] = [Answer()]
    get()
    endomtor("fetch", "--list", "--json")
    ledger = json.loads(capsys.readouterr().out)
    assert [entry["state"] for entry in ledger] == ["downloaded"] + ["not here"] * 7
    assert ledger[0]["path"] == str(out())
    assert ledger[1]["path"] is None
    assert (ledger[0]["bytes"], ledger[0]["sha256"]) == (len(BODY), hashlib.sha256(BODY).hexdigest())


def test_the_ledger_of_the_book_has_a_whole_reference_for_each_file(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path))
    ledger = public.downloads()
    assert [entry["name"] for entry in ledger] == list(public.load())
    bibliography = (paths.root() / "book" / "references.bib").read_text(encoding="utf-8")
    for entry in ledger:
        assert entry["citations"]
        for work in entry["citations"]:
            assert f"{{{work['key']}," in bibliography
            assert len(work["text"]) > len(work["short"]) > 3
            assert not {"{", "}"} & set(work["text"])
    works = {work["key"]: work for entry in ledger for work in entry["citations"]}
    assert works["itokawa2022"]["short"] == "Itokawa et al. 2022"
    assert "10.1038/s41467-022-30440-2" in works["itokawa2022"]["text"]
    monkeypatch.setenv("COLUMNS", "200")
    endomtor("fetch", "--list")
    shown = capsys.readouterr().out
    for entry in ledger:
        (line,) = [line for line in shown.splitlines() if line.split()[0] == entry["name"]]
        assert entry["licence"] in line
        assert f"{entry['bytes'] / 1e6:.2f}" in line
        assert entry["state"] in line
        assert entry["citations"][0]["short"] in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--json",),
        ("--paper", "1", "2"),
        ("--paper", "--list"),
        ("--geo", "GSE1", "--all"),
        ("--all", "--json"),
        ("--all", "--out", "x"),
        ("--list", "--file", "x"),
    ],
)
def test_options_that_do_not_go_together(arguments, capsys):
    endomtor("fetch", *arguments, status=2)
    assert "Traceback" not in capsys.readouterr().err


def test_the_environment_of_the_tests_reaches_no_other_host(book, host):
    """Every request of this file went to the server on loopback: the mirror replaces each host."""
    assert download.mirrored("https://eutils.ncbi.nlm.nih.gov/a/b?id=1&x=2") == f"{host.url}/a/b?id=1&x=2"
    assert os.environ["ENDOMTOR_MIRROR"] == host.url
