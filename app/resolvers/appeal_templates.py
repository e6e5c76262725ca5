"""Resolvers for templates of justifications."""

from typing import Final

from app.db import appeal_tables, appeal_templates
from app.resolvers.paging import ScopedList, order_by

OLDEST_FIRST: Final = order_by(appeal_tables.appeal_templates, "id", str)
TEMPLATES: Final = ScopedList("appealTemplates", appeal_templates.page, appeal_templates.count)
