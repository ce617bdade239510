import { api, element, show, yuan } from "./common.js";
import { button, group, lines, link, table } from "./tables.js";

const POLL_MS = 2000;
const SHOWN = 50;
const STATES = { NOTPAY: "待支付", USERPAYING: "等待输密码", SUCCESS: "已支付", REFUND: "转入退款", CLOSED: "已关闭",
  REVOKED: "已撤销", PAYERROR: "支付失败", PROCESSING: "处理中", ABNORMAL: "异常",
  pending: "待送达", delivered: "已送达", exhausted: "已放弃" };
const REFUND_STATES = { ...STATES, SUCCESS: "已退款", CLOSED: "退款关闭" };
const WAYS = { JSAPI: "小程序", NATIVE: "扫码", MICROPAY: "付款码" };
const FAILURES = { TimeoutError: "应答超时", ConnectError: "连接失败", "lost on the way": "途中丢失" };
const EVENTS = { subscribe_msg_popup_event: "订阅授权", subscribe_msg_change_event: "订阅设置变更",
  subscribe_msg_sent_event: "订阅消息送达" };
const BAD = ["ABNORMAL", "exhausted", "PAYERROR"];
const PRESETS = [
  ["回调重复三份", { kind: "callback_duplicate", times: 1, value: 2 }],
  ["支付回调全部丢失", { kind: "callback_drop", target: "TRANSACTION", times: -1 }],
  ["回调先于应答", { kind: "callback_before_response", times: 1 }],
  ["下单已受理不应答", { kind: "api_timeout", target: "prepay", times: 1, value: 20 }],
  ["应答签名探测", { kind: "api_signature_probe", times: 1 }],
  ["关单前一刻付款", { kind: "pay_before_close", times: 1 }],
  ["用户用代金券", { kind: "coupon", times: 1, value: 100 }],
  ["退款异常", { kind: "refund_abnormal", times: 1 }],
  ["账单少一笔支付", { kind: "bill_payment_missing", times: -1, value: 1 }],
  ["账单金额不符", { kind: "bill_amount", times: -1, value: 1 }],
];
const NUMBERS = ["time_scale", "clock_offset_seconds", "refund_seconds", "callback_timeout_seconds"];
const TEXTS = ["callback_signing", "push_format", "push_url"];
let kinds = {};
let state = null;
let last = "";

async function act(path, body) {
  show("");
  try {
    return await api(path, body);
  } catch (error) {
    show(error.message);
    return null;
  } finally {
    await refresh();
  }
}

async function remove(path) {
  const response = await fetch(`/_sim${path}`, { method: "DELETE" });
  if (!response.ok) show("操作失败");
  await refresh();
}

const local = (at) => new Date(at * 1000).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });
const clock = (at) => local(at).split(" ")[1];
const newest = (map, key) => Object.values(map).sort((a, b) => b[key] - a[key]).slice(0, SHOWN);
const money = (fen) => ({ text: yuan(fen), mark: "money" });
const stateCell = (name, texts = STATES) => ({ text: texts[name] ?? name, mark: BAD.includes(name) ? "bad" : "" });
const faultNames = (names) => names.map((name) => kinds[name]?.title ?? name).join("、");

function attempts(items, accepted) {
  return lines(items.map((attempt) => {
    const result = attempt.status ?? FAILURES[attempt.error] ?? attempt.error;
    const faults = attempt.faults.length ? `，${faultNames(attempt.faults)}` : "";
    const violated = attempt.violation ? `，${accepted}` : "";
    return { text: `${clock(attempt.at)} ${result}，${attempt.milliseconds} 毫秒${faults}${violated}`,
      mark: attempt.violation ? "bad" : "" };
  }));
}

function orderActions(order) {
  const payer = element("payer").value;
  if (order.trade_state === "USERPAYING") {
    return group(button("输入密码", () => act(`/orders/${order.out_trade_no}/password`, {})),
      button("取消", () => act(`/orders/${order.out_trade_no}/password`, { accept: false })));
  }
  if (order.trade_state !== "NOTPAY") return "";
  if (order.trade_type === "NATIVE") return button("扫码付款", () => act("/pay", { code_url: order.code_url, openid: payer }));
  return button("付款", () => act("/pay", { prepay_id: Object.keys(order.prepay_ids).at(-1) }));
}

function orderRow(order) {
  return [order.out_trade_no, WAYS[order.trade_type], order.request.description, money(order.total_fen),
    stateCell(order.trade_state), order.sub_mchid || "—", local(order.created_at), order.transaction_id ?? "", orderActions(order)];
}

function drawOrders() {
  const wanted = element("find").value.trim();
  const found = newest(state.orders, "created_at").filter((order) =>
    !wanted || order.out_trade_no.includes(wanted) || order.request.description.includes(wanted));
  table("orders", ["商户单号", "方式", "商品", "金额", "状态", "特约商户", "下单时间", "微信单号", ""], found.map(orderRow));
}

function refundRow(item) {
  const waits = item.status === "PROCESSING";
  return [item.out_refund_no, item.out_trade_no, money(item.refund_fen), stateCell(item.status, REFUND_STATES), item.account, local(item.created_at),
    waits ? button("立即到账", () => act(`/refunds/${item.out_refund_no}/settle`, {})) : ""];
}

const notificationRow = (item) => [item.event_type, item.out_trade_no, stateCell(item.status),
  attempts(item.attempts, "商户接受了应拒绝的通知"), item.status === "pending" ? local(item.next_at) : "",
  button("立即发送", () => act(`/notifications/${item.id}/send`, {}))];

const billRow = (bill) => [bill.day, local(bill.at), bill.sub_mchid || "全部", String(bill.rows),
  bill.planted.length ? lines(bill.planted.map((one) => `${kinds[one.kind]?.title ?? one.kind}：${one.out_refund_no || one.out_trade_no}`)) : "无",
  { text: bill.sha1.slice(0, 12), mark: "money" }, link("查看", `/_sim/bills/${bill.id}`)];

function drawRules() {
  table("rules", ["故障", "对象", "剩余次数", "数值", "限订单", ""], state.rules.map((rule) =>
    [kinds[rule.kind]?.title ?? rule.kind, rule.target === "*" ? "全部" : rule.target, rule.times < 0 ? "一直" : rule.times,
      kinds[rule.kind]?.unit ? `${rule.value} ${kinds[rule.kind].unit}` : "", rule.out_trade_no ?? "",
      button("关闭", () => remove(`/faults/${rule.id}`))]));
}

function drawPeople() {
  const names = (openid) => state.users[openid]?.nickname ?? openid;
  table("users", ["昵称", "手机号", "openid"], Object.values(state.users).slice(0, 200).map((user) => [user.nickname, user.phone, user.openid]));
  table("messages", ["时间", "收件人", "模板", "内容", "页面"], state.messages.slice(-SHOWN).reverse().map((item) =>
    [local(item.sent_at), names(item.openid), item.title, Object.values(item.data).join(" · "), item.page]));
  table("pushes", ["时间", "事件", "用户", "状态", "投递"], newest(state.pushes, "created_at").map((item) =>
    [local(item.created_at), EVENTS[item.event] ?? item.event, names(item.openid), stateCell(item.status),
      attempts(item.attempts, "接受了伪造的推送")]));
  const payer = element("payer");
  const chosen = payer.value;
  payer.replaceChildren(...Object.values(state.users).slice(0, 200).map((user) => new Option(user.nickname, user.openid)));
  if (state.users[chosen]) payer.value = chosen;
}

function drawSettings() {
  const shown = { ...state.settings, push_encrypted: String(state.settings.push_encrypted) };
  for (const name of [...NUMBERS, ...TEXTS, "push_encrypted"]) {
    if (document.activeElement !== element(name)) element(name).value = shown[name];
  }
}

function draw() {
  drawPeople();
  drawOrders();
  table("refunds", ["商户退款单号", "商户单号", "金额", "状态", "退回账户", "申请时间", ""], newest(state.refunds, "created_at").map(refundRow));
  table("notifications", ["事件", "商户单号", "状态", "投递记录", "下次", ""], newest(state.notifications, "created_at").map(notificationRow));
  table("bills", ["账单日", "下载时间", "特约商户", "行数", "植入的差异", "摘要", ""], state.bills.map(billRow));
  table("calls", ["时间", "接口", "路径", "结果", "故障"], state.calls.slice(0, SHOWN).map((call) =>
    [local(call.at), call.operation, `${call.method} ${call.path}`,
      { text: `${call.status || "无应答"} ${call.code === "0" ? "" : call.code}`, mark: call.status >= 400 || !call.status ? "bad" : "" },
      kinds[call.fault]?.title ?? call.fault]));
  drawRules();
  drawSettings();
}

async function refresh() {
  try {
    const { business_time, ...found } = await api("/state");
    element("clock").textContent = business_time.slice(0, 19).replace("T", " ");
    element("link").textContent = "运行中";
    if (!element("bill-day").value) element("bill-day").value = business_time.slice(0, 10);
    // Redraw only what changed, so that a button is not pulled from under a finger.
    const text = JSON.stringify(found);
    state = found;
    if (text !== last) draw();
    last = text;
  } catch {
    element("link").textContent = "连接已断开，正在重试";
  }
}

function chooseKind() {
  const kind = kinds[element("kind").value];
  element("target").replaceChildren(new Option("全部", "*"), ...kind.targets.map((name) => new Option(name, name)));
  element("value").value = kind.value;
  element("unit").textContent = kind.unit || "数值（不用）";
  element("value").disabled = !kind.unit;
}

function fillKinds() {
  const groups = new Map();
  for (const [name, kind] of Object.entries(kinds)) {
    if (!groups.has(kind.group)) {
      const made = document.createElement("optgroup");
      made.label = kind.group;
      groups.set(kind.group, made);
    }
    groups.get(kind.group).append(new Option(kind.title, name));
  }
  element("kind").replaceChildren(...groups.values());
  element("presets").replaceChildren(...PRESETS.map(([title, rule]) => button(title, () => act("/faults", rule))));
  chooseKind();
}

/** Seconds from now to 10:00 of the platform's next day in Beijing: the hour at which a day's bill is ready. */
function untilTomorrow() {
  const beijing = new Date(Date.now() + 8 * 3_600_000);
  const ten = Date.UTC(beijing.getUTCFullYear(), beijing.getUTCMonth(), beijing.getUTCDate() + 1, 10) - 8 * 3_600_000;
  return Math.round((ten - Date.now()) / 1000);
}

element("kind").addEventListener("change", chooseKind);
element("find").addEventListener("input", () => state && drawOrders());
element("clear").addEventListener("click", () => remove("/faults"));
element("tomorrow").addEventListener("click", () => act("/settings", { clock_offset_seconds: untilTomorrow() }));
element("now").addEventListener("click", () => act("/settings", { clock_offset_seconds: 0 }));
element("verify").addEventListener("click", async () => {
  if (await act("/push/verify", {})) element("link").textContent = "推送地址校验通过";
});
element("show-code").addEventListener("click", async () => {
  const answer = await act(`/users/${element("payer").value}/payment-code`, {});
  if (!answer) return;
  element("auth-code").textContent = answer.auth_code.replace(/(\d{6})(\d{4})(\d{4})(\d{4})/, "$1 $2 $3 $4");
  element("auth-code").hidden = false;
});
element("fault-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const rule = { kind: element("kind").value, target: element("target").value,
    times: Number(element("times").value), value: Number(element("value").value) };
  const order = element("order").value.trim();
  if (order) rule.out_trade_no = order;
  act("/faults", rule);
});
element("settings-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const settings = { push_encrypted: element("push_encrypted").value === "true" };
  for (const name of NUMBERS) settings[name] = Number(element(name).value);
  for (const name of TEXTS) settings[name] = element(name).value;
  act("/settings", settings);
});
element("bill-form").addEventListener("submit", (event) => {
  event.preventDefault();
  act("/bills", { day: element("bill-day").value });
});
element("payer-form").addEventListener("submit", (event) => event.preventDefault());

kinds = (await api("/faults")).kinds;
fillKinds();
await refresh();
setInterval(() => {
  if (!document.hidden) refresh();
}, POLL_MS);
