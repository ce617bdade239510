// Shared by the sheets: API calls, and going back only to places the configuration allows.

export const query = new URLSearchParams(location.search);

export async function api(path, body) {
  const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(`/_sim${path}`, options);
  } catch {
    throw new Error("连接不上模拟器，请确认它正在运行");
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message ?? `请求失败（${response.status}）`);
  return answer;
}

export const element = (id) => document.getElementById(id);

export function show(problem) {
  element("problem").textContent = problem;
  element("problem").hidden = !problem;
}

export function allowedAddress(text, origins) {
  let address;
  try {
    address = new URL(text);
  } catch {
    return null;
  }
  return origins.includes(address.origin) ? address : null;
}

export function goBack(text, origins, values) {
  const address = allowedAddress(text, origins);
  if (!address) {
    show("返回地址不在允许的范围内（配置 return_origins），页面停留在此处");
    return false;
  }
  for (const [name, value] of Object.entries(values)) address.searchParams.set(name, value);
  location.assign(address);
  return true;
}

// Tells the page that opened or framed this sheet, if it is one of ours. A page of another origin hears nothing.
export function tell(message, origins) {
  const redirect = allowedAddress(query.get("redirect") ?? "", origins);
  const referrer = allowedAddress(document.referrer, origins);
  const framing = window.parent !== window ? window.parent : null;
  const known = framing && location.ancestorOrigins?.length ? [location.ancestorOrigins[0]] : [];
  const targets = known.length ? known : [referrer?.origin, redirect?.origin];
  const target = targets.find((origin) => origin && origins.includes(origin));
  const receiver = framing ?? window.opener;
  if (target && receiver) receiver.postMessage(message, target);
}

export const yuan = (fen) => `¥${Math.floor(fen / 100).toLocaleString("zh-CN")}.${String(fen % 100).padStart(2, "0")}`;

export const maskedPhone = (phone) => `${phone.slice(0, 3)}****${phone.slice(-4)}`;

export const remember = (openid) => localStorage.setItem("wechat.openid", openid);

export const remembered = () => localStorage.getItem("wechat.openid");
