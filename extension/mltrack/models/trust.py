"""Whether a model folder may run code when it is loaded: what this user made or has agreed to, and nothing else.

``log_model`` and ``save_model`` sign the digest of what they write, ``mltrack models trust`` that of what somebody else
wrote; see ``mltrack.signatures``.
"""

from __future__ import annotations

from mltrack import config
from mltrack.exceptions import InvalidParameterError
from mltrack.signatures import Signatures

_SIGNATURES = Signatures("model", "trusted-models")
sign = _SIGNATURES.sign
"""Note that this user trusts the model folder with this digest."""
is_signed = _SIGNATURES.is_signed
"""Say whether this user signed the model folder with this digest."""
forget = _SIGNATURES.forget
"""Take the trust in a model folder back."""


def is_allowed(allow_pickle: bool | None = None) -> bool | None:  # noqa: FBT001 - one value, no switch
    """Say whether pickles may be loaded whatever they are: True, False (never), or None: those that are signed.

    ``MLTRACK_ALLOW_PICKLE`` speaks where the call does not; when it says ``false``, the call cannot allow it.
    """
    text = (config.ALLOW_PICKLE.get() or "").strip().lower()
    if text and text not in (*_YES, *_NO):
        raise InvalidParameterError(f"{config.ALLOW_PICKLE.name} must be true or false; got {text[:40]!r}.")
    if text in _NO:
        return False
    return True if text in _YES else allow_pickle


_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
