"""Look into a zip archive without ever unpacking it to disk."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from core.data.reading.expanding import STREAM_DAMAGE, damaged_part
from core.data.reading.limits import require_expansion
from core.data.source import missing_file
from core.errors import DataError

__all__ = ["list_members"]

MOST_MEMBERS = 2000
_ENCRYPTED = 1
_DRIVE = re.compile(r"^[A-Za-z]:")
_NESTED = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


def list_members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """List the files of an archive whose members are all harmless.

    Parameters
    ----------
    path : Path
        A zip archive.

    Returns
    -------
    dict of str to zipfile.ZipInfo
        Files, not folders, by path with forward slashes. Some programs of Windows write the other
        ones, against the rules of the format.

    Raises
    ------
    DataError
        ``E-FILE-MISSING``, ``E-FILE-DAMAGED``, ``E-ARCHIVE-UNSAFE`` (members that lead out of the
        archive, links, archives inside the archive), ``E-ARCHIVE-PASSWORD``, ``E-EXPANDS`` or
        ``E-TOO-LARGE``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
        n_bytes = path.stat().st_size
    except FileNotFoundError as error:
        raise missing_file(path) from error
    except STREAM_DAMAGE as error:
        raise damaged_part(path.name) from error
    if len(members) > MOST_MEMBERS:
        raise DataError(
            f"{path.name} has {len(members):,} members; at most {MOST_MEMBERS:,} are read.",
            code="E-TOO-LARGE",
            next_step="Make an archive of the matrix, its genes and its barcodes only.",
        )
    for member in members:
        _require_harmless(member, path.name)
    require_expansion(sum(m.file_size for m in members), n_bytes, path.name)
    files: dict[str, zipfile.ZipInfo] = {}
    for member in members:
        name = _plain(member.filename)
        if name.endswith("/"):
            continue
        if name in files:
            raise _unsafe(path.name, "two members of one name", name)
        files[name] = member
    return files


def _plain(name: str) -> str:
    return name.replace("\\", "/")


def _require_harmless(member: zipfile.ZipInfo, archive: str) -> None:
    name = _plain(member.orig_filename)
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        raise _unsafe(archive, "a member that leads out of the archive", name)
    if any(ord(letter) < 32 for letter in name):
        raise _unsafe(archive, "a member with control signs in its name", name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _unsafe(archive, "a link or device", name)
    if name.lower().endswith(_NESTED):
        raise _unsafe(archive, "another archive", name)
    if member.flag_bits & _ENCRYPTED:
        raise DataError(
            f"{archive} is protected by a password.",
            code="E-ARCHIVE-PASSWORD",
            next_step="Make an archive without a password and load that.",
        )
    require_expansion(member.file_size, member.compress_size, f"{archive}: {name[:80]}")


def _unsafe(archive: str, what: str, name: str) -> DataError:
    return DataError(
        f"{archive} holds {what}: {name[:80]!r}. Such archives are not opened.",
        code="E-ARCHIVE-UNSAFE",
        next_step="Make a new archive of the matrix, its genes and its barcodes only.",
    )
