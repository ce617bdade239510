"""The protocol: closed lists mirrored by the page, nothing of the hospital imported."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from hospital_core.registry.accounts.states import Relation
from kiosk_agent import page_protocol, protocol
from kiosk_agent.identity import load_identity
from kiosk_agent.page_protocol import PageMessage, PagePayment, PageState, Stage
from kiosk_agent.pages import content_security_policy
from kiosk_agent.protocol import KioskRefusal, OpenSession, decode_bytes, encode_bytes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "kiosk_agent" / "web" / "src"
_HOSPITAL = ("hospital_core", "backend", "miniapp_api", "queue_display", "sandbox", "tortoise", "asyncpg", "redis")


def _python(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_page_has_words_for_every_refusal_and_no_other() -> None:
    words = set(re.findall(r"^  '(kiosk\.[a-z_]+)':", (PAGE / "refusals.ts").read_text(encoding="utf-8"), re.M))
    assert words == {refusal.value for refusal in KioskRefusal}


def test_page_knows_every_stage_and_every_field() -> None:
    text = (PAGE / "protocol.ts").read_text(encoding="utf-8")
    stages = text.split("export type Stage =")[1].split("export")[0]
    assert set(re.findall(r"'([a-z]+)'", stages)) == {stage.value for stage in Stage}
    assert _fields(text, "PageState") == set(PageState.model_fields)
    assert _fields(text, "Appointment") == set(protocol.KioskAppointment.model_fields)
    assert _fields(text, "Account") == set(protocol.KioskAccount.model_fields)
    assert _fields(text, "Ticket") == set(protocol.KioskTicket.model_fields)
    assert _fields(text, "Payment") == set(PagePayment.model_fields)
    acts = re.findall(r"'([a-z_]+)'", text.split("export type ToAgent =")[1])
    known = (get_args(one.model_fields["type"].annotation) for one in get_args(page_protocol.FromPage))
    assert sorted(acts) == sorted(name for names in known for name in names)


def _fields(text: str, interface: str) -> set[str]:
    body = text.split(f"export interface {interface} {{")[1].split("\n}")[0]
    return set(re.findall(r"^  ([a-z_]+):", body, re.M))


def test_page_names_the_holder_of_a_phone_for_every_relation() -> None:
    text = (PAGE / "accounts.ts").read_text(encoding="utf-8").split("HOLDERS")[1].split("}")[0]
    assert set(re.findall(r"^  ([a-z]+):", text, re.M)) == {relation.value for relation in Relation}


def test_agent_runs_without_anything_of_the_hospital() -> None:
    program = """
import importlib, json, pkgutil, sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ImportError("the kiosk ships alone: " + name)
sys.meta_path.insert(0, Wall())
import kiosk_agent
found = [m.name for m in pkgutil.walk_packages(kiosk_agent.__path__, "kiosk_agent.")]
for name in found:
    importlib.import_module(name)
print(json.dumps(found))
""".replace("{names}", repr(set(_HOSPITAL)))
    done = _python(program)
    assert done.returncode == 0, done.stderr
    assert "kiosk_agent.cli" in json.loads(done.stdout)


def test_protocol_module_pulls_in_nothing_but_pydantic() -> None:
    program = (
        "import sys, kiosk_agent.page_protocol;"
        "print([m for m in sys.modules if m.split('.')[0] in ('sanic', 'httpx', 'PIL', 'escpos', 'websockets')])"
    )
    done = _python(program)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "body", [{"proof": "id_card"}, {"proof": "appointment_qr", "document_no": "1"}, {"proof": "x"}]
)
def test_session_without_its_proof_is_refused(body: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OpenSession.model_validate(body)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "check_in"},
        {"type": "check_in", "appointment_id": str(uuid4()), "patient_id": "x"},
        {"type": "scan", "text": "x" * 600},
        {"type": "prove"},
        {"type": "open_the_drawer"},
    ],
)
def test_page_message_of_another_shape_is_refused(message: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PageMessage).validate_python(message)


def test_device_place_may_be_plain_text_or_an_object() -> None:
    base = {"id": str(uuid4()), "name": "K1", "status": "active", "anything_newer": 1}
    plain = protocol.KioskDevice.model_validate({**base, "location": "门诊大厅"})
    whole = protocol.KioskDevice.model_validate({**base, "location": {"id": str(uuid4()), "name": "门诊大厅"}})
    assert plain.location is not None
    assert whole.location is not None
    assert plain.location.name == whole.location.name == "门诊大厅"


@pytest.mark.parametrize("length", [0, 1, 2, 3, 32, 64])
def test_bytes_survive_their_encoding(length: int) -> None:
    data = bytes(range(length))
    assert decode_bytes(encode_bytes(data)) == data
    assert "=" not in encode_bytes(data)


def test_identity_is_made_once_and_is_private(tmp_path: Path) -> None:
    first, second = load_identity(tmp_path / "kiosk"), load_identity(tmp_path / "kiosk")
    assert first.public_key == second.public_key
    assert (tmp_path / "kiosk" / "identity.json").stat().st_mode & 0o077 == 0
    device_id = uuid4()
    first.keep_device(device_id)
    second.reread()
    assert second.device_id == device_id


def test_policy_names_who_may_frame_the_page() -> None:
    assert content_security_policy(()).endswith("frame-ancestors 'self'")
    assert content_security_policy(("http://127.0.0.1:8000",)).endswith("frame-ancestors 'self' http://127.0.0.1:8000")
    assert "unsafe" not in content_security_policy(())
