"""What a bisection asks of git: revisions, and a worktree of its own, so that nobody's checkout is touched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mapper.errors import MapperError, UsageError

ABOUT_ONE_REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""Variables that a git hook has set: they would be about another worktree."""

FILES_BEHIND_S = 0.05
"""How far the clock of files may be behind the system's: it goes by the ticks of the kernel."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit. sha: whole; date: ISO 8601."""

    sha: str
    subject: str
    author: str
    date: str

    @property
    def short(self) -> str:
        """Enough of its hash for people."""
        return self.sha[:10]


@dataclass(frozen=True)
class Repository:
    """A git repository. root: a folder in it."""

    root: Path

    def revision(self, name: str) -> Revision:
        """The commit that a name means. Raises UsageError."""
        code, sha, complaint = self.asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if code:
            where = f"in {self.root}{f' ({complaint})' if complaint else ''}"
            raise UsageError(f"'{name}' is no commit {where}", hint="give a hash, a branch or a tag, or --repository")
        text = self.said("show", "--no-patch", "--no-show-signature", "--format=%H%x00%s%x00%an <%ae>%x00%cI", sha)
        return Revision(*text.split("\0"))

    def is_before(self, first: Revision, second: Revision) -> bool:
        """Whether the second commit came of the first."""
        return self.asked("merge-base", "--is-ancestor", first.sha, second.sha)[0] == 0

    def count(self, first: Revision, second: Revision) -> int:
        """How many commits the second has that the first does not have."""
        return int(self.said("rev-list", "--count", f"{first.sha}..{second.sha}"))

    def parents(self, one: Revision) -> list[str]:
        """The hashes of a commit's parents."""
        return self.said("show", "--no-patch", "--no-show-signature", "--format=%P", one.sha).split()

    def contents(self, one: Revision, *paths: str) -> str:
        """A listing of what a commit has at these paths, with a hash of each: equal where all files are."""
        return self.said("ls-tree", "--full-tree", one.sha, "--", *paths)

    def said(self, *words: str) -> str:
        """What git says. Raises MapperError where it fails."""
        code, text, complaint = self.asked(*words)
        if code:
            raise MapperError(f"git {words[0]} in {self.root}: {complaint or f'exit code {code}'}")
        return text

    def asked(self, *words: str) -> tuple[int, str, str]:
        """Exit code, output, complaint. No hook of the user's is run, and no Ctrl-C reaches it half way."""
        environment = {k: v for k, v in os.environ.items() if k not in ABOUT_ONE_REPOSITORY} | {"LC_ALL": "C"}
        command = ["git", "-C", str(self.root), "-c", f"core.hooksPath={os.devnull}", *words]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                env=environment,
                check=False,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            raise MapperError(f"git: {error.strerror}", hint="bisecting needs git") from None
        text, complaint = (part.decode(errors="replace").strip() for part in (done.stdout, done.stderr))
        return done.returncode, text, " ".join(complaint.split())

    @contextmanager
    def worktree(self) -> Iterator[Worktree]:
        """A worktree in a temporary folder, empty at first; it goes when the block ends, however it does."""
        folder = Path(tempfile.mkdtemp(prefix="mapper-bisect-"))
        try:
            self.said("worktree", "add", "--detach", "--no-checkout", str(folder / "code"))
            yield Worktree(folder / "code")
        finally:  # `git worktree prune` would take away those of others whose disks are not there now
            self.asked("worktree", "remove", "--force", "--force", str(folder / "code"))
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Worktree:
    """A worktree in which a bisection goes on. checked_out: when that was done last, by the system's clock."""

    root: Path
    checked_out: float = 0.0

    @property
    def repository(self) -> Repository:
        """git, asked from here."""
        return Repository(self.root)

    def check_out(self, revision: Revision) -> None:
        """Have the files of a revision here.

        Python knows that a module is another one by its size and the second in which it was written: no two revisions
        are written in the same one.
        """
        time.sleep(max(0.0, int(self.checked_out) + 1 + FILES_BEHIND_S - time.time()))
        self.repository.said("checkout", "--force", "--quiet", "--detach", revision.sha)
        self.checked_out = time.time()

    def start(self, good: Revision, bad: Revision) -> None:
        """Begin; nothing is checked out by this."""
        self.repository.said("bisect", "start", "--no-checkout", bad.sha, good.sha)

    def mark(self, word: str) -> None:
        """Say that the revision to be asked is good, bad, or one to skip."""
        code, _, complaint = self.repository.asked("bisect", word)
        if code not in (0, 2):  # 2: only those that were skipped are left
            raise MapperError(f"git bisect {word}: {complaint or f'exit code {code}'}")

    def next(self) -> Revision | None:
        """The revision that is to be asked; None where the bisection is over."""
        return None if self.suspects() else self.repository.revision("BISECT_HEAD")

    def suspects(self) -> list[str]:
        """The first bad commit; several where those between could not be asked; none as long as it goes on."""
        log = self.repository.said("bisect", "log")
        return re.findall(r"^# (?:possible )?first bad commit: \[([0-9a-f]+)\]", log, re.MULTILINE)
