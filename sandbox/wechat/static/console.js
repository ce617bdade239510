import { api, element, show, yuan } from "./common.js";

const POLL_MS = 2000;
const SHOWN = 50;
const STATES = { NOTPAY: "待支付", SUCCESS: "已支付", REFUND: "转入退款", CLOSED: "已关闭",
  PROCESSING: "处理中", ABNORMAL: "异常", pending: "待送达", delivered: "已送达", exhausted: "已放弃" };
const FAILURES = { TimeoutError: "应答超时", ConnectError: "连接失败", "lost on the way": "途中丢失" };
let kinds = {};
let last = "";

async function remove(path) {
  const response = await fetch(`/_sim${path}`, { method: "DELETE" });
  if (!response.ok) show("操作失败");
  await refresh();
}

async function act(path, body) {
  show("");
  try {
    await api(path, body);
  } catch (error) {
    show(error.message);
  }
  await refresh();
}

const local = (at) => new Date(at * 1000).toLocaleString("zh-CN", { timeZone: "Asia/Shanghai", hour12: false });

function button(text, work) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", work);
  return made;
}

function cell(content) {
  const made = document.createElement("td");
  if (content instanceof Node) made.append(content);
  else if (content && typeof content === "object") {
    made.textContent = content.text;
    made.className = content.mark ?? "";
  } else made.textContent = content ?? "";
  return made;
}

function table(id, heads, rows) {
  const place = element(id);
  if (!rows.length) {
    const empty = document.createElement("p");
    empty.className = "empty";
    empty.textContent = "暂无";
    place.replaceChildren(empty);
    return;
  }
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const text of heads) {
    const th = document.createElement("th");
    th.scope = "col";
    th.textContent = text;
    head.append(th);
  }
  const body = made.createTBody();
  for (const row of rows) body.insertRow().append(...row.map(cell));
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  scroll.append(made);
  place.replaceChildren(scroll);
}

const newest = (map, key) => Object.values(map).sort((a, b) => b[key] - a[key]).slice(0, SHOWN);
const money = (fen) => ({ text: yuan(fen), mark: "money" });
const stateCell = (name) => ({ text: STATES[name] ?? name, mark: ["ABNORMAL", "exhausted"].includes(name) ? "bad" : "" });

function attemptText(attempt) {
  const result = attempt.status ?? FAILURES[attempt.error] ?? attempt.error;
  const faults = attempt.faults.map((name) => kinds[name]?.title ?? name).join("、");
  return `${result}${faults ? `，故障：${faults}` : ""}`;
}

function notificationRow(item) {
  const violated = item.attempts.some((attempt) => attempt.violation);
  const attempts = item.attempts.map(attemptText).join("；");
  return [item.event_type, item.out_trade_no, stateCell(item.status),
    { text: violated ? `${attempts}；商户接受了应拒绝的通知` : attempts, mark: violated ? "bad" : "" },
    item.status === "pending" ? local(item.next_at) : "",
    button("立即发送", () => act(`/notifications/${item.id}/send`, {}))];
}

function orderRow(order) {
  const prepay = Object.keys(order.prepay_ids).at(-1);
  const pay = button("付款", () => act("/pay", { prepay_id: prepay }));
  return [order.out_trade_no, order.request.description, money(order.total_fen), stateCell(order.trade_state),
    local(order.created_at), order.transaction_id ?? "", order.trade_state === "NOTPAY" ? pay : ""];
}

function draw(state) {
  table("orders", ["商户单号", "商品", "金额", "状态", "下单时间", "微信单号", ""], newest(state.orders, "created_at").map(orderRow));
  table("refunds", ["商户退款单号", "商户单号", "金额", "状态", "申请时间"], newest(state.refunds, "created_at").map((item) =>
    [item.out_refund_no, item.out_trade_no, money(item.refund_fen), stateCell(item.status), local(item.created_at)]));
  table("notifications", ["事件", "商户单号", "状态", "投递", "下次", ""], newest(state.notifications, "created_at").map(notificationRow));
  table("users", ["昵称", "手机号", "openid"], Object.values(state.users).slice(0, 200).map((user) => [user.nickname, user.phone, user.openid]));
  const names = (openid) => state.users[openid]?.nickname ?? openid;
  table("messages", ["时间", "收件人", "模板", "内容", "页面"], state.messages.slice(-SHOWN).reverse().map((item) =>
    [local(item.sent_at), names(item.openid), item.title, Object.values(item.data).join(" · "), item.page]));
  table("calls", ["时间", "接口", "路径", "结果", "故障"], state.calls.slice(0, SHOWN).map((call) =>
    [local(call.at), call.operation, `${call.method} ${call.path}`,
      { text: `${call.status || "无应答"} ${call.code === "0" ? "" : call.code}`, mark: call.status >= 400 || !call.status ? "bad" : "" },
      kinds[call.fault]?.title ?? call.fault]));
  table("rules", ["故障", "对象", "剩余次数", "数值", "限订单", ""], state.rules.map((rule) =>
    [kinds[rule.kind]?.title ?? rule.kind, rule.target === "*" ? "全部" : rule.target, rule.times < 0 ? "一直" : rule.times,
      kinds[rule.kind]?.unit ? `${rule.value} ${kinds[rule.kind].unit}` : "", rule.out_trade_no ?? "",
      button("关闭", () => remove(`/faults/${rule.id}`))]));
  for (const name of ["time_scale", "clock_offset_seconds", "refund_seconds"]) {
    if (document.activeElement !== element(name)) element(name).value = state.settings[name];
  }
}

async function refresh() {
  try {
    const { business_time, ...state } = await api("/state");
    element("clock").textContent = business_time.slice(0, 19).replace("T", " ");
    element("link").textContent = "运行中";
    // Redraw only what changed, so that a button is not pulled from under a finger.
    const text = JSON.stringify(state);
    if (text !== last) draw(state);
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

element("kind").addEventListener("change", chooseKind);
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
  const settings = {};
  for (const name of ["time_scale", "clock_offset_seconds", "refund_seconds"]) settings[name] = Number(element(name).value);
  act("/settings", settings);
});

kinds = (await api("/faults")).kinds;
element("kind").replaceChildren(...Object.entries(kinds).map(([name, kind]) => new Option(kind.title, name)));
chooseKind();
await refresh();
setInterval(() => {
  if (!document.hidden) refresh();
}, POLL_MS);
