"""One module a library: what ``autolog`` records of it. Each is imported only once the library itself has been."""
