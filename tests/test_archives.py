"""Archives by strangers: each attack is refused, and nothing is written outside the target or half-written."""

import gzip
import io
import stat
import tarfile
import zipfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from endomtor.errors import FetchError
from endomtor.public import archives
from endomtor.public.archives import LIMITS

TEXT = b"gene,count\nSelp,3\n"


def info(name: str, **more) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(made, key, value)
    return made


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            if member.isreg():
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def zipped(path: Path, *members: tuple[zipfile.ZipInfo | str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def refused(archive: Path, words: str, limits: archives.Limits = LIMITS) -> None:
    """The archive is refused, the target stays as it was, and nothing else has appeared."""
    root = archive.parent
    target = root / "deep" / "target"
    target.mkdir(parents=True)
    (target / "old").write_bytes(b"old")
    before = sorted(root.rglob("*"))
    with pytest.raises(FetchError) as caught:
        archives.extract(archive, target, limits)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(root.rglob("*")) == before
    assert (target / "old").read_bytes() == b"old"


def test_each_kind_is_told_by_its_bytes_and_unpacked(tmp_path):
    members = ((info("a/b.csv"), TEXT), (info("c.csv"), TEXT), (info("a", type=tarfile.DIRTYPE), b""))
    made = {
        "a.tar": tar(tmp_path / "a.tar", *members),
        # A name that says nothing.
        "b.dat": tar(tmp_path / "b.dat", *members, mode="w:gz"),
        "c.zip": zipped(tmp_path / "c.zip", ("a/b.csv", TEXT), ("c.csv", TEXT), ("a/", b"")),
    }
    for name, archive in made.items():
        target = tmp_path / "out" / name
        assert archives.extract(archive, target) == [target / "a" / "b.csv", target / "c.csv"]
        assert (target / "a" / "b.csv").read_bytes() == TEXT
        assert stat.S_IMODE((target / "c.csv").stat().st_mode) == 0o644
    single = tmp_path / "table.csv.gz"
    single.write_bytes(gzip.compress(TEXT))
    assert archives.extract(single, tmp_path / "one") == [tmp_path / "one" / "table.csv"]


def test_the_target_is_replaced_as_a_whole(tmp_path):
    archive = tar(tmp_path / "a.tar", (info("new"), TEXT))
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "old").touch()
    assert archives.extract(archive, tmp_path / "t") == [tmp_path / "t" / "new"]
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["new"]


def test_modes_and_owners_of_the_archive_do_not_count(tmp_path):
    archive = tar(tmp_path / "a.tar", (info("s", mode=0o6777, uid=12345), TEXT))
    (path,) = archives.extract(archive, tmp_path / "t")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.stat().st_uid != 12345


OUTSIDE = ["/etc/evil", "../evil", "a/../../evil", "..", "a\\..\\..\\evil", "C:/evil", "C:evil", "//host/share"]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "folder in tar", "zip"])
@pytest.mark.parametrize("name", OUTSIDE)
def test_paths_that_leave_are_refused(tmp_path, name, kind):
    if kind == "zip":
        archive = zipped(tmp_path / "a.zip", ("fine", TEXT), (name, TEXT))
    else:
        member = info(name, type=tarfile.DIRTYPE if kind == "folder in tar" else tarfile.REGTYPE)
        mode = "w:gz" if kind == "tar.gz" else "w"
        archive = tar(tmp_path / "a.tar", (info("fine"), TEXT), (member, TEXT), mode=mode)
    refused(archive, "has an absolute or a parent path, expected one inside the archive")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "is a link"),
        (tarfile.LNKTYPE, "is a link"),
        (tarfile.CHRTYPE, "is a device or another special file"),
        (tarfile.BLKTYPE, "is a device or another special file"),
        (tarfile.FIFOTYPE, "is a device or another special file"),
    ],
)
@pytest.mark.parametrize("link", ["/etc", "..", "fine"])
def test_links_and_devices_are_refused(tmp_path, kind, words, link):
    member = info("door", type=kind, linkname=link)
    # The second step of the attack writes through the link.
    archive = tar(tmp_path / "a.tar", (info("fine"), TEXT), (member, b""), (info("door/evil"), TEXT))
    refused(archive, words)


@pytest.mark.parametrize(
    ("kind", "words"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "special file"), (stat.S_IFCHR, "special file")]
)
def test_links_and_devices_are_refused_in_zip(tmp_path, kind, words):
    member = zipfile.ZipInfo("door")
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    refused(zipped(tmp_path / "a.zip", ("fine", TEXT), (member, b"/etc/passwd")), words)


def test_a_member_that_comes_twice_is_refused(tmp_path):
    refused(tar(tmp_path / "a.tar", (info("a"), TEXT), (info("A"), TEXT)), "'A' comes twice")
    (tmp_path / "z").mkdir()
    refused(zipped(tmp_path / "z" / "a.zip", ("a", TEXT), ("./a", TEXT)), "comes twice")


SMALL = replace(LIMITS, total=10**6, free=10**5, count=20, header=20_000)
ZEROS = bytes(5 * 10**5)


def bombs(folder: Path) -> dict[str, Path]:
    single = folder / "bomb.csv.gz"
    single.write_bytes(gzip.compress(ZEROS))
    return {
        "gz": single,
        "tar.gz": tar(folder / "bomb.tar.gz", (info("a"), ZEROS), mode="w:gz"),
        "zip": zipped(folder / "bomb.zip", ("a", ZEROS)),
    }


@pytest.mark.parametrize("kind", ["gz", "tar.gz", "zip"])
def test_a_bomb_is_refused_by_its_ratio(tmp_path, kind):
    refused(bombs(tmp_path)[kind], "unpacks to more than 200 times its size", SMALL)


@pytest.mark.parametrize("kind", ["gz", "tar.gz", "zip"])
def test_a_bomb_is_refused_by_its_bytes(tmp_path, kind):
    limits = replace(SMALL, total=3 * 10**5, ratio=10**6)
    refused(bombs(tmp_path)[kind], "unpacks to more than 300,000 bytes, the most that is taken", limits)


def test_many_members_share_the_limit(tmp_path):
    parts = [(f"m{k}", bytes(10**5)) for k in range(5)]
    limits = replace(SMALL, total=3 * 10**5, ratio=10**6)
    refused(zipped(tmp_path / "a.zip", *parts), "unpacks to more than 300,000 bytes", limits)


def test_too_many_members_are_refused(tmp_path):
    refused(tar(tmp_path / "a.tar", *((info(f"m{k}"), b"") for k in range(21))), "more than 20 members", SMALL)
    (tmp_path / "z").mkdir()
    refused(zipped(tmp_path / "z" / "a.zip", *((f"m{k}", b"") for k in range(21))), "more than 20 members", SMALL)


def test_a_header_as_long_as_a_file_is_refused(tmp_path):
    member = info("a")
    member.pax_headers = {"comment": "x" * 50_000}
    refused(tar(tmp_path / "a.tar", (member, TEXT)), "the header of a member is longer than 20,000 bytes", SMALL)


def test_the_stated_limits_let_real_tables_through(tmp_path):
    # Counts of one sample: most are small numbers.
    text = "".join(f"ENSMUSG{k:011d}\t{k % 7}\n" for k in range(50_000)).encode()
    archive = tar(tmp_path / "a.tar", *((info(f"GSM{k}.txt.gz"), gzip.compress(text)) for k in range(12)))
    assert len(archives.extract(archive, tmp_path / "t")) == 12
    with archives.opened(tmp_path / "t" / "GSM3.txt.gz") as stream:
        assert stream.read() == text
    assert (LIMITS.total, LIMITS.ratio, LIMITS.count) == (8 * 10**9, 200, 10_000)


@pytest.mark.parametrize("kind", ["gz", "tar.gz", "zip", "tar"])
def test_a_cut_off_archive_is_refused(tmp_path, kind):
    members = [(f"m{k}", bytes(str(k), "ascii") * 3000) for k in range(9)]
    made = {
        "gz": lambda path: path.write_bytes(gzip.compress(members[0][1])),
        "tar": lambda path: tar(path, *((info(name), content) for name, content in members)),
        "tar.gz": lambda path: tar(path, *((info(name), content) for name, content in members), mode="w:gz"),
        "zip": lambda path: zipped(path, *members),
    }
    archive = tmp_path / f"a.{kind}"
    made[kind](archive)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    refused(archive, "the archive is damaged or cut off")


@pytest.mark.parametrize("content", [b"", b"gene,count\n", b"PK\x03\x04", b"\x1f\x8b", bytes(100)])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    refused(tmp_path / "a.tar", "expected")


def test_an_encrypted_zip_is_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("a", TEXT))
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    refused(archive, "is encrypted, expected an open archive")


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path):
    archive = tar(tmp_path / "a.tar", (info("a"), TEXT))
    (tmp_path / "file").touch()
    with pytest.raises(FetchError, match="could not be unpacked into"):
        archives.extract(archive, tmp_path / "file" / "t")


def test_reading_on_the_way_has_the_same_limits(tmp_path):
    bomb = bombs(tmp_path)["gz"]
    with pytest.raises(FetchError, match="200 times its size"), archives.opened(bomb, SMALL) as stream:
        stream.read()
    (tmp_path / "cut.gz").write_bytes(bomb.read_bytes()[:-20])
    with pytest.raises(FetchError, match="damaged or cut off"), archives.opened(tmp_path / "cut.gz") as stream:
        stream.read()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["gz", "tar", "tar.gz", "zip"]),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_bytes_raise_nothing_but_our_own_error(tmp_path, kind, changes):
    archive = tmp_path / f"a.{kind}"
    if kind == "gz":
        archive.write_bytes(gzip.compress(TEXT * 20))
    elif kind == "zip":
        zipped(archive, ("a/b", TEXT), ("c", TEXT))
    else:
        tar(archive, (info("a/b"), TEXT), (info("c"), TEXT), mode="w" if kind == "tar" else "w:gz")
    content = bytearray(archive.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    archive.write_bytes(content)
    with suppress(FetchError):
        archives.extract(archive, tmp_path / "t", SMALL)
    assert {path.name for path in tmp_path.iterdir()} <= {archive.name, "t", "a.gz", "a.tar", "a.tar.gz", "a.zip"}
