"""Finds secrets in text (sources, outputs, tracebacks, params, tags) and masks them before anything is stored.

Every text a notebook makes passes here, on a thread that shares the interpreter with a training loop. So the patterns
begin with literal bytes, which ``re`` finds at 2 to 4 GB/s, their repeats are bounded or possessive, so that no text
makes them slow, and the large ones wait for a small one to hit.

They search a copy of the text with one byte for each character (what is not ASCII becomes ``?``): places found in the
copy are places in the text, and every text is searched at the same speed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache, lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Span = tuple[int, int]

MASK = "[masked]"
MOST_PASSES = 5
LONGEST_KEY, LONGEST_QUOTED, LONGEST_BARE, LONGEST_PLACEHOLDER = 65536, 4096, 1024, 256

ALNUM = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WORD_BYTES = ALNUM + b"_-"
# A small pattern, and the formats looked for in texts that hold it: their prefixes, and what follows those.
HYPHENED, UNDERSCORED = rb"-(?!---)[\w-]{16}", rb"_[A-Za-z0-9]{16}"
FORMATS = (
    (UNDERSCORED, b"ghp_ gho_ ghu_ ghs_ ghr_", rb"[A-Za-z0-9]{20,}+"),
    (UNDERSCORED, b"hf_ api_org_ npm_", rb"[A-Za-z0-9]{30,}+"),
    (UNDERSCORED, b"sk_live_ sk_test_ rk_live_ rk_test_", rb"[A-Za-z0-9]{16,}+"),
    (UNDERSCORED, b"dop_v1_ doo_v1_ dor_v1_", rb"[a-f0-9]{40,}+"),
    (UNDERSCORED, b"github_pat_ gsk_", rb"\w{30,}+"),
    (UNDERSCORED, b"mlt_", rb"[a-f0-9]{64}(?!\w)"),  # of a tracking server, see server.tokens
    # A hyphenated name such as sk-learn-pipeline has no digit or capital in its first part.
    (HYPHENED, b"sk-", rb"(?=[a-z]{0,80}[A-Z0-9])[A-Za-z0-9]{16,}+[\w-]*+"),
    (HYPHENED, b"sk-", rb"(?:proj|svcacct|service|admin|ant|or|None)-(?=[a-z_-]{0,80}[A-Z0-9])[\w-]{16,}+"),
    (HYPHENED, b"glpat- GOCSPX-", rb"[\w-]{20,}+(?:\.\w++)*+"),
    (HYPHENED, b"xox", rb"[a-z]-[A-Za-z0-9-]{10,}+"),
    (HYPHENED, b"pypi-", rb"(?=[a-z0-9_-]{0,80}[A-Z])[\w-]{32,}+"),
    (rb"ya29\.", b"ya29.", rb"[\w-]{20,}+(?:\.[\w-]++)*+"),
    (rb"eyJ", b"eyJ", rb"[\w-]{8,}+\.eyJ[\w-]{8,}+(?:\.[\w-]*+)?"),
    (rb"dapi[0-9a-f]", b"dapi", rb"[0-9a-f]{32}(?!\w)"),
    (rb"S(?:G\.[\w-]|K[0-9a-f]{32})", b"SG.", rb"[\w-]{16,32}+\.[\w-]{32,64}+(?![\w-])"),
    (rb"S(?:G\.[\w-]|K[0-9a-f]{32})", b"SK", rb"[0-9a-f]{32}(?!\w)"),
    (rb"A(?:[KS]IA[A-Z0-9]{16}|Iza)", b"AKIA ASIA", rb"[A-Z0-9]{16}(?![A-Za-z0-9])"),
    (rb"A(?:[KS]IA[A-Z0-9]{16}|Iza)", b"AIza", rb"[\w-]{35}(?![\w-])"),
)
GATES = frozenset(gate for gate, _, _ in FORMATS)

ANSI_COLOUR = rb"\x1b\[[0-9;]{0,30}m"
URL_PASSWORD = (
    rb"://(?:[^\s:/?#@\"'<>\\\[\]]{0,256}+:(?![0-9]{1,5}[/?#]|/)([^\s@\"'<>\\]{1,512}+(?:@[^\s@/\"'<>\\.:]{1,64}+(?=@))?+)@"
    rb"|(?=[A-Za-z]{0,200}[0-9])(?=[0-9]{0,200}[A-Za-z])([\w-]{20,256}+)@)"
)
AUTHORIZATION = (
    rb"authorization(?:\\{0,3}[\"'])?\]?[ \t]{0,8}[:=,][ \t]{0,8}[rbu]{0,2}(?:\\{0,3}[\"'])?"
    rb"(?:(?:bearer|basic|token|bot|digest|apikey|api-key|key)[ \t]{1,4}([^\s\"'`\\,;{}<>\[\]]{4,2000})"
    rb"|([\w.~+/=-]{16,2000}))"
)
BEARER = rb"bearer[ \t]{1,4}([\w.~+/=-]{12,2000})"
WANDB_KEY = (
    rb"wandb(?:\.login\((?:[^)\n]{0,200}?\bkey[ \t]{0,4}=)?[ \t]{0,4}[\"']([^\"'\n]{8,200})[\"']| login ([0-9a-f]{40}))"
)
NETRC_PASSWORD = rb"machine\s{1,8}\S{1,256}\s{1,8}login\s{1,8}\S{1,256}\s{1,8}password\s{1,8}(\S{1,512})"
PRIVATE_KEY = rb"-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]){0,8}"
# The lines of a key whose end was cut off: runs of base64, between which stand line ends as text or source spells them.
CUT_KEY = rb"(?:(?:\s|\\[nr]|[\"',+]){0,80}+[A-Za-z0-9+/=]{16,}+)"

# Letters that make a name a secret's, and the names around them. After "token" stand the words of language models.
NAME_STEMS = {
    b"pass": rb"pass(?=w|phrase|code|[^a-z]|$)",
    b"pwd": rb"pwd",
    b"secret": rb"secret",
    b"credential": rb"credential",
    b"token": rb"token(?!iz|s(?!ecret))",
    b"key": rb"key(?<=[a-z0-9_-]key)",
}
NAME_TAIL = rb"[\w-]{0,40}+"
NO_BASE64 = rb"[^\w+/-]"
ASSIGNED = (
    rb"(?:\\{0,3}[\"'][ \t]{0,4},|(?:\\{0,3}[\"'])?[\])]{0,2}[ \t]{0,20}+"
    rb"(?::[ \t]{0,4}[a-z_][a-z0-9_.\[\]|, ]{0,40}=(?=[ \t]{0,4}[rbu]{0,2}[\"'])|[!:]?={1,3}>?|:))[ \t]{0,20}+"
    # A number may be a password, but a short one is a setting, and beside tokens and keys it counts them.
    rb"(?=[^\s,;)\]}])(?![-+]?[0-9.]{1,%d}(?:[\s,;)\]}]|$))"
)
FLAG = rb"--([A-Za-z][\w-]{1,40}+)[ \t=]{1,4}+(?=[^\s-])"
OPENING_QUOTE = rb"(?P<prefix>[rRbBuUfF]{0,2})(?P<quote>\\{0,3}(?:\"\"\"|'''|[\"']))"
QUOTED_BODY = rb"[^%b\\\n]{0,4096}+(?:\\.[^%b\\\n]{0,4096}+){0,200}+"
NO_SIGN = rb"[^\s\"'`,;&|<>(){}\[\]\\]"
NO_SPACE = rb"[^\s\"'`\\]"
DOTTED_NAME = rb"[A-Za-z_]\w*+(?:\.\w++)*+\.?"
PLACEHOLDER = (
    rb"\s*+|\[masked\]|\{.*\}|\$(?:[({].*)?|\$[A-Z_][A-Z0-9_]*+|<.*>|%(?:\(\w++\))?[drs]|[*.x-]++|[01]"
    rb"|(?i:none|null|nil|nan|true|false|undefined|str|string|object|int|float|bool|bytes|text|category|password|token)"
)
FILE_NAME = rb"[\w./~-]+\.(?:json|pem|key|p12|txt|ya?ml|env|ini|toml|cfg|csv)"
FOLDER = rb"(?![^0-9]*+[0-9][^A-Z]*+[A-Z])(?:~|\.{1,2}|[A-Za-z]:)?(?:[/\\]++[\w. -]{1,64}+)++[/\\]?"
NO_SECRET = rb"%b|%b|%b" % (PLACEHOLDER, FILE_NAME, FOLDER)
# A word no one would write by hand: digits and letters mixed, or long and with capitals inside.
RANDOM_WORD = (
    rb"(?=[^0-9]*+[0-9])(?=[^A-Za-z]*+[A-Za-z])[\w.+/=~:%$!@#^*?-]{8,}+"
    rb"|(?=[^a-z]*+[a-z])(?=[^A-Z]*+[A-Z])[A-Za-z0-9+/=_-]{16,}+"
)
# The same where texts are split into words that a program calls tokens.
RANDOM_TOKEN = rb"(?=.{12})(?:%b)" % RANDOM_WORD
# The same where code may stand instead: no underscore or point, as names of variables and attributes have.
RANDOM_NAME = rb"(?=[^0-9]*+[0-9])(?=[^A-Za-z]*+[A-Za-z])[A-Za-z0-9+/=-]{20,}+"
SHORT_LITERAL = r"(?i:none|null|nan|true|false)|[-+]?(?=[\d._e+-]{1,8}$)\d*\.?\d*(?:e[-+]?\d+)?"
NAME_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+"

# A name is a secret's that ends with a word of "secret", with the letters of "ending", or with "key", "pass", "pat" or
# "token" after a word of that list; so is a token of an unknown owner, if it is none of a text's ("text"). But a name
# that begins with one of "about" is not, and words of "detail" at its end do not count.
NAME_WORDS = """
secret: password passwords passwd passwort passphrase passcode pwd secret secrets credential credentials creds
    apikey apikeys accountkey apitoken refreshtoken sessiontoken authorization
ending: password passwd secret apikey secretkey accesskey privatekey authtoken accesstoken
key: api access secret private encryption signing master service account auth storage subscription ssh app license
    deploy deployment admin shared fernet hmac aes rsa jwt
pass: db database smtp mail email user admin root ftp mysql pg postgres redis mongo http proxy ssh
pat: github gitlab gh git azure ado devops
token: access auth api refresh secret bearer session github gitlab gh git hf huggingface hub slack bot oauth id
    personal user admin service deploy ci npm pypi vault csrf jwt private app aws azure gcp wandb neptune comet dagshub
    databricks openai anthropic telegram discord kaggle replicate security login client registry mlflow sas
text: max min num n k pad padding eos bos unk unknown cls sep separator mask special start end stop first last next
    prev previous cur per total avg mean input output prompt completion image audio text word sub subword byte char
    vocab target source src tgt begin class time blank sos newline control tool added extra decoder encoder forced
    additional each every one single by in out top best sample generated predicted page continuation pagination query
    patch register prefix suffix sentence middle speaker dist distillation sequence whitespace current new public
about: n num has is show hide need needs require requires allow reset forgot max min len count total
detail: value str string text raw prod production dev staging test live default base b plain plaintext main
    backup old new current confirm confirmation again repeat
"""
_, *PARTS = re.split(r"(\w+):", NAME_WORDS)
WORDS = {kind: frozenset(words.split()) for kind, words in zip(PARTS[::2], PARTS[1::2], strict=True)}
ENDINGS = tuple(WORDS["ending"])


def mask_text(text: str) -> str:
    """Replace each secret in a text by ``[masked]`` and leave everything around it as it is.

    A text without a secret comes back as the same object. Masking a masked text changes nothing.
    """
    for _ in range(MOST_PASSES):
        masked = mask_once(text)
        if masked == text:
            break
        text = masked
    return text


def mask_value(name: str, value: str) -> str:
    """Mask a named value (a param, a tag): all of it when the name is a secret's, else the secrets in its text.

    Values that say nothing, as ``True``, ``None``, ``0.5`` or an empty text, stay.
    """
    if not is_secret_name(name) or not value.strip() or re.fullmatch(SHORT_LITERAL, value):
        return mask_text(value)
    return MASK


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Tell whether a name is a secret's: ``password``, ``apiKey``, ``HF_TOKEN``; not ``max_tokens``, ``sort_key``."""
    words = words_of(name)
    if not words or words[0] in WORDS["about"] or name in ("PWD", "OLDPWD"):  # folders of a shell
        return False
    *owners, last = words
    if last == "token":
        return WORDS["text"].isdisjoint(owners)
    if last in WORDS["secret"] or last.endswith(ENDINGS):
        return True
    kind = "key" if last == "keys" else last
    return kind in ("key", "pass", "pat") and not WORDS[kind].isdisjoint(owners[-1:])


@lru_cache(maxsize=4096)
def may_hold_plain_words(name: str) -> bool:
    """Tell whether a secret's name also stands for a piece of text: ``token`` alone, or of an unknown owner."""
    words = words_of(name)
    return words[-1:] == ["token"] and WORDS["token"].isdisjoint(words[:-1])


def words_of(name: str) -> list[str]:
    """Split a name at underscores, hyphens, digits and capitals, without the words at its end that say nothing."""
    words = [word.lower() for word in re.findall(NAME_WORD, name)]
    while len(words) > 1 and words[-1] in WORDS["detail"]:
        words.pop()
    return words


def mask_once(text: str) -> str:
    """Mask the secrets that show in a text; what it then shows may be a secret again."""
    data = text.encode("ascii", "replace")
    spans = coloured_secrets(data) if b"\x1b[" in data else secrets_in(data)
    pieces: list[str] = []
    position = 0
    for start, end in joined(spans):
        pieces += (text[position:start], MASK)
        position = end
    return "".join((*pieces, text[position:])) if pieces else text


def joined(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start < result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif end > start:
            result.append((start, end))
    return result


def coloured_secrets(data: bytes) -> Iterator[Span]:
    """Find secrets in terminal output: colours stand between the name, the sign and the value of an assignment."""
    spans = list(secrets_in(compiled(ANSI_COLOUR).sub(b"", data)))
    colours = [match.span() for match in compiled(ANSI_COLOUR).finditer(data)] if spans else []
    shifts = [0, *accumulate(end - start for start, end in colours)]
    places = [start - shift for (start, _), shift in zip(colours, shifts, strict=False)]
    for start, end in spans:
        yield start + shifts[bisect_right(places, start)], end + shifts[bisect_right(places, end - 1)]


def secrets_in(data: bytes) -> Iterator[Span]:
    """Find the secrets in a text without colours, those that are masked already left out."""
    lowered = data.lower()
    spans = chain(known_formats(data), private_keys(data), signed_in(data, lowered), named_values(data, lowered))
    return ((start, end) for start, end in spans if data[start:end] != b"[masked]")


def known_formats(data: bytes) -> Iterator[Span]:
    """Find tokens that show by their first letters whose they are."""
    hit = {gate for gate in GATES if compiled(gate).search(data)}
    for gate, prefixes, body in FORMATS:
        for prefix in prefixes.split() if gate in hit else ():
            if prefix in data:
                yield from (match.span() for match in compiled(after_boundary(prefix) + body).finditer(data))


@cache
def after_boundary(prefix: bytes) -> bytes:
    """Return a pattern for a prefix that begins a word, also after ``%20``, an escaped line end or a colour."""
    # The look back stands behind the prefix: a pattern that begins with literal bytes is searched many times faster.
    return rb"%b(?:(?<![A-Za-z0-9]%b)|(?<=\\[nrtfvb]%b)|(?<=[0-9\[]m%b)|(?<=%%[0-9A-Fa-f]{2}%b))" % ((prefix,) * 5)


def private_keys(data: bytes) -> Iterator[Span]:
    """Find what stands between the BEGIN and END lines of private keys."""
    if b"-----BEGIN " not in data:
        return
    end = 0
    for opening in compiled(PRIVATE_KEY).finditer(data):
        start = opening.end()
        if 0 <= end < start:
            end = data.find(b"-----END ", start)
        whole = 0 <= end - start < LONGEST_KEY
        body = (data[start:end] if whole else data[start : end_of(CUT_KEY, data, start)]).rstrip()
        while body.endswith((b"\\n", b"\\r")):
            body = body[:-2].rstrip()
        yield start, start + len(body)


def signed_in(data: bytes, lowered: bytes) -> Iterator[Span]:
    """Find passwords in URLs and what follows ``Authorization``, ``Bearer`` and the log-ins of tools."""
    if b"@" in data and b"://" in data:
        for match in compiled(URL_PASSWORD).finditer(data):
            span = match.span(match.lastindex or 0)
            if not compiled(PLACEHOLDER).fullmatch(data, *span):
                yield span
    if b"authorization" in lowered:
        for match in compiled(AUTHORIZATION).finditer(lowered):
            span = match.span(match.lastindex or 0)
            if match.lastindex == 1 or compiled(RANDOM_WORD).fullmatch(data, *span):
                yield span
    for match in compiled(BEARER).finditer(lowered):
        if compiled(RANDOM_WORD).fullmatch(data, *match.span(1)):
            yield match.span(1)
    for match in compiled(WANDB_KEY).finditer(data):
        yield match.span(match.lastindex or 0)


def named_values(data: bytes, lowered: bytes) -> Iterator[Span]:
    """Find values given to names that are a secret's, in source, JSON, shell, ``.env`` files, URLs and printed text."""
    stems = [stem for stem in NAME_STEMS if compiled(stem + NAME_TAIL + NO_BASE64).search(lowered)]
    for stem in stems:
        pattern = compiled(rb"(%b%b)" % (NAME_STEMS[stem], NAME_TAIL) + ASSIGNED % (15 if stem in b"token key" else 3))
        position = 0
        while match := pattern.search(lowered, position):
            name_end, position = match.end(1), match.end()
            name_start = start_of_name(data, match.start())
            secret = is_secret_name(data[name_start:name_end].decode())
            if secret and (span := value_at(data, name_start, name_end, position)):
                yield span
                position = max(position, span[1])
    if b"pass" in stems:
        yield from (match.span(1) for match in compiled(NETRC_PASSWORD).finditer(data))
    if stems and b"--" in data:
        for match in compiled(FLAG).finditer(data):
            if is_secret_name(match[1].decode()) and (span := value_at(data, match.start(), match.end(1), match.end())):
                yield span


def start_of_name(data: bytes, end: int) -> int:
    """Return where the name that goes on at ``end`` begins: letters of an escape before it do not belong to it."""
    window = data[max(0, end - 48) : end]
    head = window.rstrip(WORD_BYTES)
    start = end - len(window) + len(head)
    return start + (head.endswith(b"\\") and start < end and data[start] in b"nrtfvb")


def value_at(data: bytes, name_start: int, name_end: int, position: int) -> Span | None:
    """Return the span of the secret that begins at ``position`` after a secret's name, or None when it is none."""
    opening = compiled(OPENING_QUOTE).match(data, position)
    listed = b"," in data[name_end:position]
    if opening is None:
        return None if listed else bare_value(data, name_start, name_end, position)
    start, end = span = quoted_value(data, opening)
    value = data[start:end]
    name = data[name_start:name_end].decode()
    if may_hold_plain_words(name) and not name.startswith("--"):
        return span if compiled(RANDOM_TOKEN).fullmatch(value) else None
    if listed and not name.startswith("--") and not compiled(RANDOM_WORD).fullmatch(value):
        return None
    formatted = b"f" in opening["prefix"].lower() and b"{" in value
    named_in_text = data[name_end : name_end + 1] not in b"\"'\\" and closes_text(data, name_start, opening)
    return None if formatted or named_in_text or b"-----BEGIN" in value or is_no_secret(value) else span


def quoted_value(data: bytes, opening: re.Match[bytes]) -> Span:
    """Return the span between two quotes, or to the first space when the closing one was cut off."""
    quote, start = opening["quote"], opening.end()
    if len(quote) > 1:
        end = data.find(quote, start, start + LONGEST_QUOTED)
    else:
        body = compiled(QUOTED_BODY % (quote, quote)).match(data, start)
        end = body.end() if body else start
        end = end if data[end : end + 1] == quote else -1
    return (start, end) if end >= 0 else (start, end_of(NO_SPACE, data, start))


def closes_text(data: bytes, name_start: int, opening: re.Match[bytes]) -> bool:
    """Tell whether a quote ends the text that the name stands in, as in ``input("Password: ")``: code follows."""
    quote, end = opening["quote"], opening.end()
    line = data[max(0, name_start - 512) : name_start].rpartition(b"\n")[2]
    return line.count(quote) % 2 == 1 and data[end : end + 1] in b" ),]}+%.;:\n"


def bare_value(data: bytes, name_start: int, name_end: int, position: int) -> Span | None:
    """Return the span of a value without quotes, as in a shell, a ``.env`` file, a URL or printed text; not of code."""
    name, sign, before = data[name_start:name_end], data[name_end:position], data[max(0, name_start - 3) : name_start]
    given = name.startswith(b"--") or (sign == b"=" and before.endswith((b"?", b"&", b";")))
    exported = sign == b"=" and name.isupper()
    characters = NO_SPACE if exported and before[-1:] in b"\n" else NO_SIGN
    end = end_of(characters, data, position, LONGEST_BARE)
    value, follower = data[position:end], data[end : end + 1]
    code = compiled(DOTTED_NAME).fullmatch(value)
    called = code and follower and follower in b"([{"
    if not value or called or before == b"://" or is_no_secret(value.rstrip(b":.")):
        return None
    if not given and not (exported and not (code and b"." in value)) and not compiled(RANDOM_NAME).fullmatch(value):
        worded = may_hold_plain_words(name.decode())
        token = worded and not code and compiled(RANDOM_TOKEN).fullmatch(value)
        if not token and (worded or not is_password(data, name_start, sign, value)):
            return None
    return position, end_of(characters, data, position)


def is_password(data: bytes, name_start: int, sign: bytes, value: bytes) -> bool:
    """Tell a password from code, in ``password: hunter2`` and ``user=me password=swordfish``."""
    if compiled(DOTTED_NAME).fullmatch(value) is None:
        return True
    if b"." in value or sign[:1] in b" \t\"'\\":
        return False
    before = data[max(0, name_start - 64) : name_start]
    pairs = sign == b"=" and before.endswith(b" ") and before.rstrip(b" ")[-1:].isalnum()
    return pairs or any(digit in value for digit in b"0123456789")


def is_no_secret(value: bytes) -> bool:
    """Tell whether a value only stands for a secret: empty, a template, a type, the name of a file or folder."""
    return len(value) < LONGEST_PLACEHOLDER and compiled(NO_SECRET).fullmatch(value) is not None


def end_of(characters: bytes, data: bytes, start: int, most: int | None = None) -> int:
    """Return where a run of characters (or parts) of one kind ends that begins at ``start``."""
    found = compiled(characters + b"*+").match(data, start, len(data) if most is None else start + most)
    return found.end() if found else start


@cache
def compiled(pattern: bytes) -> re.Pattern[bytes]:
    """Compile a pattern when it is first needed; all of them at import would cost ``%load_ext`` milliseconds."""
    return re.compile(pattern)
