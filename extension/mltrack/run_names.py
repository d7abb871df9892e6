"""Names for runs that were given none: two words and a number, as MLflow gives."""

from __future__ import annotations

import random

from mltrack.exceptions import InvalidParameterError
from mltrack.keys import RUN_NAME_TAG, check_name
from mltrack.masking import mask_text

_ADJECTIVES = """
    agile amber ample bold brave brisk calm candid clear clever crisp curious deft eager early fair fleet fond frank
    fresh gentle glad golden grand handy hardy honest humble keen kind late light lively lucid mellow merry mild neat
    nimble noble patient plain polite proud quick quiet rapid ready serene sharp silent simple sleek smart smooth
    sober solid spry steady still subtle sunny swift tidy useful vivid warm wise witty
"""
_NOUNS = """
    ant auk badger bass bat bear beaver bee bison boar carp cat chough cod colt cow crab crane crow deer dolphin dove
    duck eagle eel elk finch fox frog gnat goat goose grouse gull hare hawk hen heron ibis jay kite koala lark lion
    lynx mole moose moth mouse mule newt orca otter owl ox panda perch pike plover pony quail ram rat raven robin
    rook seal shad shark sheep shrew skink sloth snail squid stag stork swan tern toad trout turtle vole wasp whale
    wolf wren yak zebra
"""
# Its own generator, so that a user's seed neither fixes the names nor is moved on by them.
_random = random.Random()  # noqa: S311 - a name is no secret


def new_run_name() -> str:
    """Invent a name such as ``quiet-heron-417``."""
    return f"{_random.choice(_ADJECTIVES.split())}-{_random.choice(_NOUNS.split())}-{_random.randrange(1000)}"


def chosen_name(run_name: str | None, tagged: str | None) -> str:
    """Give the name of a run that is to be made: the one that was given, or that its tag gives, or a new one.

    Raises
    ------
    InvalidParameterError
        When both are given and differ, or the name is no name; secrets in it are masked.
    """
    if run_name and tagged and run_name != tagged:
        raise InvalidParameterError(
            f"The run is named {run_name!r} by run_name and {tagged!r} by the tag {RUN_NAME_TAG}; give one of them."
        )
    name = run_name or tagged
    return mask_text(check_name(name, "run")) if name else new_run_name()
