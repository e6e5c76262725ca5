"""Linters and compilers of frontends, from npm, on the schema and on the operations of the documents."""
