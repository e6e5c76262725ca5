"""Types of other modules that refer back to the one that names them."""

from typing import Annotated, Any

import strawberry


def later(name: str, module: str) -> Any:
    """A type of another module in `app/schema`, found when the schema is built: the modules may import each other."""
    return Annotated[name, strawberry.lazy(f"app.schema.{module}")]
