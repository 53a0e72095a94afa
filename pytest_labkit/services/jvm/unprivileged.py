"""
For servers that refuse to run as root: started by root, they run as the user `nobody`.

What that user cannot read, because it lies in root's home, is lent to it: linked or copied into the folder
of the service, which becomes its own. For any other user nothing of this is needed, and nothing is done.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from pytest_labkit.domain.errors import KitError

USER = "nobody"


class Tenant:
    """Whoever runs the service whose data lie in *folder*: this user, or `nobody` in the place of root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_other = hasattr(os, "geteuid") and os.geteuid() == 0

    def command(self, java: Sequence[str], options: Sequence[str]) -> list[str]:
        """
        The program *java* with *options*, to be run as the tenant; hands the folder over to it.

        Raises:
            KitError: This is root, and there is no way to run a program as somebody else.
        """
        if not self._is_other:
            return [*java, *options]
        import pwd

        setpriv = shutil.which("setpriv")
        if setpriv is None:
            raise self._cannot("there is no program setpriv")
        if not _everyone_reaches(self._folder.parent):
            raise self._cannot(f"{USER} cannot reach the temporary folder {self._folder.parent}")
        home = self.reach(Path(java[0]).resolve().parents[1])
        options = [self._reached(option) for option in options]
        user = pwd.getpwnam(USER)
        self._hand_over(user.pw_uid, user.pw_gid)
        become = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs"]
        return [setpriv, *become, str(home / "bin" / "java"), *java[1:], *options]

    def reach(self, path: Path) -> Path:
        """*path*, a file or a folder, or where the tenant finds the same."""
        if not self._is_other or path.is_relative_to(self._folder) or _everyone_reaches(path):
            return path
        lent = self._folder / "lent" / path.relative_to(path.anchor)
        lent.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, lent, copy_function=_lend)
        else:
            _lend(path, lent)
        return lent

    def _reached(self, option: str) -> str:
        """*option*, with a path in it that the tenant can reach: `-XX:AOTCache=/root/…`."""
        name, equals, value = option.partition("=")
        path = Path(value)
        return f"{name}={self.reach(path)}" if equals and path.is_absolute() and path.exists() else option

    def _hand_over(self, user: int, group: int) -> None:
        for folder, _, files in os.walk(self._folder):
            os.chown(folder, user, group)
            for path in (Path(folder, file) for file in files):
                if path.lstat().st_nlink == 1:  # else it is lent, and remains whose it was
                    os.chown(path, user, group, follow_symlinks=False)

    def _cannot(self, why: str) -> KitError:
        return KitError(
            f"The search engine does not run as root, and cannot be run as {USER}: {why}.",
            "Run as an ordinary user, or use --lab-backend docker or external.",
        )


def _everyone_reaches(path: Path) -> bool:
    """Whether every user may read *path*, and go through the folders above it."""
    mode = path.stat().st_mode
    wanted = stat.S_IROTH | stat.S_IXOTH if stat.S_ISDIR(mode) else stat.S_IROTH
    return mode & wanted == wanted and all(
        folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents
    )


def _lend(source: str | Path, target: str | Path) -> str | Path:
    """Have *source* at *target* too: a link if everyone may read it and the disk is the same, else a copy."""
    source, target = Path(source), Path(target)
    if source.stat().st_mode & stat.S_IROTH:
        try:
            os.link(source, target)
        except OSError:
            shutil.copy2(source, target)
    else:
        shutil.copy2(source, target)
    return target
