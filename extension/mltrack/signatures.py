"""What this user has agreed to, kept as signatures: the digest of it, signed with a key that only this user can read.

As with Jupyter's notebook trust, a signature is kept beside the key, so what is agreed to stays as it is and a copy of
it is as good. Of what one byte changed has another digest.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.exceptions import InvalidParameterError, StoreReadOnlyError

if TYPE_CHECKING:
    from pathlib import Path

_KEY = "model-trust.key"


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of one kind of thing: its noun for messages, and the folder they are kept in.

    ``purpose`` is signed with each digest, so that what is agreed to as one kind of thing is not agreed to as another.
    """

    noun: str
    folder: str
    purpose: bytes = b""

    def sign(self, digest: str) -> None:
        """Note that this user trusts what has this digest (SHA-256 in hexadecimal).

        Raises
        ------
        StoreReadOnlyError
            When the user's folder cannot be written.
        """
        try:
            target = self._place(digest)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(target, self._signature(digest))
        except OSError as error:
            raise StoreReadOnlyError(
                f"The trust in the {self.noun} cannot be kept in {config.user_folder()}: {error.strerror}. "
                f"Make the folder writable, or name another by {config.DATA_DIR.name}."
            ) from error

    def is_signed(self, digest: str) -> bool:
        """Say whether this user signed what has this digest."""
        try:
            kept = self._place(digest).read_bytes()
            return hmac.compare_digest(kept, self._signature(digest))
        except OSError:
            return False

    def forget(self, digest: str) -> None:
        """Take the trust back."""
        with suppress(FileNotFoundError):
            self._place(digest).unlink()

    def _place(self, digest: str) -> Path:
        if len(digest) != 64 or not digest.isalnum():
            raise InvalidParameterError(f"{digest[:80]!r} is no SHA-256.")
        return config.user_folder() / self.folder / digest

    def _signature(self, digest: str) -> bytes:
        return _signed(digest, self.purpose, self.noun).encode()


def seal(digest: str, purpose: bytes) -> str:
    """Give this user's signature of a digest, to be kept beside what has the digest; OSError where there is no key."""
    return _signed(digest, purpose, "notebook")


def is_sealed(digest: str, purpose: bytes, kept: str) -> bool:
    """Say whether ``seal`` gave what was kept, for this user."""
    try:
        return hmac.compare_digest(kept.encode(), seal(digest, purpose).encode())
    except (OSError, InvalidParameterError):  # no key, or one that proves nothing
        return False


def _signed(digest: str, purpose: bytes, noun: str) -> str:
    return hmac.new(_key(noun), purpose + digest.encode(), "sha256").hexdigest()


def _key(noun: str) -> bytes:
    """Give this user's key, made when there is none; one that others could write is not taken."""
    place = config.user_folder() / _KEY
    for _ in range(2):
        try:
            with place.open("rb") as reader:
                _check_owner(reader.fileno(), place, noun)
                key = reader.read()
            if len(key) >= 32:
                return key
            place.unlink()
        except FileNotFoundError:
            pass
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # another process was as quick
            _write_private(place, secrets.token_bytes(32), once=True)
    return place.read_bytes()


def _check_owner(descriptor: int, place: Path, noun: str) -> None:
    if not hasattr(os, "getuid"):  # Windows: the user's folder is the user's
        return
    status = os.fstat(descriptor)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise InvalidParameterError(
            f"The key {place} can be read or written by others, so that it proves nothing; remove it, and trust again "
            f"the {noun}s you want."
        )


def _write_private(target: Path, content: bytes, *, once: bool = False) -> None:
    """Write a file that only this user can read, whole or not at all."""
    draft = target.with_name(f".{target.name}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as writer:
            writer.write(content)
        if once:
            os.link(draft, target)
        else:
            draft.replace(target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
