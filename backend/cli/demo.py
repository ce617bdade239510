"""``hospital demo`` and ``hospital visit``."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.panel import Panel
from rich.table import Table

from backend.cli.console import fail, out, run_async

DEFAULT_PORT = 8000
DEFAULT_FOLDER = Path(".data/demo")

_STAGES = ("prepare",)
_ROLES = {
    "nurse": "护士",
    "registrar": "挂号员",
    "cashier": "收费员",
    "pharmacist": "药师",
    "technician": "技师",
    "manager": "管理人员",
    "system_admin": "系统管理员",
    "security_admin": "安全管理员",
    "audit_admin": "审计管理员",
}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("demo")(demo)
    app.command("visit")(visit)


def demo(
    port: Annotated[int, typer.Option(help="Port of the web server on 127.0.0.1.")] = DEFAULT_PORT,
    data: Annotated[Path, typer.Option(help="Folder of this demo's data; several demos need several folders.")] = (
        DEFAULT_FOLDER
    ),
    ready_file: Annotated[
        Path | None, typer.Option(help="JSON written when ready (0600): addresses, process ids, log-ins.")
    ] = None,
) -> None:
    """Run the whole hospital on this machine: engines, simulated outside world, server, worker, kiosk.

    With DATABASE_URL, DATABASE_OWNER_URL and DATABASE_SEALER_URL no PostgreSQL is started, with REDIS_URL no Redis.
    """
    from backend.demo.run import Demo
    from backend.processes import StartupRefused
    from backend.settings import SettingsError, engine_urls

    started = time.monotonic()
    ready_file = (ready_file or data / "ready.json").absolute()

    def tell(name: str, line: str) -> None:
        if name in _STAGES:
            out.print(f"  [dim]{time.monotonic() - started:5.1f}s[/] {line}")

    out.print("[bold]智慧医院[/] starting …")
    try:
        house = Demo(data, port, ready_file, tell, engine_urls())
    except (StartupRefused, SettingsError) as error:
        fail(str(error))
    run_async(house.run(lambda facts: _welcome(facts, time.monotonic() - started, ready_file)))
    out.print("stopped, nothing is left running")


def _welcome(facts: dict[str, Any], seconds: float, ready_file: Path) -> None:
    urls = facts["urls"]
    places = Table(title="打开", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for _ in range(3):
        places.add_column(overflow="fold")  # an address that is cut off leads nowhere
    user = facts["phone_user"]
    known = f"; log in as {user}, who has been here before" if user else ""
    rows = [
        ("全景演示", urls["home"], "phone, kiosk, screen and doctor side by side"),
        ("手机", urls["phone"], f"the patient's phone (H5 over the mini-program API){known}"),
        ("自助机", urls["kiosk"], f"simulator: {urls['kiosk_simulator']}"),
        ("候诊屏", urls["display"], "pairs by a code"),
        ("工作站", urls["console"], "doctor, registrar, administrators"),
        ("接口文档", urls["docs"], urls["api"] + "/openapi.json"),
        ("微信模拟", urls["wechat"] + "/", "switches for faults"),
        ("短信模拟", urls["sms"] + "/", "codes to phones"),
        ("票据模拟", urls["einvoice"] + "/", "e-invoices and switches for faults"),
        ("视频诊室模拟", urls["video"] + "/", "rooms of online visits"),
    ]
    for name, url, note in rows:
        places.add_row(f"[bold]{name}[/]", f"[cyan]{url}[/]", f"[dim]{note}[/]")
    people = Table(title=f"登录 · 口令 {facts['password']}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("岗位", "账号", "动态口令密钥 (TOTP)"):
        people.add_column(column, no_wrap=True, overflow="fold")
    now = facts["now"]
    people.add_row(f"医生 · {now['department_name']}", now["staff_login"], "—")
    for login in facts["staff"]:
        if login["role"] != "doctor":
            people.add_row(_ROLES.get(login["role"], login["role"]), login["login"], login["totp_secret"] or "—")
    out.print(Panel.fit(places, border_style="green"))
    out.print(Panel.fit(people, border_style="blue"))
    out.print(
        f"ready after {seconds:.1f} s · details in {os.path.relpath(ready_file)} · Ctrl-C stops everything",
        soft_wrap=True,
    )


def visit(
    ready_file: Annotated[Path, typer.Option(help="The ready file of the demo to talk to.")] = DEFAULT_FOLDER
    / "ready.json",
    patients: Annotated[int, typer.Option(min=1, max=500, help="How many visits to walk at once.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds a single step may take before it counts as failed.")] = 60.0,
    scenario: Annotated[
        str, typer.Option(help="Prove something instead: rush, waitlist, stop-clinic, lost-callback, refund, "
                               "late-payment, or all.")
    ] = "",
) -> None:  # fmt: skip
    """Walk outpatient visits through the public interfaces, as patient, kiosk, screen, doctor and WeChat."""
    from backend.visit import play, walk
    from backend.visit.scenarios import SCENARIOS

    if not ready_file.exists():
        fail(f"There is no {ready_file}: start a demo first (make demo), or name its file with --ready-file.")
    if not scenario:
        raise typer.Exit(run_async(walk(ready_file, patients, timeout, out)))
    names = list(SCENARIOS) if scenario == "all" else [scenario]
    if not set(names) <= set(SCENARIOS):
        fail(f"There is no scenario {scenario}: choose one of {', '.join(SCENARIOS)}, or all.")
    raise typer.Exit(run_async(play(ready_file, names, patients, timeout, out)))
