"""The gateway as a subgraph of Apollo Federation."""
