"""The description of the API as the pages' types are made of it."""

import json
import re
from typing import Any
from uuid import UUID

import pytest

from backend.app import all_routes
from backend.http.openapi import openapi_of
from backend.http.routing import Audience, Call, Routes
from hospital_core.kernel.commands import Command, Done


class Rename(Command):
    """A command whose subject stands in the path."""

    thing_id: UUID
    name: str
    note: str = ""


class Drop(Command):
    """A command that is nothing but its path."""

    thing_id: UUID


def _described(*paths: str, command: type[Command], **options: Any) -> dict[str, Any]:
    routes = Routes("things", "", Audience.OPEN)
    for path in paths:

        @routes.post(path, view=Done, command=command, **options)
        async def change(call: Call[Any]) -> Done:
            """Change a thing."""
            return Done()

    return openapi_of(routes.table)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_of(all_routes())


def test_given_an_answer_with_defaults_then_every_field_is_required(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("SessionAnswer", "AppointmentView", "StaffView", "Page_PatientView_"):
        assert set(schemas[name]["required"]) == set(schemas[name]["properties"])
    assert set(schemas["RegisterPatient"]["required"]) == {"document_kind", "name"}


def test_given_two_views_of_one_name_then_the_names_would_not_be_plain(document: dict[str, Any]) -> None:
    # A second class of a name makes both long and turns them round with the order of routes: rename one.
    assert [name for name in document["components"]["schemas"] if "__" in name or "-" in name] == []


def test_given_the_whole_api_then_every_component_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert [name for name in document["components"]["schemas"] if f'/schemas/{name}"' not in text] == []


def test_given_the_whole_api_then_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named - document["components"]["schemas"].keys() == set()


def test_given_a_field_in_the_path_then_it_is_no_part_of_the_body() -> None:
    document = _described("/things/{thing_id}/rename", command=Rename)
    body = document["paths"]["/things/{thing_id}/rename"]["post"]["requestBody"]
    assert body == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Rename"}}},
    }
    schema = document["components"]["schemas"]["Rename"]
    assert (set(schema["properties"]), schema["required"]) == ({"name", "note"}, ["name"])


def test_given_everything_in_the_path_then_there_is_no_body() -> None:
    document = _described("/things/{thing_id}/drop", command=Drop)
    assert "requestBody" not in document["paths"]["/things/{thing_id}/drop"]["post"]
    assert "Drop" not in document["components"]["schemas"]


def test_given_one_command_with_two_bodies_then_it_is_refused() -> None:
    with pytest.raises(TypeError, match="Rename has different bodies"):
        _described("/things/{thing_id}/rename", "/things/rename", command=Rename)


def test_given_an_answer_without_content_then_none_is_described() -> None:
    answers = _described("/things/{thing_id}/drop", command=Drop, status=204)["paths"]["/things/{thing_id}/drop"][
        "post"
    ]
    assert "content" not in answers["responses"]["204"]
