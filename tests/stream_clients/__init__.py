"""The npm clients of frontends (graphql-ws, graphql-sse, Apollo, urql) against a live gateway."""
