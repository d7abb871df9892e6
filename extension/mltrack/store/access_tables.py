"""The tables of who may use a server of the store, and what each may do; one of the scripts of ``tables``."""

from __future__ import annotations

ACCESS = """
-- Who may use a server of this store: passwords as argon2 made them, tokens by their SHA-256.
CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    is_admin INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);
CREATE TABLE tokens (
    -- Never given again: who takes away token 3 means the one that was listed.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER
);
CREATE INDEX tokens_by_user ON tokens (user_id);
-- What a user may do with an object, whatever the server's default role is: 0 nothing, 1 read, 2 edit, 3 manage.
CREATE TABLE experiment_roles (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    PRIMARY KEY (user_id, experiment_id)
) WITHOUT ROWID;
CREATE INDEX experiment_roles_by_experiment ON experiment_roles (experiment_id);
CREATE TABLE registered_model_roles (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 3),
    PRIMARY KEY (user_id, model_id)
) WITHOUT ROWID;
CREATE INDEX registered_model_roles_by_model ON registered_model_roles (model_id);
-- Failed logins since a moment (ms since 1970), by the digest of a user's name or of an address.
CREATE TABLE failed_logins (
    who BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    since INTEGER NOT NULL
) WITHOUT ROWID;
"""
