"""What the modules of this package have in common."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, model_validator

from backend.http.routing import Audience, Routes


class Query(BaseModel):
    """Parameters of a read; unknown ones and NUL are refused, as in bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, str_max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, data: dict[str, str]) -> dict[str, str]:
        if any("\x00" in value for value in data.values()):
            raise ValueError("text must not contain NUL")
        return data


class PagedQuery(Query):
    """A list that goes on behind the row that was shown last (翻页)."""

    cursor: UUID | None = None


def staff_routes() -> Routes:
    """One module's table of routes under ``/api/staff/v1``."""
    return Routes("staff", "/api/staff/v1", Audience.STAFF)
