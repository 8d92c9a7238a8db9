"""Look into a zip archive without ever unpacking it to disk."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from core.data.reading.expanding import STREAM_DAMAGE, damaged_part
from core.data.reading.limits import require_expansion
from core.errors import DataError

__all__ = ["list_members"]

MOST_MEMBERS = 2000
_ENCRYPTED = 1
_DRIVE = re.compile(r"^[A-Za-z]:")
_NESTED = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


def list_members(path: Path) -> list[zipfile.ZipInfo]:
    """List the files of an archive whose members are all harmless.

    Parameters
    ----------
    path : Path
        A zip archive.

    Returns
    -------
    list of zipfile.ZipInfo
        Files, not folders.

    Raises
    ------
    DataError
        ``E-FILE-DAMAGED``, ``E-ARCHIVE-UNSAFE`` (members that lead out of the archive, links,
        archives inside the archive), ``E-ARCHIVE-PASSWORD``, ``E-EXPANDS`` or ``E-TOO-LARGE``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
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
    require_expansion(sum(m.file_size for m in members), path.stat().st_size, path.name)
    files = [member for member in members if not member.is_dir()]
    names = [member.filename for member in files]
    if len(set(names)) < len(names):
        raise _unsafe(
            path.name, "two members of one name", next(n for n in names if names.count(n) > 1)
        )
    return files


def _require_harmless(member: zipfile.ZipInfo, archive: str) -> None:
    name = member.orig_filename
    if "\\" in name or name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
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
