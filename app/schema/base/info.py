"""The type of `info` in every resolver."""

import strawberry

from app.resolvers.context import Context

Info = strawberry.Info[Context, None]
