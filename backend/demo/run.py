"""The whole hospital on one machine (一键演示): engines, simulated outside world, server, worker, kiosk.

Everything lives below one data folder and listens on loopback; several demos run beside each other. Engines that the
environment names are used instead of its own (``backend.demo.engines``).
"""

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from backend.demo.engines import DemoEngines
from backend.demo.organization import HOSPITAL_NAME
from backend.embedded.folder import FOLDER_MODE, FolderLock, SecretFile
from backend.probing import answers, origin_of
from backend.processes import ChildSpec
from backend.settings import load_settings
from backend.supervisor import Supervisor, bind_listen_socket
from sandbox.wechat.keys import WechatSandboxFiles, make_config, write_private

log = logging.getLogger("hospital.demo")

WORKERS = 2
_SECRETS = ("field_key", "index_key", "audit_key", "token_key", "qr_key", "sms_token", "einvoice_key", "video_secret")
_REFRESH_S = 1200.0
_APPROVE_S = 30.0  # longer than the server waits for the kiosk to introduce itself
_EINVOICE_APPID = "DEMOHOSPITAL"
_VIDEO_APP_ID = "demohospital"
_KIOSK_PRINTS = "/_sim/prints"

Tell = Callable[[str, str], None]


@dataclass(frozen=True)
class Sockets:
    """Listening sockets made before anything starts, so that every address is known and stays the same."""

    web: socket.socket
    wechat: socket.socket
    sms: socket.socket
    kiosk: socket.socket
    einvoice: socket.socket
    video: socket.socket

    @staticmethod
    def bind(port: int) -> "Sockets":
        """The web server on the asked port, the others wherever there is room."""
        return Sockets(bind_listen_socket("127.0.0.1", port), *(bind_listen_socket("127.0.0.1", 0) for _ in range(5)))


class Demo:
    """One demo: knows its folder and addresses, builds the children, writes the ready file.

    ``engine_urls``: engines to use instead of starting some. Raises: StartupRefused.
    """

    def __init__(
        self, folder: Path, port: int, ready_file: Path | None, tell: Tell, engine_urls: Mapping[str, str]
    ) -> None:
        self.folder = folder.absolute()
        self.ready_file = ready_file
        self.engines = DemoEngines(self.folder, engine_urls)
        self.folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        self.lock = FolderLock(self.folder, "demo")
        self.sockets = Sockets.bind(port)
        self.metrics = self.folder / "metrics"
        self.supervisor = Supervisor(self.folder / "logs", on_exit=self._mark_dead, tee=tell)

    @property
    def origin(self) -> str:
        """Where people open the demo."""
        return origin_of(self.sockets.web)

    async def run(self, on_ready: Callable[[dict[str, Any]], None]) -> None:
        """Run until stopped; no process is left behind."""
        with self.lock:
            self._forget_ready_file()  # of a demo that was killed: programs wait for ours
            try:
                await self.engines.prepare()
                await self._run(on_ready)
            finally:
                self._forget_ready_file()
                self.engines.close()
                gc.freeze()  # nothing of this needs to be sorted out before the process ends

    async def _run(self, on_ready: Callable[[dict[str, Any]], None]) -> None:
        settings = self._write_settings(self._wechat_files())
        await self.engines.refuse_unfit(load_settings({"HOSPITAL_SETTINGS": str(settings)}).keyring())
        for child in self._children(settings):
            self.supervisor.add(child)

        refreshing: asyncio.Task[None] | None = None

        async def ready() -> None:
            nonlocal refreshing
            on_ready(await self._write_ready_file())
            refreshing = asyncio.create_task(self._keep_refreshing(settings))

        try:
            await self.supervisor.run(ready)
        finally:
            if refreshing is not None:
                refreshing.cancel()
                await asyncio.gather(refreshing, return_exceptions=True)

    def _forget_ready_file(self) -> None:
        if self.ready_file is not None:
            self.ready_file.unlink(missing_ok=True)

    async def _keep_refreshing(self, settings: Path) -> None:
        """Shifts end and days pass: make the missing days and name the session that runs now, three times an hour."""
        while True:
            await asyncio.sleep(_REFRESH_S)
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "backend.demo.prepare", str(self.folder),
                env={**os.environ, "HOSPITAL_SETTINGS": str(settings)},
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                if await child.wait() == 0:
                    await self._write_ready_file()
            except httpx.HTTPError as error:  # somebody is just being started again: the next round tells it
                log.warning("the ready file waits for the next round: %s", type(error).__name__)
            except asyncio.CancelledError:
                child.kill()
                await child.wait()
                raise

    def _wechat_files(self) -> WechatSandboxFiles:
        return make_config(
            self.folder / "wechat",
            base_url=origin_of(self.sockets.wechat),
            return_origins=[self.origin],
            merchant_name=HOSPITAL_NAME,
            push_url=self.origin + "/api/miniapp/v1/wechat/push",
        )

    def _write_settings(self, wechat: WechatSandboxFiles) -> Path:
        secrets = SecretFile(self.folder).ensure(*_SECRETS)
        keys = {name: _hex(secrets[name]) for name in _SECRETS}
        settings = {
            "environment": "demo",
            "hospital_name": HOSPITAL_NAME,
            **self.engines.settings,
            "field_keys": {"1": keys["field_key"]},
            "field_key_current": 1,
            "index_key": keys["index_key"],
            "audit_key": keys["audit_key"],
            "token_keys": {"k1": keys["token_key"]},
            "qr_key": keys["qr_key"],
            "public_origin": self.origin,
            "frame_origins": [origin_of(self.sockets.kiosk), origin_of(self.sockets.wechat)],
            "data_dir": str(self.folder),
            "workers": WORKERS,
            # One person plays a whole lobby here, and `hospital visit --patients 50` a crowd, from one address.
            "rate_scale": 20.0,
            "sms_url": origin_of(self.sockets.sms) + "/messages",
            "sms_token": secrets["sms_token"],
            "einvoice": {
                "url": origin_of(self.sockets.einvoice),
                "appid": _EINVOICE_APPID,
                "key": secrets["einvoice_key"],
                "place_code": "K001",
            },
            "video": {
                "url": origin_of(self.sockets.video),
                "app_id": _VIDEO_APP_ID,
                "secret": secrets["video_secret"],
            },
            "wechat": {
                "appid": wechat.appid,
                "secret": wechat.secret,
                "mchid": wechat.mchid,
                "merchant_key": wechat.merchant_key_path.read_text(),
                "merchant_serial": wechat.merchant_cert_serial,
                "apiv3_key": wechat.apiv3_key,
                "platform_public_key": wechat.platform_public_key_path.read_text(),
                "platform_public_key_id": wechat.public_key_id,
                "api_base_url": wechat.base_url,
                "pay_base_url": wechat.base_url,
                "notify_origin": self.origin,
                "push_token": wechat.push_token,
                "push_aes_key": wechat.push_aes_key,
                "templates": wechat.template_ids,
                "h5_login_url": wechat.base_url + "/login",
                "h5_pay_url": wechat.base_url + "/pay",
            },
        }
        path = self.folder / "settings.json"
        write_private(path, json.dumps(settings, indent=2).encode())
        return path

    def _children(self, settings: Path) -> list[ChildSpec]:
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir(mode=0o700)
        environment = {
            **os.environ,
            "HOSPITAL_SETTINGS": str(settings),
            "PROMETHEUS_MULTIPROC_DIR": str(self.metrics),
            "NO_PROXY": "127.0.0.1,localhost",
        }

        # Nothing they hold needs a farewell, and a kill cannot be lost in the moment that Sanic sets up its handlers.
        abrupt = {"death_signal": signal.SIGKILL}

        def python(name: str, *arguments: str, **options: Any) -> ChildSpec:
            return ChildSpec(name=name, argv=[sys.executable, "-m", *arguments], env=environment, **options)

        sockets, needed = self.sockets, self.engines.needed
        web, wechat, sms, kiosk = (s.fileno() for s in (sockets.web, sockets.wechat, sockets.sms, sockets.kiosk))
        # Payment numbers begin anew in another database: WeChat's book is kept per database.
        wechat_state = str(self.folder / "wechat" / f"state{self.engines.database_mark}.json")
        wechat_config = str(self.folder / "wechat" / "wechat-sandbox.json")
        return [
            *self.engines.children,
            python(
                "wechat", "sandbox.wechat", "--fd", str(wechat), "--config", wechat_config, "--state", wechat_state,
                pass_fds=(wechat,), ready=answers(origin_of(sockets.wechat) + "/_sim/state"), **abrupt,
            ),
            python("sms", "sandbox.sms", "--fd", str(sms), pass_fds=(sms,), **abrupt),
            self._einvoice_platform(environment, sockets.einvoice.fileno()),
            self._video_rooms(environment, sockets.video.fileno()),
            python("prepare", "backend.demo.prepare", str(self.folder), once=True,
                   depends_on=needed("postgres"), ready_timeout_s=600),
            *(
                python(f"web{n}", "backend.serving", str(web), pass_fds=(web,), depends_on=needed("prepare", "redis"),
                       ready=answers(self.origin + "/readyz"))
                for n in range(1, WORKERS + 1)
            ),
            python("worker", "backend.worker", depends_on=needed("prepare", "redis", "wechat")),
            ChildSpec(
                name="kiosk", argv=self._kiosk_argv(kiosk), env=environment, pass_fds=(kiosk,), depends_on=("web1",),
                death_signal=signal.SIGKILL, ready=answers(origin_of(sockets.kiosk) + "/healthz"),
            ),
        ]  # fmt: skip

    def _einvoice_platform(self, environment: dict[str, str], fd: int) -> ChildSpec:
        """Like WeChat's, its book is kept per database: numbers of bills begin anew in another."""
        origin = origin_of(self.sockets.einvoice)
        book = str(self.folder / f"einvoices{self.engines.database_mark}.jsonl")
        account = {
            "EINVOICE_APPID": _EINVOICE_APPID,
            "EINVOICE_KEY": SecretFile(self.folder).ensure(*_SECRETS)["einvoice_key"],
        }
        return ChildSpec(
            name="einvoice", argv=[sys.executable, "-m", "sandbox.einvoice", "--fd", str(fd), "--state", book],
            env={**environment, **account}, pass_fds=(fd,), ready=answers(origin + "/healthz"),
            death_signal=signal.SIGKILL,
        )  # fmt: skip

    def _video_rooms(self, environment: dict[str, str], fd: int) -> ChildSpec:
        account = {
            "VIDEO_APP_ID": _VIDEO_APP_ID,
            "VIDEO_SECRET": SecretFile(self.folder).ensure(*_SECRETS)["video_secret"],
        }
        return ChildSpec(
            name="video", argv=[sys.executable, "-m", "sandbox.video", "--fd", str(fd)], env={**environment, **account},
            pass_fds=(fd,), ready=answers(origin_of(self.sockets.video) + "/healthz"), death_signal=signal.SIGKILL,
        )  # fmt: skip

    def _kiosk_argv(self, fd: int) -> Callable[[], list[str]]:
        def argv() -> list[str]:
            prepared = self._prepared()
            cards = self.folder / "kiosk-cards.json"
            people = [{"document_no": p["document_no"], "name": p["name"]} for p in prepared["people"]]
            write_private(cards, json.dumps(people, ensure_ascii=False).encode())
            command = [
                sys.executable, "-m", "kiosk_agent", "run", "--server", self.origin,
                "--data", str(self.folder / "kiosk"), "--fd", str(fd), "--simulate", "--sim-cards", str(cards),
                "--frame-ancestor", self.origin,
            ]  # fmt: skip
            code = prepared["kiosk_enrolment_code"]
            return [*command, "--enrolment-code", code] if code else command

        return argv

    def _prepared(self) -> dict[str, Any]:
        prepared: dict[str, Any] = json.loads((self.folder / "prepared.json").read_text())
        return prepared

    async def _write_ready_file(self) -> dict[str, Any]:
        prepared = self._prepared()
        kiosk, wechat = origin_of(self.sockets.kiosk), origin_of(self.sockets.wechat)
        facts = {
            "urls": {
                "home": self.origin + "/",
                "api": self.origin,
                "phone": self.origin + "/phone/",
                "console": self.origin + "/console/",
                "display": self.origin + "/display/",
                "docs": self.origin + "/docs/",
                "kiosk": kiosk + "/",
                "kiosk_simulator": kiosk + "/_sim",
                "wechat": wechat,
                "sms": origin_of(self.sockets.sms),
                "einvoice": origin_of(self.sockets.einvoice),
                "video": origin_of(self.sockets.video),
            },
            "pids": {"demo": os.getpid(), **self.supervisor.pids()},
            "engines": self.engines.facts,
            "folder": str(self.folder),
            "password": prepared["password"],
            "staff": prepared["staff"],
            "doctors": prepared["doctors"],
            "now": prepared["now"],
            "people": prepared["people"],
            "phone_user": prepared["phone_user"],
            "wechat": {"appid": self._appid(), "base_url": wechat, "users": await _wechat_users(wechat)},
            "kiosk": {"url": kiosk, "simulator": kiosk + "/_sim", "prints": kiosk + _KIOSK_PRINTS},
            "display": prepared["display"],
        }
        await self._approve_kiosk()
        if self.ready_file is not None:
            write_private(self.ready_file, json.dumps(facts, indent=2, ensure_ascii=False, default=str).encode())
        return facts

    def _appid(self) -> str:
        return str(json.loads((self.folder / "settings.json").read_text())["wechat"]["appid"])

    async def _approve_kiosk(self) -> None:
        """Do what the administrator does at the console: let the demo's own kiosk in."""
        async with httpx.AsyncClient(base_url=self.origin, timeout=_APPROVE_S, trust_env=False) as client:
            answer = await client.post("/demo/approve-kiosk")
            answer.raise_for_status()

    def _mark_dead(self, name: str, pid: int) -> None:
        if name.startswith("web"):
            from prometheus_client import multiprocess

            multiprocess.mark_process_dead(pid, path=str(self.metrics))  # type: ignore[no-untyped-call]


async def _wechat_users(base_url: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        answer = await client.get(base_url + "/_sim/users")
        return list(answer.json()["items"]) if answer.is_success else []


def _hex(secret: str) -> str:
    """A 32-byte key in hex from whatever text the secret file holds."""
    from hashlib import sha256

    return sha256(secret.encode()).hexdigest()
