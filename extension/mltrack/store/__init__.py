"""Where runs are kept: the Store protocol, its SQLite implementation, the search grammar, the artifact folders."""
