"""Makes secrets, the texts they stand in, and plain notebook cells, all from a seed.

Secrets are put together here, so that no file of the repository holds anything that looks like a live one.
"""

from __future__ import annotations

import base64
import json
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
URL_SAFE = ALNUM + "-_"
BASE64 = ALNUM + "+/"
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
TOKENS: dict[str, tuple[str, str, int]] = {
    "aws id": ("AK" + "IA", UPPER, 16),
    "aws session id": ("AS" + "IA", UPPER, 16),
    "openai": ("s" + "k-", ALNUM, 48),
    "openai project": ("s" + "k-proj-", URL_SAFE, 120),
    "openai service": ("s" + "k-svcacct-", URL_SAFE, 100),
    "anthropic": ("s" + "k-ant-api03-", URL_SAFE, 93),
    "deepseek": ("s" + "k-", HEX, 32),
    "github classic": ("gh" + "p_", ALNUM, 36),
    "github oauth": ("gh" + "o_", ALNUM, 36),
    "github user": ("gh" + "u_", ALNUM, 36),
    "github server": ("gh" + "s_", ALNUM, 36),
    "github refresh": ("gh" + "r_", ALNUM, 76),
    "gitlab": ("gl" + "pat-", URL_SAFE, 20),
    "hugging face": ("h" + "f_", LETTERS, 34),
    "google key": ("AI" + "za", URL_SAFE, 35),
    "google oauth": ("ya" + "29.", URL_SAFE, 60),
    "stripe live": ("s" + "k_live_", ALNUM, 24),
    "stripe test": ("s" + "k_test_", ALNUM, 24),
    "stripe restricted": ("r" + "k_live_", ALNUM, 24),
    "npm": ("np" + "m_", ALNUM, 36),
    "pypi": ("py" + "pi-AgEIcHlwaS5vcmc", URL_SAFE, 100),
    "twilio": ("S" + "K", HEX, 32),
    "digitalocean": ("do" + "p_v1_", HEX, 64),
    "databricks": ("da" + "pi", HEX, 32),
}
NAMES = [
    "password",
    "api_key",
    "apikey",
    "client_secret",
    "access_token",
    "auth_token",
    "db_password",
    "OPENAI_API_KEY",
    "SECRET_KEY",
    "private_key",
    "WANDB_API_KEY",
    "HF_TOKEN",
    "aws_secret_access_key",
]
# Where a token may stand; %s is its place.
CONTEXTS = (
    'client = connect("%s")',
    "value = '%s'  # from the console",
    "%s",
    "using %s to log in\n",
    '{"cells": [{"source": ["import os\\n", "x = \\"%s\\"\\n"]}]}',
    "https://%s@github.com/someone/something.git",
    "https://api.example.com/v1/items?x=%s&y=2",
    "----> 3 client.get('%s')\nValueError: rejected %s",
    "\x1b[32m'%s'\x1b[39m and \x1b[31m%s\x1b[0m",
    "environ({'HOME': '/root', 'THING': '%s'})",
    "THING=%s\nHOME=/root\n",
    "first line\\n%s\\nlast line",
    "['train.py', '--thing', '%s']",
    "+    thing: %s\n-    thing: none",
    "étude naïve → %s ✓",
)
# Where the value of a secret's name may stand: name, value.
NAMED_CONTEXTS = (
    '{name} = "{value}"',
    "{name}='{value}'",
    "self.{name}: str = '{value}'",
    'login(user, {name}="{value}", retries=3)',
    'os.environ["{name}"] = "{value}"',
    '{{"user": "me", "{name}": "{value}"}}',
    "{{'{name}': '{value}', 'n': 3}}",
    '"x = 1\\n{name} = \\"{value}\\"\\n"',
    "export {upper}={value}",
    "A=1\n{upper}={value}\nB=2\n",
    "%env {upper}={value}",
    "python train.py --{flag} {value} --epochs 3",
    "python train.py --{flag}={value}",
    "['train.py', '--{flag}', '{value}']",
    "https://example.com/login?user=me&{name}={value}",
    "\x1b[38;5;255m{name}\x1b[39m\x1b[38;5;204m=\x1b[39m\x1b[38;5;186m'\x1b[39m\x1b[38;5;186m{value}\x1b[39m'",
    "{name}: {value}\nuser: me\n",
    "{name} = {value}\nregion = eu-west-1\n",
    'os.getenv("{name}", "{value}")',
)


def letters(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choices(alphabet, k=length))


def token(random: Random, kind: str) -> str:
    prefix, alphabet, length = TOKENS[kind]
    # A token ends with a letter or digit, so that what follows it is not taken for a part of it.
    return prefix + letters(random, alphabet, length - 1) + random.choice([c for c in alphabet if c.isalnum()])


def slack_token(random: Random) -> str:
    numbers = "-".join(letters(random, string.digits, 12) for _ in range(2))
    return f"xo{'x'}{random.choice('abprs')}-{numbers}-{letters(random, ALNUM, 24)}"


def json_web_token(random: Random) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": letters(random, HEX, 12), "iat": random.randrange(10**9)})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, letters(random, URL_SAFE, 42) + "x"))


def private_key(random: Random) -> tuple[str, str]:
    """Return a PEM block and its body's first line."""
    kind = random.choice(["RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""]) + "PRIVATE " + "KEY"
    lines = [letters(random, BASE64, 64) for _ in range(random.randrange(2, 25))]
    return "\n".join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", "")), lines[0]


def secrets(random: Random, rounds: int) -> list[tuple[str, str, str]]:
    """Return (kind, text, what must not be left of it) for each format in each of some contexts."""
    cases: list[tuple[str, str, str]] = []
    for number in range(rounds):
        made = [(kind, token(random, kind)) for kind in TOKENS]
        made += [("slack", slack_token(random)), ("jwt", json_web_token(random)), ("github fine", fine_grained(random))]
        made.append(("sendgrid", f"S{'G'}.{letters(random, URL_SAFE, 22)}.{letters(random, URL_SAFE, 42)}x"))
        for place, (kind, value) in enumerate(made):
            context = CONTEXTS[(number + place) % len(CONTEXTS)]
            cases.append((kind, context.replace("%s", value), value))
        cases += [named_secret(random, context) for context in NAMED_CONTEXTS]
        cases += sign_ins(random)
    return cases


def fine_grained(random: Random) -> str:
    return "github_" + f"pat_{letters(random, ALNUM, 22)}_{letters(random, ALNUM, 59)}"


def named_secret(random: Random, context: str) -> tuple[str, str, str]:
    name = random.choice(NAMES)
    value = letters(random, BASE64 if name.startswith("aws") else ALNUM, 40)
    text = context.format(name=name, value=value, upper=name.upper(), flag=name.replace("_", "-"))
    return f"named {name}", text, value


def sign_ins(random: Random) -> list[tuple[str, str, str]]:
    password, key = letters(random, ALNUM, 16), letters(random, HEX, 40)
    block, first_line = private_key(random)
    azure = letters(random, BASE64, 86)
    schemes = ("https", "postgresql", "mysql+pymysql", "mongodb+srv", "redis", "amqp", "ftp", "git+https")
    cases = [("url", f"engine = '{scheme}://me:{password}@db.example.com:5432/x'", password) for scheme in schemes]
    return [
        *cases,
        ("git remote", f"origin\thttps://x-access-token:{password}@github.com/a/b.git (fetch)", password),
        ("bearer", f'curl -H "Authorization: Bearer {password}" https://x.org', password),
        ("bearer", f"{{'Authorization': 'Bearer {password}'}}", password),
        ("basic", f"> Authorization: Basic {password}=\n> Accept: */*", password),
        ("wandb", f'wandb.login(key="{key}")', key),
        ("wandb", f"wandb login {key}", key),
        ("azure", f"DefaultEndpointsProtocol=https;AccountName=x;Account{'Key'}={azure}==;EndpointSuffix=y", azure),
        ("dsn", f"host=db user=me password={password} dbname=x", password),
        ("pem", f'key = """{block}"""', first_line),
        ("pem", json.dumps({"type": "service_account", "private_key": block}), first_line),
        ("pem cut off", block[: len(block) * 2 // 3], first_line),
    ]


def plain_cell(random: Random) -> str:
    """Return a cell (a source, or what it printed) of plain data science, without a secret."""
    parts = random.choices(PARTS, k=random.randrange(2, 9))
    return "\n".join(part(random) for part in parts)


def name(random: Random) -> str:
    return random.choice(
        [
            "df",
            "train",
            "X_test",
            "model",
            "loss",
            "tokens",
            "key_column",
            "sort_key",
            "embedding",
            "user_id",
            "password_length",
        ]
    )


def number(random: Random) -> str:
    return random.choice([str(random.random()), str(random.randrange(10**18)), f"{random.random():.18e}", "1_000_000"])


def statement(random: Random) -> str:
    return random.choice(STATEMENTS).format(name=name(random), n=number(random), word=random.choice(WORDS))


def frame(random: Random) -> str:
    columns = random.sample([*WORDS, "token", "key", "primary_key", "token_count", "password_reset"], k=4)
    rows = [
        f"{i:<5}" + "".join(f"{random.uniform(-99, 99):>16.6f}" for _ in columns) for i in range(random.randrange(9))
    ]
    return "\n".join(
        (" " * 5 + "".join(f"{column:>16}" for column in columns), *rows, f"[{len(rows)} rows x 4 columns]")
    )


def digests(random: Random) -> str:
    hexes = (letters(random, HEX, length) for length in (7, 32, 40, 64))
    return "commit {}\nmd5: {}\nsha1 {}  data/train.csv\nsha256:{}".format(*hexes)


def picture(random: Random) -> str:
    return "iVBORw0KGgo" + base64.b64encode(random.randbytes(random.randrange(300, 3000))).decode() + "\n"


def identifiers(random: Random) -> str:
    digits = letters(random, HEX, 32)
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return f"run {uuid}\nexperiments/task-sk-learn-{random.choice(WORDS)}-pipeline-{random.randrange(99)}/{digits}.ckpt"


def log_line(random: Random) -> str:
    word = random.choice(WORDS)
    return (
        f"2024-05-01 12:00:{random.randrange(60):02d},123 INFO {word}.trainer: step={number(random)}"
        f" num_tokens={random.randrange(10**6)} tokens_per_second={random.random()} lr=3e-4 key={word}"
    )


WORDS = [
    "accuracy",
    "petal_length",
    "species",
    "price",
    "mean_squared_error",
    "region",
    "tokenizer",
    "keyword",
    "secretary",
    "passenger",
    "bert",
]
STATEMENTS = (
    "import pandas as pd\nimport numpy as np",
    "{name} = pd.read_csv('https://example.com/data/{word}.csv', sep=';')",
    "{name} = RandomForestClassifier(n_estimators={n}, random_state=42).fit(X_train, y_train)",
    "df.groupby('{word}').agg({{'{word}': 'mean', 'key': 'count'}}).sort_values(by='token', key=abs)",
    'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased", pad_token="<pad>", eos_token="</s>")',
    "tokens = tokenizer(text, max_length={n}, return_tensors='pt')['input_ids']",
    "out = model.generate(**inputs, max_tokens=4096, pad_token_id=tokenizer.eos_token_id)",
    "for token in doc:\n    print(token.text, token.pos_, token.lemma_)",
    "for key, value in config.items():\n    print(f'{{key}}: {{value}}')",
    'api_key = os.environ["{word}"]',
    'api_key = os.getenv("OPENAI_API_KEY")\nclient = OpenAI(api_key=api_key)',
    'password = getpass.getpass("Password: ")',
    'token = input("Token: "); other = input("Password: ")',
    "token = None\npassword = ''",
    "engine = create_engine(f'postgresql://{{user}}:{{password}}@{{host}}/db')",
    "login(token=token, password=self.password)",
    'headers = {{"Authorization": f"Bearer {{token}}"}}',
    'headers = {{"Authorization": "Bearer " + token}}',
    "def connect(user: str, password: str, token: str | None = None) -> Session:\n    ...",
    "sns.lineplot(data={name}, x='epoch', y='{word}', hue='key')",
    'pivot = {name}.pivot_table(index="{word}", values="price", aggfunc="sum")',
    "{name}['token'] = {name}['text'].str.split()",
    "{{'token': '{word}', 'score': {n}, 'token_str': 'the'}}",
    "{{'primary_key': '{word}', 'sort_key': 'price', 'key': '{word}'}}",
    "key = jax.random.PRNGKey({n})\nkey, subkey = jax.random.split(key)",
    "attention(query, key, value, key_dim=64, n_keys=8, key_padding_mask=None)",
    "contact someone@example.com or see https://scikit-learn.org/stable/modules/tree.html#tree",
    "pip install git+https://github.com/someone/{word}@0123456789abcdef0123456789abcdef01234567",
    "http://localhost:8888/lab/tree/{word}.ipynb",
    "assert {name}.shape == ({n}, 3), 'wrong {word}: expected tokens, secrets of the data'",
    "if x:\n    pass\nelse:\n    raise KeyError('{word}')",
    "# the secret: {word} matters more than the keys",
    'Model: "{word}"\n_________________________________________________________________\nTotal params: {n}',
    "--------------------------------------------------------------------------- \nKeyError: 'token'",
    "PWD=/root/work\nHOME=/root\nLANG=C.UTF-8\nOLDPWD=/root",
    "password_length = 12\nsecret_name = '{word}'\ntoken_type = 'word'\ntoken_ids = [{n}]",
    "api_key = config.services.{name}.key\nsecret = secrets[0]\ncredentials = load('{word}')",
    "special_tokens = {{'bos_token': '<s>', 'unk_token': '<unk>', 'mask_token': '[MASK]'}}",
    "Epoch 3/10: 100%|██████████| 1875/1875 [00:12<00:00, 151.20it/s, loss={n}]",
)
PARTS: tuple[Callable[[Random], str], ...] = (
    *(statement,) * 8,
    frame,
    digests,
    picture,
    identifiers,
    log_line,
    lambda random: number(random) + "\n" + ", ".join(number(random) for _ in range(9)),
)
