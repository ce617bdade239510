"""Pictures kept in the database (图片): sent once, and again only when they have changed."""

from sanic import Request

from backend.http.answers import is_known
from backend.http.routing import Raw


def picture(request: Request, media_type: str, content: bytes, digest: str, cache: str) -> Raw:
    """A picture with its ETag; 304 when the caller has it already."""
    tag = f'"{digest[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache}
    if is_known(request.headers.get("if-none-match"), tag):
        return Raw(b"", media_type, status=304, headers=headers)
    return Raw(content, media_type, headers=headers)
