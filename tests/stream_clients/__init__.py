"""npm graphql-ws against a live gateway: sockets that are left early, and tokens that end."""
