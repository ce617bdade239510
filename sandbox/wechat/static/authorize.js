import { api, element, goBack, maskedPhone, query, remembered, show } from "./common.js";

const scope = query.get("scope") ?? "phone";
const wanted = (query.get("template_ids") ?? "").split(",").filter(Boolean);
const openid = query.get("openid") ?? remembered() ?? "";
const path = `/users/${encodeURIComponent(openid)}`;
let origins = [];

function leave(values) {
  if (query.has("state")) values.state = query.get("state");
  goBack(query.get("redirect_uri") ?? "", origins, values);
}

function choice(template) {
  const label = document.createElement("label");
  label.className = "check";
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.value = template.template_id;
  const text = document.createElement("span");
  text.textContent = template.title;
  label.append(box, text);
  return label;
}

async function answerSubscribe(allowed) {
  const accepted = [];
  for (const template_id of wanted) {
    const box = document.querySelector(`input[value="${CSS.escape(template_id)}"]`);
    const accept = allowed && Boolean(box?.checked);
    await api(`${path}/subscribe`, { template_id, accept });
    if (accept) accepted.push(template_id);
  }
  leave({ subscribed: accepted.join(",") });
}

async function answer(allowed) {
  show("");
  try {
    if (scope === "subscribe") await answerSubscribe(allowed);
    else if (allowed) leave({ phone_code: (await api(`${path}/phone-code`, {})).code });
    else leave({ error: "denied" });
  } catch (error) {
    show(error.message);
  }
}

async function open() {
  try {
    const config = await api("/page-config");
    origins = config.return_origins;
    element("merchant").textContent = config.merchant_name;
    if (!openid) throw new Error("请先在微信登录页选择用户");
    const user = await api(path);
    if (scope === "subscribe") {
      element("wish").textContent = `申请向 ${user.nickname} 发送以下消息`;
      element("choices").replaceChildren(
        ...config.templates.filter((template) => wanted.includes(template.template_id)).map(choice),
      );
    } else {
      element("wish").textContent = `申请获取 ${user.nickname} 的手机号 ${maskedPhone(user.phone)}`;
    }
    element("allow").disabled = false;
  } catch (error) {
    show(error.message);
  }
}

element("allow").addEventListener("click", () => answer(true));
element("deny").addEventListener("click", () => answer(false));
open();
