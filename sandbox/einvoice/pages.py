"""What people see 页面: the face of a document, and the simulator's console."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Mapping

import qrcode

from sandbox.einvoice.book import Document, Paper, yuan
from sandbox.einvoice.faults import KINDS, METHODS, Rule

CSS = """
:root { color-scheme: light; font-family: system-ui, "Noto Sans CJK SC", sans-serif; color: #14322c; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; background: #f4f7f6; line-height: 1.6; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
.sheet { max-width: 38rem; margin: 0 auto; padding: 1.25rem; border: 2px solid #b0413a; background: #fff; }
.sheet h1 { margin: 0 0 .75rem; color: #b0413a; text-align: center; }
.sheet--red .fen { color: #b3261e; }
.sim { color: #5a6d68; text-align: center; font-size: .9rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 0 0 1rem; }
dt { color: #5a6d68; } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; background: #fff; }
th, td { padding: .4rem .5rem; border-bottom: 1px solid #dce5e2; text-align: left; font-variant-numeric: tabular-nums; }
td.fen, th.fen { text-align: right; white-space: nowrap; }
.void { margin: 0 0 1rem; padding: .5rem; border: 2px solid #b3261e; color: #b3261e; text-align: center; }
img { display: block; width: 9rem; margin: 0 auto; }
form { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin: .75rem 0; }
select, input, button { min-height: 2.5rem; font: inherit; }
"""


def qr_png(text: str) -> str:
    """A QR code as PNG in base64 (billQRCode)."""
    picture = io.BytesIO()
    qrcode.make(text, box_size=4, border=2).save(picture)
    return base64.b64encode(picture.getvalue()).decode()


def _document(title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=zh-CN><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><link rel=stylesheet href=/sheet.css><body>{body}</body></html>"
    )


def missing() -> str:
    """Nothing under this number and check code."""
    return _document("查无此票", "<main><h1>查无此票</h1><p>请核对票据代码、票据号码和校验码。</p></main>")


def bill(one: Document, documents: Mapping[str, Document], paper: Paper | None = None) -> str:
    """The face of a document 票面."""
    red = one.of is not None
    sign = "-" if red else ""
    rows = "".join(
        f"<tr><td>{html.escape(item['name'])}</td><td class=fen>{sign}{html.escape(item['amt'])}</td></tr>"
        for item in one.items
    )
    facts = {
        "票据代码": one.batch_code, "票据号码": one.bill_no, "校验码": one.random, "交款人": one.payer,
        "开票日期": f"{one.created_at[:4]}-{one.created_at[4:6]}-{one.created_at[6:8]}",
        **({"已换开纸质票据": paper.paper_no} if paper else {}),
        **({"冲红原票": one.of, "冲红原因": one.reason} if red else {}),
    }  # fmt: skip
    listed = "".join(f"<dt>{name}</dt><dd>{html.escape(str(value))}</dd>" for name, value in facts.items())
    void = ""
    if one.red_no is not None:
        void = f"<p class=void>本票据已冲红作废，红票号码 {html.escape(documents[one.red_no].bill_no)}</p>"
    title = "医疗收费票据（电子）" + ("红字" if red else "")
    return _document(
        title,
        f"<main class='sheet{' sheet--red' if red else ''}'><h1>{title}</h1>{void}<dl>{listed}</dl>"
        f"<table><tr><th>项目<th class=fen>金额（元）</tr>{rows}"
        f"<tr><th>合计<th class=fen>{sign}{yuan(one.fen)}</tr></table></main>"
        "<p class=sim>模拟票据，仅供演示，不作报销凭证</p>",
    )


def console(documents: Mapping[str, Document], rules: Iterable[Rule], address: Callable[[Document], str]) -> str:
    """The simulator's console: switches, and the newest documents."""
    kinds = "".join(f"<option value={kind}>{html.escape(title)}</option>" for kind, title in KINDS.items())
    targets = "<option value=*>全部接口</option><option value=issue>全部开票接口</option>" + "".join(
        f"<option value={method}>{method}</option>" for method in METHODS
    )
    on = "".join(
        f"<li>{html.escape(KINDS[rule.kind])} · {html.escape(rule.target)} · "
        f"{'一直' if rule.times < 0 else f'还有 {rule.times} 次'}</li>"
        for rule in rules
    )
    rows = "".join(
        f"<tr><td><a href='{html.escape(address(one))}'>{one.bill_no}</a></td><td>{html.escape(one.bus_no)}</td>"
        f"<td>{_kind(one)}</td><td>{html.escape(one.payer)}</td><td class=fen>{yuan(one.fen)}</td></tr>"
        for one in sorted(documents.values(), key=lambda one: one.bill_no, reverse=True)[:200]
    )
    return _document(
        "电子票据平台模拟",
        "<main><h1>电子票据平台模拟</h1><h2>故障开关</h2>"
        f"<form method=post action=/_sim/faults><label>故障 <select name=kind>{kinds}</select></label>"
        f"<label>接口 <select name=target>{targets}</select></label>"
        "<label>次数（-1 一直） <input name=times value=1 size=4></label><button>打开</button></form>"
        f"<ul>{on or '<li>没有打开的故障</li>'}</ul>"
        "<form method=post action=/_sim/faults/clear><button>全部关闭</button></form><h2>票据</h2>"
        f"<table><tr><th>号码<th>业务流水号<th>种类<th>交款人<th class=fen>金额</tr>{rows}</table></main>",
    )


def _kind(one: Document) -> str:
    if one.of is not None:
        return f"红票（冲 {one.of}）"
    return "已冲红" if one.red_no else "正常"
