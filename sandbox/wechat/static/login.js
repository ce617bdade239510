import { api, element, goBack, maskedPhone, query, remember, show } from "./common.js";

const wantsPhone = (query.get("scope") ?? "").split(/[ ,]/).includes("phone");
let origins = [];

async function enter(user) {
  show("");
  try {
    const path = `/users/${encodeURIComponent(user.openid)}`;
    const values = { code: (await api(`${path}/login-code`, {})).code };
    if (wantsPhone && element("with-phone").checked) values.phone_code = (await api(`${path}/phone-code`, {})).code;
    if (query.has("state")) values.state = query.get("state");
    remember(user.openid);
    goBack(query.get("redirect_uri") ?? "", origins, values);
  } catch (error) {
    show(error.message);
  }
}

function row(user) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const face = document.createElement("span");
  face.className = "face";
  face.setAttribute("aria-hidden", "true");
  face.textContent = [...user.nickname][0];
  const text = document.createElement("span");
  const phone = document.createElement("small");
  phone.textContent = maskedPhone(user.phone);
  text.append(user.nickname, phone);
  button.append(face, text);
  button.addEventListener("click", () => enter(user));
  item.append(button);
  return item;
}

async function open() {
  try {
    const config = await api("/page-config");
    origins = config.return_origins;
    element("merchant").textContent = `${config.merchant_name} 申请使用你的微信身份`;
    element("phone-choice").hidden = !wantsPhone;
    element("people").replaceChildren(...(await api("/users")).items.map(row));
  } catch (error) {
    show(error.message);
  }
}

element("new-user").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await enter(await api("/users", { nickname: element("nickname").value, phone: element("phone").value }));
  } catch (error) {
    show(error.message);
  }
});
open();
