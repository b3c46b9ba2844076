"""NCBI and GEO, spoken to through a server on loopback in the shapes that NCBI documents; every series is invented."""

import gzip
import io
import json
import tarfile
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest

from endomtor import cli, contract, public
from endomtor.errors import FetchError
from endomtor.files import sha256_of
from endomtor.public import geo, ncbi, originals, transfer
from loopback import Answer, serving

FIXTURES = Path(__file__).parent / "fixtures" / "ncbi"
ELINK, ESUMMARY = "/entrez/eutils/elink.fcgi", "/entrez/eutils/esummary.fcgi"
FOLDER = "/geo/series/GSE900nnn/GSE900001"
SAMPLES = ["Young_HSPC_1", "Young_HSPC_2", "Aged_HSPC_1", "ecko 1"]
RNG = np.random.default_rng(1)
GENES = [f"Gene{k}" for k in range(150)]
IDS = [f"ENSMUSG{k:011d}" for k in range(150)]
VALUES = RNG.integers(0, 500, (150, 4))


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.fixture
def host(tmp_path, monkeypatch):
    """The server, which knows the paper and the heads of two series."""
    for name in ("NCBI_API_KEY", "NCBI_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path / "cache"))
    with serving() as host:
        monkeypatch.setenv("ENDOMTOR_MIRROR", host.url)
        host.answers[ELINK] = [xml(fixture("elink.xml"))]
        host.answers[ESUMMARY] = [xml(fixture("esummary.xml"))]
        soft(host)
        yield host


def xml(body: bytes, status: int = 200) -> Answer:
    return Answer(body, status, {"content-type": "text/xml; charset=UTF-8"}, tag="")


def soft(host, *names: str, changes: tuple[tuple[str, str], ...] = ()) -> None:
    """Serve the SOFT file of GSE900001, with these supplementary files, and the same as that of GSE900002."""
    text = fixture("GSE900001_family.soft").decode()
    line = next(line for line in text.splitlines() if line.endswith("GSE900001_FILE"))
    text = text.replace(line + "\n", "".join(f"{line.removesuffix('GSE900001_FILE')}{name}\n" for name in names))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    for accession in ("GSE900001", "GSE900002"):
        packed = gzip.compress(text.replace("^SERIES = GSE900001", f"^SERIES = {accession}").encode())
        path = f"/geo/series/GSE900nnn/{accession}/soft/{accession}_family.soft.gz"
        host.answers[path] = [Answer(packed, headers={"content-type": "application/x-gzip"})]


def supply(host, **files: bytes) -> None:
    """Serve supplementary files, whose names have _ for the last two dots."""
    names = {}
    for name, body in files.items():
        names[f"GSE900001_{name.replace('__', '.')}"] = body
    soft(host, *names)
    for name, body in names.items():
        host.answers[f"{FOLDER}/suppl/{name}"] = [Answer(body, headers={"content-type": "application/x-gzip"})]


def endomtor(*arguments: str, status: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    assert ended.value.code == status


def table(genes=GENES, values=VALUES, samples=SAMPLES, sep="\t", index_label="gene") -> bytes:
    frame = pd.DataFrame(values, index=genes, columns=samples)
    return frame.to_csv(sep=sep, index_label=index_label).encode()


def refused(words: str, call, *arguments, **options) -> str:
    with pytest.raises(FetchError) as caught:
        call(*arguments, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_series_of_the_paper_and_their_files(host, capsys):
    soft(host, "GSE900001_counts.txt.gz")
    endomtor("fetch", "--paper")
    shown = capsys.readouterr()
    assert shown.out.splitlines()[:4] == [
        "GSE900001  Invented series of HSPCs",
        "  Mus musculus, 4 samples, Expression profiling by high throughput sequencing, 2020/04/13",
        f"  https://ftp.ncbi.nlm.nih.gov{FOLDER}/suppl/GSE900001_counts.txt.gz",
        f"  https://ftp.ncbi.nlm.nih.gov{FOLDER}/suppl/GSE900001_fpkm.txt.gz",
    ]
    assert "GSE900002  Invented series of endothelium & age" in shown.out
    # Platforms and samples that the paper is linked to are no series.
    assert "GPL19057" not in shown.out
    assert "set NCBI_EMAIL" in shown.err
    endomtor("fetch", "--paper", "32289154", "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["pmid"] == "32289154"
    assert [series["accession"] for series in found["series"]] == ["GSE900001", "GSE900002"]
    # Files of another host, or outside GEO's folder, are left out.
    assert len(found["series"][0]["files"]) == 2


def asked(host, path: str) -> list[dict]:
    return [
        {key: value[0] for key, value in parse_qs(urlsplit(one).query).items()}
        for one, _ in host.asked
        if urlsplit(one).path == path
    ]


def test_the_client_says_who_it_is(host, monkeypatch):
    ncbi.series_of()
    assert asked(host, ELINK) == [
        {"dbfrom": "pubmed", "db": "gds", "linkname": "pubmed_gds", "id": "32289154", "tool": "endomtor"}
    ]
    assert asked(host, ESUMMARY)[0]["id"] == "100019057,200900001,200900002,309000001"
    monkeypatch.setenv("NCBI_EMAIL", "someone@example.org")
    monkeypatch.setenv("NCBI_API_KEY", "s3cret")
    ncbi.series_of("7")
    for path in (ELINK, ESUMMARY):
        one = asked(host, path)[1]
        assert (one["tool"], one["email"], one["api_key"]) == ("endomtor", "someone@example.org", "s3cret")
    assert {headers["User-Agent"] for _, headers in host.asked} == {"endomtor/0.1.0"}


@pytest.mark.parametrize(("key", "most"), [("", 3), ("s3cret", 10)])
def test_no_more_requests_a_second_than_ncbi_allows(host, monkeypatch, key, most):
    monkeypatch.setenv("NCBI_API_KEY", key)
    for _ in range(4):
        ncbi.series_of()
    times = np.array(host.times)
    assert len(times) == 8
    for moment in times:
        assert ((times >= moment) & (times < moment + 0.97)).sum() <= most
    # And it does not dawdle.
    assert times[-1] - times[0] < 7 * 2 / most + 2


def test_a_busy_ncbi_is_asked_again_after_the_time_it_names(host):
    busy = b'{"error":"API rate limit exceeded","count":"11"}'
    host.answers[ELINK].insert(0, Answer(busy, 429, {"retry-after": "1", "content-type": "application/json"}))
    assert len(ncbi.series_of()) == 2
    assert host.times[1] - host.times[0] > 0.95


def test_a_key_is_in_no_message(host, monkeypatch):
    monkeypatch.setenv("NCBI_API_KEY", "s3cret")
    for status in (400, 404, 500):
        host.answers[ELINK] = [xml(b"{}", status)]
        assert "s3cret" not in refused(f"answered {status}", ncbi.series_of, pauses=())
    monkeypatch.setenv("ENDOMTOR_MIRROR", "http://127.0.0.1:9")
    assert "s3cret" not in refused("cannot be reached", ncbi.series_of, pauses=())


def test_a_paper_without_series(host, capsys):
    host.answers[ELINK] = [xml(fixture("elink_none.xml"))]
    endomtor("fetch", "--paper", "1")
    assert capsys.readouterr().out == "PubMed 1: NCBI links no GEO series to it.\n"


BOMB = b"""<?xml version="1.0"?><!DOCTYPE eLinkResult [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<eLinkResult><LinkSet><DbFrom>&b;</DbFrom></LinkSet></eLinkResult>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE eLinkResult [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<eLinkResult><LinkSet><LinkSetDb><Link><Id>&x;</Id></Link></LinkSetDb></LinkSet></eLinkResult>"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BOMB, "the answer defines entities, expected plain XML"),
        (OUTSIDE, "the answer defines entities, expected plain XML"),
        (b'{"error": "no"}', "the answer is not XML"),
        (b"", "the answer is not XML"),
        (b"<eLinkResult><LinkSet>", "the answer is not XML"),
        (b"<other/>", "the answer is <other>, expected <eLinkResult>"),
        (b"<!DOCTYPE html><html><body>log in</body></html>", "answered with a web page"),
        (b"<eLinkResult><LinkSet><LinkSetDb><Link><Id>x</Id></Link></LinkSetDb></LinkSet></eLinkResult>", "no number"),
    ],
)
def test_answers_of_another_shape_are_one_sentence(host, body, words):
    host.answers[ELINK] = [xml(body)]
    assert "root:" not in refused(words, ncbi.series_of, pauses=())


def test_an_error_of_the_service_is_handed_on(host):
    host.answers[ELINK] = [xml(fixture("elink_error.xml"))]
    refused("NCBI elink answered with an error: BLOB ID IS NOT AVAILABLE!.", ncbi.series_of)


def test_an_endless_answer_is_cut(host, monkeypatch):
    monkeypatch.setattr(ncbi, "LONGEST_ANSWER", 1000)
    refused("answers with more than 1000 bytes", ncbi.series_of)


def test_a_folder_cannot_answer(host, tmp_path, monkeypatch):
    monkeypatch.setenv("ENDOMTOR_MIRROR", str(tmp_path))
    refused("only a server can answer", ncbi.series_of)


@pytest.mark.parametrize("pmid", ["", "x", "0", "-1", "1;2", "12345678901", "１２"])
def test_what_is_no_pubmed_id(pmid):
    refused("is not a PubMed id", ncbi.series_of, pmid)


def test_geo_puts_a_thousand_series_together():
    assert ncbi.series_address("GSE162607") == f"{ncbi.GEO}/series/GSE162nnn/GSE162607"
    assert ncbi.series_address("GSE1234") == f"{ncbi.GEO}/series/GSE1nnn/GSE1234"
    assert ncbi.series_address("GSE12") == f"{ncbi.GEO}/series/GSEnnn/GSE12"
    assert ncbi.accession_of(" gse162607 ") == "GSE162607"
    for text in ("GSM1", "GSE", "GSE0", "162607", "GSE1/../x", ""):
        refused("is not the accession of a GEO series", ncbi.accession_of, text)


def test_a_series_is_drafted_and_complete_after_the_user_has_filled_it_in(host, tmp_path, capsys):
    supply(host, counts__txt__gz=gzip.compress(table()), fpkm__txt__gz=gzip.compress(table(values=VALUES / 3)))
    out = tmp_path / "my series ü"
    endomtor("fetch", "--geo", "gse900001", "--out", str(out))
    shown = capsys.readouterr().out
    assert "150 genes and 4 samples were read from GSE900001_counts.txt.gz." in shown
    assert f"then `endomtor check {out}`" in shown
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md",
        "dataset.toml",
        "hspc_counts.csv.gz",
        "hspc_samples.csv",
    ]
    counts = pd.read_csv(out / "hspc_counts.csv.gz", index_col="gene")
    assert (counts.to_numpy() == VALUES).all()
    sheet = pd.read_csv(out / "hspc_samples.csv", dtype=str, keep_default_na=False)
    assert sheet["sample"].tolist() == SAMPLES
    # What the record says outright is there, and no more: an age range is no age, a genotype no group.
    assert sheet["group"].tolist() == ["young", "young", "aged", ""]
    assert sheet["sex"].tolist() == ["F", "F", "M", ""]
    assert sheet["animal"].tolist() == ["", "m2", "", ""]
    assert sheet["age_weeks"].tolist() == ["10", "", "104.4", ""]
    assert sheet["batch"].tolist() == ["", "", "B1", ""]
    assert sheet["to_complete"].tolist() == ["animal", "", "animal", "animal group sex"]
    assert sheet["geo_accession"].tolist() == [f"GSM900000{k}" for k in (1, 2, 3, 4)]
    # A title that a spreadsheet would run is text.
    assert sheet["geo_title"].tolist()[3] == "'=ecko 1"
    readme = (out / "README.md").read_text(encoding="utf-8")
    cached = ncbi.cache("GSE900001")
    for name in ("GSE900001_counts.txt.gz", "GSE900001_family.soft.gz"):
        assert sha256_of(cached / name) in readme
    # The draft is refused for its blanks alone, and each blank is named.
    errors = [problem for problem in contract.check(out) if problem.severity == "error"]
    assert {(problem.file, problem.column) for problem in errors} == {
        ("hspc_samples.csv", column) for column in ("animal", "group", "sex")
    }
    assert len(errors) == 5
    sheet["animal"] = ["m1", "m2", "m3", "m4"]
    sheet.loc[3, ["group", "sex"]] = ["ecko", "F"]
    sheet.loc[2, "sex"] = "F"
    sheet.to_csv(out / "hspc_samples.csv", index=False)
    assert [str(problem) for problem in contract.check(out) if problem.severity == "error"] == []
    # What the user has completed is not overwritten.
    endomtor("fetch", "--geo", "GSE900001", "--out", str(out), status=1)
    assert "exists, expected a new folder" in capsys.readouterr().err


def test_a_file_that_is_here_is_not_fetched_again(host, tmp_path):
    supply(host, counts__txt__gz=gzip.compress(table()))
    geo.draft("GSE900001", tmp_path / "a")
    geo.draft("GSE900001", tmp_path / "b")
    paths = [path for path, _ in host.asked]
    assert paths.count(f"{FOLDER}/suppl/GSE900001_counts.txt.gz") == 1
    for name in ("hspc_counts.csv.gz", "hspc_samples.csv", "dataset.toml", "README.md"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_file_cut_off_at_the_host_is_not_kept(host, tmp_path):
    packed = gzip.compress(table())
    supply(host, counts__txt__gz=packed[:-100])
    refused("was not kept: the file is damaged or cut off", geo.draft, "GSE900001", tmp_path / "a")
    assert not (tmp_path / "a").exists()
    assert [path.name for path in ncbi.cache("GSE900001").glob("*counts*")] == []
    supply(host, counts__txt__gz=packed)
    assert geo.draft("GSE900001", tmp_path / "a").matrix.counts.shape == (150, 4)


def test_a_cut_connection_is_resumed_where_the_host_has_a_tag(host, tmp_path):
    supply(host, counts__txt__gz=gzip.compress(table()))
    name = f"{FOLDER}/suppl/GSE900001_counts.txt.gz"
    whole = host.answers[name][0]
    host.answers[name] = [Answer(whole.body, cut=700), whole]
    geo.draft("GSE900001", tmp_path / "a")
    assert [headers.get("Range") for path, headers in host.asked if path == name] == [None, "bytes=700-"]
    # A piece that does not say of which version it is, is not trusted.
    (ncbi.cache("GSE900001") / "GSE900001_counts.txt.gz").unlink()
    host.asked.clear()
    size = len(whole.body)
    piece = Answer(whole.body[700:], 206, {"content-range": f"bytes 700-{size - 1}/{size}"}, tag="")
    host.answers[name] = [Answer(whole.body, cut=700), piece, whole]
    geo.draft("GSE900001", tmp_path / "c")
    assert [headers.get("Range") for path, headers in host.asked if path == name] == [None, "bytes=700-", None]
    # Without a tag at all, pieces could be of two files.
    (ncbi.cache("GSE900001") / "GSE900001_counts.txt.gz").unlink()
    host.asked.clear()
    host.answers[name] = [Answer(whole.body, cut=700, tag=""), Answer(whole.body, tag="")]
    geo.draft("GSE900001", tmp_path / "b")
    assert [headers.get("Range") for path, headers in host.asked if path == name] == [None, None]


def test_words_where_there_is_no_series_or_no_network(host, tmp_path, monkeypatch):
    refused("answered 404 Not Found", geo.draft, "GSE5", tmp_path / "a")
    host.answers[f"{FOLDER}/soft/GSE900001_family.soft.gz"] = [
        Answer(gzip.compress(b"^SERIES = GSE1\n!Series_title = x\n"))
    ]
    refused("no line ^SERIES = GSE900001", geo.draft, "GSE900001", tmp_path / "a")
    monkeypatch.setattr(transfer, "PAUSES", ())
    monkeypatch.setenv("ENDOMTOR_MIRROR", "http://127.0.0.1:9")
    refused("cannot be reached; is there a network?", geo.draft, "GSE900001", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_folder_is_a_mirror_of_geo(host, tmp_path, monkeypatch):
    supply(host, counts__txt__gz=gzip.compress(table()))
    for path, (answer,) in host.answers.items():
        if path.startswith("/geo/"):
            twin = tmp_path / "mirror" / path.lstrip("/")
            twin.parent.mkdir(parents=True, exist_ok=True)
            twin.write_bytes(answer.body)
    monkeypatch.setenv("ENDOMTOR_MIRROR", str(tmp_path / "mirror"))
    assert geo.draft("GSE900001", tmp_path / "a").matrix.counts.shape == (150, 4)
    assert host.asked == []


def test_normalised_values_are_not_taken_and_the_reason_is_said(host, tmp_path):
    supply(host, matrix__txt__gz=gzip.compress(table(values=VALUES / 7)))
    words = refused("no count matrix was recognised", geo.draft, "GSE900001", tmp_path / "a")
    assert "GSE900001_matrix.txt.gz: " in words
    assert "is among the values, expected raw counts (0, 1, 2 …)" in words


def test_of_two_matrices_the_user_chooses(host, tmp_path):
    supply(host, counts_a__txt__gz=gzip.compress(table()), counts_b__csv=table(values=VALUES + 1, sep=","))
    words = refused("several count matrices, say which with --file", geo.draft, "GSE900001", tmp_path / "a")
    assert "GSE900001_counts_a.txt.gz, GSE900001_counts_b.csv" in words
    drafted = geo.draft("GSE900001", tmp_path / "a", file="GSE900001_counts_b.csv")
    assert (drafted.matrix.counts.to_numpy() == VALUES + 1).all()
    refused("has no file 'x', expected one of", geo.draft, "GSE900001", tmp_path / "b", file="x")


def tarred(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def htseq(k: int) -> bytes:
    rows = [f"{gene}.1\t{value}" for gene, value in zip(IDS, VALUES[:, k], strict=True)]
    return gzip.compress("\n".join([*rows, "__no_feature\t5", "__ambiguous\t6", ""]).encode())


def test_a_tar_of_tables_of_one_sample_each(host, tmp_path):
    files = {f"GSM900000{k + 1}_s{k}.htseq.txt.gz": htseq(k) for k in range(4)}
    supply(host, RAW__tar=tarred(files))
    drafted = geo.draft("GSE900001", tmp_path / "a")
    assert drafted.file == "GSE900001_RAW.tar"
    assert (drafted.matrix.counts.to_numpy() == VALUES).all()
    assert drafted.matrix.versions == 150
    assert drafted.matrix.left_out == ("2 rows that name no gene",)
    sheet = pd.read_csv(tmp_path / "a" / "hspc_samples.csv", dtype=str)
    assert sheet["sample"].tolist() == sheet["geo_accession"].tolist() == [f"GSM900000{k}" for k in (1, 2, 3, 4)]


def test_an_archive_with_one_matrix(host, tmp_path):
    supply(host, RAW__tar=tarred({"folder/all_counts.csv": table(sep=","), "folder/README": b"hello"}))
    assert (geo.draft("GSE900001", tmp_path / "a").matrix.counts.to_numpy() == VALUES).all()


def test_a_series_whose_samples_have_the_files(host, tmp_path):
    supply(host)
    text = gzip.decompress(host.answers[f"{FOLDER}/soft/GSE900001_family.soft.gz"][0].body).decode()
    text = "".join(line for line in text.splitlines(True) if not line.startswith("!Series_supplementary_file"))
    for k in range(4):
        address = f"/geo/samples/GSM9000nnn/GSM900000{k + 1}/suppl/GSM900000{k + 1}_s.counts.txt.gz"
        text = text.replace("_file_1 = NONE", f"_file_1 = ftp://ftp.ncbi.nlm.nih.gov{address}", 1)
        host.answers[address] = [Answer(htseq(k), headers={"content-type": "application/x-gzip"})]
    host.answers[f"{FOLDER}/soft/GSE900001_family.soft.gz"] = [Answer(gzip.compress(text.encode()))]
    drafted = geo.draft("GSE900001", tmp_path / "a")
    assert (drafted.matrix.counts.to_numpy() == VALUES).all()
    assert (tmp_path / "a" / "README.md").read_text(encoding="utf-8").count("_s.counts.txt.gz>") == 4


def test_a_series_without_files(host, tmp_path):
    soft(host, changes=(("!Series_supplementary_file", "!Series_other"),))
    refused("GSE900001 has no supplementary files at GEO", geo.draft, "GSE900001", tmp_path / "a")
    supply(host, picture__jpg=b"x")
    refused("no count matrix was recognised (its files are", geo.draft, "GSE900001", tmp_path / "a")


def test_an_archive_that_attacks_is_refused_and_leaves_nothing(host, tmp_path):
    supply(host, RAW__tar=tarred({"../../evil_counts.txt": table(), "GSM9000001_a.txt": table()}))
    refused("has an absolute or a parent path", geo.draft, "GSE900001", tmp_path / "a")
    assert not list(tmp_path.rglob("evil*"))
    assert not list(ncbi.cache("GSE900001").glob(".unpacked*"))


def write(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


STAR = "N_unmapped\t9\t9\t9\nN_multimapping\t8\t8\t8\nN_noFeature\t1\t1\t1\nN_ambiguous\t1\t1\t1\n"
FEATURE = "# Program:featureCounts v2.0.1\nGeneid\tChr\tStart\tEnd\tStrand\tLength\ts.bam\n"


@pytest.mark.parametrize(
    "content",
    [
        lambda k: STAR + "".join(f"{gene}\t{v}\t0\t{v}\n" for gene, v in zip(IDS, VALUES[:, k], strict=True)),
        lambda k: (
            FEATURE + "".join(f"{gene}\tchr1\t1\t9\t+\t8\t{v}\n" for gene, v in zip(IDS, VALUES[:, k], strict=True))
        ),
        lambda k: (
            "gene_id,expected_count,TPM\n"
            + "".join(f"{g},{v}.00,0.5\n" for g, v in zip(IDS, VALUES[:, k], strict=True))
        ),
        # Another order of the genes is no other set.
        lambda k: "".join(
            f"{gene}\t{v}\n" for gene, v in list(zip(IDS, VALUES[:, k], strict=True))[:: 1 - 2 * (k % 2)]
        ),
    ],
    ids=["STAR", "featureCounts", "a column called count", "HTSeq"],
)
def test_tables_of_one_sample_as_programs_write_them(tmp_path, content):
    found = [write(tmp_path, f"GSM{k}_x.counts.txt", content(k).encode()) for k in range(3)]
    matrix = geo.join_samples(found)
    assert matrix.counts.columns.tolist() == ["GSM0", "GSM1", "GSM2"]
    assert (matrix.counts.to_numpy() == VALUES[:, :3]).all()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"GSM1_barcodes.tsv.gz": b"", "GSM1_matrix.mtx.gz": b""}, "barcodes and features of single cells"),
        ({"GSM1_a.txt": b"", "GSM1_b.txt": b""}, "GSM1 has several tables (GSM1_a.txt, GSM1_b.txt)"),
        ({"a.txt": b"", "b.txt": b""}, "it names no sample, expected a name that begins with GSM"),
        ({"GSM1_a.txt": b"a\t1\nb\t2\n"}, "1 table of counts is in it, expected one a sample"),
        ({"GSM1_a.txt": b"a\t1\nb\t2\n", "GSM2_a.txt": b"a\t1\nc\t2\n"}, "GSM2 has other genes than GSM1"),
        ({"GSM1_a.txt": b"a\t1\nb\t2\n", "GSM2_a.txt": b"a\t1\nb\tx\n"}, "GSM2_a.txt: 'x', expected a count"),
        ({"GSM1_a.txt": b"a\t1\nb\t2\n", "GSM2_a.txt": b"a\t1\nb\t2\n"}, "2 genes, expected 100 or more"),
        ({"GSM1_a.txt": b"x,y,z\n1,2,3\n", "GSM2_a.txt": b"x,y,z\n1,2,3\n"}, "columns x, y, z, expected a gene"),
    ],
)
def test_tables_that_cannot_be_joined(tmp_path, files, words):
    refused(words, geo.join_samples, [write(tmp_path, name, body) for name, body in files.items()])


def test_versions_are_stripped_and_duplicates_summed_and_counted(tmp_path):
    genes = [f"{gene}.{1 + k % 3}" for k, gene in enumerate(IDS)]
    # Rows 3 and 7 are versions of one gene; the first id has a symbol in the bundled table.
    genes[7] = f"{IDS[3]}.9"
    genes[0] = "ENSMUSG00000000183.4"
    matrix = geo.read_matrix(write(tmp_path, "m.tsv", table(genes)))
    assert (matrix.versions, matrix.summed) == (150, 1)
    assert len(matrix.counts) == 149
    assert matrix.counts.loc[IDS[3]].tolist() == (VALUES[3] + VALUES[7]).tolist()
    assert matrix.counts.loc["Fgf6"].tolist() == VALUES[0].tolist()
    assert matrix.named == 1
    assert matrix.counts.to_numpy().sum() == VALUES.sum()


def test_a_symbol_column_is_preferred_and_blanks_keep_their_id(tmp_path):
    frame = pd.DataFrame(VALUES, columns=SAMPLES)
    frame.insert(0, "ensembl_id", IDS)
    frame.insert(1, "gene_name", ["", "Nup42", "Nup42", *GENES[3:]])
    frame.insert(2, "Length", 1000)
    frame.insert(3, "biotype", "protein_coding")
    matrix = geo.read_matrix(write(tmp_path, "m.csv", frame.to_csv(index=False).encode()))
    assert matrix.counts.index[:2].tolist() == [IDS[0], "Nup42"]
    assert matrix.counts.loc["Nup42"].tolist() == (VALUES[1] + VALUES[2]).tolist()
    assert (matrix.summed, matrix.named, matrix.left_out) == (1, 149, ("Length", "biotype"))


@pytest.mark.parametrize(
    "body",
    [
        table(),
        table(sep=","),
        table(sep=";"),
        table(sep=" ", samples=["a", "b", "c", "d"]),
        b"\xef\xbb\xbf" + table(),
        table().replace(b"\n", b"\r\n"),
        b"# a comment\n" + table(),
        # R writes no name above the genes.
        table().replace(b"gene\t", b"", 1),
        table(index_label="").replace(b"Gene0\t", b'"Gene0"\t', 1),
        table(values=VALUES.astype(float)),
        table(samples=["1", "2", "3", "4"]),
        gzip.compress(table()),
    ],
    ids=["tab", "comma", "semicolon", "space", "BOM", "CRLF", "comment", "R", "quoted", "1.0", "numbers", "gzip"],
)
def test_tables_as_people_write_them(tmp_path, body):
    matrix = geo.read_matrix(write(tmp_path, "m.txt", body))
    assert (matrix.counts.to_numpy() == VALUES).all()
    assert matrix.counts.index.tolist() == GENES


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (table(values=VALUES - 500), " is among the values, expected raw counts"),
        (table(values=VALUES + 0.5), "is among the values, expected raw counts"),
        (table(values=np.where(VALUES[0, 0] == VALUES, np.inf, VALUES.astype(float))), "inf is among the values"),
        (table(genes=range(150)), "expected Ensembl ids or symbols of genes"),
        (table(genes=[f"chr1:{k}-{k + 9}" for k in range(150)]), "ids like 'chr1:0-9', expected Ensembl ids"),
        (table(genes=[f"ENSMUST{k:011d}.1" for k in range(150)]), "ids of transcripts like"),
        (table(GENES[:50], VALUES[:50]), "50 genes, expected 100 or more"),
        (table(values=VALUES[:, :1], samples=["a"]), "1 column of numbers, expected two or more samples"),
        (table().replace(b"Gene7\t", b"Gene7\tNA", 1), "holds 'NA"),
        (b"a\tb\n\x00\x01\t2\n" * 20, "it is no text, expected a table"),
        (b"\xff\xfe" + table(), "it is no text"),
        (b"", "0 row, expected a table"),
        (table(samples=["a", "a", "b", "c"]), "cannot be read as a table"),
        (table().replace(b"\nGene9\t", b"\nGene9\t1\t1\t1\t1\t", 1), "cannot be read as a table"),
        (b"\t".join(b"g%d" % k for k in range(1500)) + b"\n" + b"\t".join(b"1" for _ in range(1500)), "single cells"),
    ],
)
def test_what_is_no_count_matrix_says_why(tmp_path, body, words):
    refused(words, geo.read_matrix, write(tmp_path, "m.txt", body))


def test_a_bomb_in_place_of_a_matrix(tmp_path):
    body = gzip.compress(b"gene\ta\tb\n" + b"Gene\t0\t0\n" * 4_000_000)
    refused("no decompression bomb", geo.read_matrix, write(tmp_path, "m.txt.gz", body))


@pytest.mark.parametrize("name", ["gse162607-counts", "ec-brain", "ec-heart", "ec-kidney"])
def test_real_tables_are_read_as_the_book_reads_them(mirror, tmp_path, monkeypatch, name):
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path))
    path = public.fetch([name])[name]
    found = geo.read_matrix(path)
    if name.startswith("ec-"):
        # The book adds the lanes of a mouse, and keeps Ensembl ids.
        known = originals.endothelial_counts(path)
        # The heart's table comes without HTSeq's summaries.
        assert found.left_out == (() if name == "ec-heart" else ("5 rows that name no gene",))
        assert found.named == 1_500
    else:
        known = pd.read_csv(path, sep="\t", index_col=0)
        assert found.counts.columns.tolist() == known.columns.tolist()
        assert found.counts.index.tolist() == known.index.tolist()
    assert found.counts.to_numpy().sum() == known.to_numpy().sum()
    assert len(found.counts) + found.summed == len(known)


def sample(title: str, **about: str) -> geo.Sample:
    characteristics = about.pop("characteristics", {})
    return geo.Sample(accession=about.pop("accession", "GSM1"), title=title, characteristics=characteristics, **about)


@pytest.mark.parametrize(
    ("title", "characteristics", "group"),
    [
        ("Young_HSC_1", {}, "young"),
        ("HSC, aged, replicate 1", {}, "aged"),
        ("old HSC", {}, "aged"),
        ("HSC 1", {"age": "10 weeks old"}, "young"),
        ("HSC of mice aged 8 weeks", {}, "young"),
        ("HSC of mice aged 52 weeks", {}, ""),
        ("HSC of 24-month-old mice", {}, "aged"),
        ("HSC 1", {"age": "24m"}, "aged"),
        ("HSC of middle-aged mice", {}, ""),
        ("young HSC", {"age": "24 months"}, "aged"),
        ("HSC of 2 and 24 months", {}, ""),
        ("HSC 1", {"age": "young"}, "young"),
        ("young and aged pool", {}, ""),
        ("Youngster", {}, ""),
        ("young", {"genotype": "Mtor fl/fl"}, ""),
        ("aged", {"treatment": "rapamycin"}, ""),
    ],
)
def test_a_group_is_drafted_from_an_age_or_a_word_and_never_guessed(title, characteristics, group):
    drafted = geo.sheet(["s"], {"s": sample(title, characteristics=characteristics)})
    assert drafted["group"].tolist() == [group]
    assert ("group" in drafted["to_complete"][0]) == (group == "")


@pytest.mark.parametrize(
    ("age", "weeks"),
    [
        ("10 weeks", "10"),
        ("12wk", "12"),
        ("24 months", "104.4"),
        ("3-month-old", "13"),
        ("8-12 weeks", ""),
        ("E14.5", ""),
    ],
)
def test_an_age_in_weeks(age, weeks):
    assert geo.sheet(["s"], {"s": sample("x", characteristics={"age": age})})["age_weeks"].tolist() == [weeks]


def test_a_column_finds_its_record_or_none():
    samples = (
        sample("Young HSC rep1", accession="GSM1"),
        sample("Young HSC rep2", accession="GSM2", description="library Y2x"),
        sample("twin", accession="GSM3"),
        sample("twin", accession="GSM4"),
    )
    found = geo.match(["young.hsc.rep1", "Y2x", "twin", "GSM4", "nothing"], samples)
    assert {name: one.accession for name, one in found.items()} == {
        "young.hsc.rep1": "GSM1",
        "Y2x": "GSM2",
        "GSM4": "GSM4",
    }
    # One record for two columns is none.
    assert geo.match(["GSM1", "young hsc rep1"], samples) == {}


def test_no_cell_of_the_draft_begins_as_a_formula(host, tmp_path):
    names = ["=1+1", "+a", "-b", "@c"]
    supply(host, counts__txt__gz=gzip.compress(table(samples=names)))
    geo.draft("GSE900001", tmp_path / "a")
    with gzip.open(tmp_path / "a" / "hspc_counts.csv.gz", "rt") as stream:
        assert stream.readline() == "gene,'=1+1,'+a,'-b,'@c\n"
    sheet = pd.read_csv(tmp_path / "a" / "hspc_samples.csv", dtype=str, keep_default_na=False)
    assert not sheet.map(lambda cell: cell.startswith(("=", "+", "-", "@"))).any(axis=None)


def test_a_title_cannot_break_the_files_that_carry_it(host, tmp_path):
    supply(host, counts__txt__gz=gzip.compress(table()))
    title = 'a "quoted" \\ <script>alert(1)</script> ünï\x07 = x'
    soft(
        host,
        "GSE900001_counts.txt.gz",
        changes=(("!Series_title = Invented series of HSPCs", f"!Series_title = {title}"),),
    )
    geo.draft("GSE900001", tmp_path / "a")
    content = tomllib.loads((tmp_path / "a" / "dataset.toml").read_text(encoding="utf-8"))
    assert content["title"] == title.replace("\x07", "")
    assert content["provenance"] == "public"
