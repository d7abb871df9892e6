"""Names for runs that were given none: two words and a number, as MLflow gives."""

from __future__ import annotations

import random

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
