"""What all lists share: the parameters of a page."""

from typing import Final

from app.rest.kinds import TEXT, Member, Whole

PAGE: Final = (
    Member("limit", "first", Whole(1, 100), "Number of objects on the page", default=20),
    Member("after", "after", TEXT, "`next` of the page before, with the same parameters"),
)
