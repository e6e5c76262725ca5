"""The type of the `info` argument of resolvers."""

import strawberry

from app.resolvers.context import Context

Info = strawberry.Info[Context, None]
